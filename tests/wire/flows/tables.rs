//! Tables between people and jobs: what `outscout job` saves can be given back, in every form that a spreadsheet makes
//! of it (outsend 9, 12.2).

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use engine::Module;
use harness::{
    dns, http,
    outsend::{cookie, jobs::create, sign_up_body},
    process::{Folder, Running, outscout, start},
};
use local::data::{DataDirectory, Session};
use serde_json::{Value, json};
use shared::{model::Email, store::ChangeWith};

/// A server, and a person with a key.
pub(super) struct World {
    folder: Folder,
    pub(super) server: Running,
    pub(super) key: String,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`World::start`], with variables of its own.
    pub(super) async fn with(own: &[(&str, &str)]) -> Self {
        let folder = Folder::temporary();
        let names = dns::start().await.unwrap().to_string();
        // what is imported may be on this machine
        let variables = [("OUTSCOUT_DNS_SERVER", names.as_str()), ("OUTSCOUT_CRAWL_ALLOW_HOSTS", "127.0.0.1")];
        let variables: Vec<_> = variables.into_iter().chain(own.iter().copied()).collect();
        let server = start(&folder.0, &variables);
        let headers = [("Content-Type", "application/json")];
        let body = sign_up_body("ada@example.com").to_string();
        let answer = http::send(&server.outsend, "POST", "/api/auth/signup", &headers, body.as_bytes()).await.unwrap();
        let session = cookie(&answer);
        let mut world = Self { folder, server, key: String::new() };
        let store = world.store().await;
        let email = Email::parse("ada@example.com").unwrap();
        let mut user = store.context.store().account_by_email(&email).await.unwrap().unwrap().user;
        user.verified = true;
        assert!(store.context.store().change_user(&user, ChangeWith::default()).await.unwrap());
        store.close().await;
        let headers = [("Content-Type", "application/json"), ("Cookie", session.as_str())];
        let body = json!({"name": "tables"}).to_string();
        let url = &world.server.outsend;
        let answer = http::send(url, "POST", "/api/api-keys", &headers, body.as_bytes()).await.unwrap();
        world.key = answer.json()["key"].as_str().unwrap().to_owned();
        world
    }

    async fn store(&self) -> Session {
        Session::open(&DataDirectory::open(&self.folder.0).unwrap()).await.unwrap()
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.0.join(name).to_str().unwrap().to_owned()
    }

    /// A command of the user, run in the world's folder.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = outscout();
        command.args(arguments).current_dir(&self.folder.0);
        command.env("OUTSCOUT_OUTSEND_KEY", &self.key).env("OUTSCOUT_OUTSEND_URL", &self.server.outsend);
        command
    }

    fn job(&self, arguments: &[&str]) -> Output {
        self.command(&[&["job"], arguments].concat()).output().unwrap()
    }

    /// Makes a job over a file and waits for its end: its id, and what was told of the file.
    fn made(&self, name: &str, bytes: &[u8]) -> (String, String) {
        let file = self.path(name);
        std::fs::write(&file, bytes).unwrap();
        let made = self.job(&["create", "verify-emails", "--items", &file, "--watch", "--json"]);
        let (out, told) = (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr).unwrap());
        assert!(made.status.success(), "{name}: {told}");
        let job: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        (job["id"].as_str().unwrap().to_owned(), told.replace(&file, name))
    }

    fn saved(&self, id: &str, format: &str) -> Vec<u8> {
        let file = self.path(&format!("saved.{format}"));
        let saved = self.job(&["download", id, "--format", format, "--output", &file]);
        assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
        std::fs::read(Path::new(&file)).unwrap()
    }

    fn rows(&self, id: &str) -> Value {
        serde_json::from_slice(&self.saved(id, "json")).unwrap()
    }

    /// The rows that an import makes of a text.
    async fn imported(&self, text: &str) -> Value {
        let store = self.store().await;
        let email = Email::parse("ada@example.com").unwrap();
        let account = store.context.store().account_by_email(&email).await.unwrap().unwrap();
        let options = json!({"source": "paste", "text": text});
        let id = create(&store.context, &account, Module::Import, options, None).await.id;
        for _ in 0..300 {
            let job = store.context.store().any_job(id).await.unwrap().unwrap();
            if !job.status.is_active() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        store.close().await;
        self.rows(&id.to_string())
    }
}

/// The table with another character between its cells.
fn separated(text: &str, separator: char) -> String {
    let mut quoted = false;
    let other = |c| {
        quoted ^= c == '"';
        if c == ';' && !quoted { separator } else { c }
    };
    text.chars().map(other).collect()
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn awkward() -> Value {
    json!([
        {
            "email": "ada@one.test", "nom": "Café \"Le; Nord\"", "telephone": "+33 6 12 34 56 78", "promo": "-5% promo",
            "tag": "@handle", "formula": "=1+1", "empty": "", "list": "a | b", "lines": "one\ntwo\r\n\nthree",
            "blanks": " x ", "tab": "\tx\ty", "guard": "'=1", "=cmd": "1,5", "back\\slash": "C:\\dir\\",
        },
        {
            "email": "bob@one.test", "nom": "Été, l'\"un\"", "telephone": "+33612345678", "promo": "-1.5",
            "tag": "12\" screen", "formula": "\u{a0}=1", "empty": "", "list": "x;y,z", "lines": "\n=1",
            "blanks": "  ", "tab": "a\tb", "guard": "'x", "=cmd": "", "back\\slash": "say \\\"hi\\\"",
        },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_can_be_given_back() {
    let world = World::start().await;
    let (first, _) = world.made("rows.json", awkward().to_string().as_bytes());
    let rows = world.rows(&first);
    for (row, given) in rows.as_array().unwrap().iter().zip(awkward().as_array().unwrap()) {
        assert!(given.as_object().unwrap().iter().all(|(name, cell)| &row[name] == cell), "{row}");
    }
    let marked = String::from_utf8(world.saved(&first, "csv")).unwrap();
    let text = marked.strip_prefix('\u{feff}').unwrap();
    // of the characters here, cp1252 has each in one byte of the same number
    let narrow: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (name, bytes, form) in [
        ("marked.csv", marked.clone().into_bytes(), "separator ';', encoding UTF-8"),
        ("plain.csv", text.as_bytes().to_vec(), "separator ';', encoding UTF-8"),
        ("little.txt", utf_16(&marked, u16::to_le_bytes), "separator ';', encoding UTF-16 LE"),
        ("big.csv", utf_16(&marked, u16::to_be_bytes), "separator ';', encoding UTF-16 BE"),
        ("narrow.csv", narrow, "separator ';', encoding cp1252"),
        ("comma.csv", separated(&marked, ',').into_bytes(), "separator ',', encoding UTF-8"),
        ("tab.tsv", separated(text, '\t').into_bytes(), "separator tab, encoding UTF-8"),
        ("sep.csv", format!("sep=^\r\n{}", separated(text, '^')).into_bytes(), "separator '^', encoding UTF-8"),
        ("windows.tsv", utf_16(&separated(&marked, '\t'), u16::to_le_bytes), "separator tab, encoding UTF-16 LE"),
    ] {
        let (again, told) = world.made(name, &bytes);
        assert_eq!(told, format!("read 2 rows of {name} ({form})\n"));
        assert_eq!(world.rows(&again), rows, "{name}");
    }
    let saved = String::from_utf8(world.saved(&first, "json")).unwrap();
    let (again, told) = world.made("again.json", &utf_16(&format!("\u{feff}{saved}"), u16::to_le_bytes));
    assert_eq!((world.rows(&again), told.as_str()), (rows.clone(), ""));
    // an import has texts alone
    let mut texts = rows;
    for cell in texts.as_array_mut().unwrap().iter_mut().flat_map(|row| row.as_object_mut().unwrap().values_mut()) {
        if cell.is_null() {
            *cell = json!("");
        }
    }
    assert_eq!(world.imported(&marked).await, texts);
    // one that was saved when telephones were guarded, too
    let old = "\u{feff}nom;email;telephone;rating;tag;formule;vide;list;n;multi\r\n\
        \"Café \"\"Le; Nord\"\"\";ada@good.test;'+33 6 12 34 56 78;'-5% promo;'@handle;'=1+1;;a | b;4.0;\"l1\nl2\"\r\n";
    assert_eq!(
        world.imported(old).await,
        json!([{
            "nom": "Café \"Le; Nord\"", "email": "ada@good.test", "telephone": "+33 6 12 34 56 78",
            "rating": "-5% promo", "tag": "@handle", "formule": "=1+1", "vide": "", "list": "a | b", "n": "4.0",
            "multi": "l1\nl2",
        }])
    );
    // a workbook is refused
    let sheet = world.path("saved.xlsx");
    world.saved(&first, "xlsx");
    let refused = world.job(&["create", "verify-emails", "--items", &sheet]);
    let cause =
        "it is a spreadsheet's own file and no text: save it as csv, or download a job's results as csv or json";
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    assert_eq!(String::from_utf8(refused.stderr).unwrap(), format!("outscout: {sheet}: {cause}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_leaves_what_is_there_what_it_is() {
    let world = World::start().await;
    let (id, _) = world.made("rows.csv", b"email;nom\na@one.test;A\na@one.test;again\nb@one.test;B\n;C\n");
    let made = world.job(&["create", "verify-emails", "--items", &world.path("rows.csv")]);
    let told = String::from_utf8(made.stderr).unwrap();
    for said in ["1 row was left out: without email", "1 row was left out: the same as one before"] {
        assert!(told.contains(said), "{told}");
    }
    let saved = world.saved(&id, "csv");
    let download = |output: &str| world.command(&["job", "download", &id, "--output", output]).output().unwrap();
    let (real, link, pipe) = (world.path("real.csv"), world.path("link.csv"), world.path("pipe"));
    std::fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(download(&link).status.success());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read(&real).unwrap(), saved);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    assert!(download(&pipe).status.success());
    assert_eq!(reader.join().unwrap(), saved);
    assert!(!std::fs::metadata(&pipe).unwrap().is_file());
    let folder = world.path("folder");
    std::fs::create_dir(&folder).unwrap();
    for (output, said) in [
        (folder.clone(), "it is a directory: name a file in it".to_owned()),
        (format!("{folder}/none/x.csv"), format!("there is no directory {folder}/none: make it, or name another file")),
    ] {
        let refused = download(&output);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), told), (Some(2), format!("outscout: {output}: {said}\n")));
    }
    let left = std::fs::read_dir(Path::new(&folder).parent().unwrap()).unwrap();
    let parts = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_people_make_and_what_is_told_of_them() {
    let world = World::start().await;
    let rows = |id: &str| {
        let rows = world.rows(id);
        let cell = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        rows.as_array().unwrap().iter().map(|row| (cell(row, "nom"), cell(row, "email"))).collect::<Vec<_>>()
    };
    let both = |one: &str, other: &str| {
        [(one.to_owned(), "a@one.test".to_owned()), (other.to_owned(), "b@one.test".to_owned())]
    };
    let (id, told) = world.made("people.csv", b"Nom;Email\n\nA;a@one.test\n\n;\nB;b@one.test;x\n");
    assert_eq!(rows(&id), both("A", "B"));
    let left_out = "ignored 3 blank lines, 1 row's cells beyond the columns (in line 6)";
    assert_eq!(told, format!("read 2 rows of people.csv (separator ';', encoding UTF-8); {left_out}\n"));
    let (id, told) = world.made("odd.csv", b"Zo\xc3\xa9,a@one.test\n\"Andr\xe9,b@one.test\n");
    assert_eq!(rows(&id), both("Zoé", "\"Andr\u{fffd}"));
    for part in ["no header; its columns are taken for nom, email", "line 2", "1 place could not be read"] {
        assert!(told.contains(part), "{told}");
    }
    // what is JSON of a legal form is sent as it stands, and what is none is told before
    let (id, _) = world.made("numbers.json", br#"[{"email": "a@one.test", "n": 1e999, "m": 123456789012345678901}]"#);
    let row = world.rows(&id)[0].clone();
    assert_eq!((&row["n"], &row["m"]), (&"1e999".into(), &"123456789012345678901".into()));
    let many = format!("email\n{}", "a@one.test\n".repeat(10_001));
    let refusals = [
        ("broken.json", "[{\"email\": \"a@one.test\"},\n]", "it is no JSON: it breaks in line 2, column 1"),
        ("object.json", "{\"email\": \"a@one.test\"}", "it is no list of rows: write [{…}, {…}]"),
        ("many.csv", &many, "it has 10001 rows, and a job takes 10000: make 2 files of it"),
    ];
    for (name, text, cause) in refusals {
        let file = world.path(name);
        std::fs::write(&file, text).unwrap();
        let refused = world.job(&["create", "verify-emails", "--items", &file]);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(
            (refused.status.code(), told.lines().last()),
            (Some(2), Some(&*format!("outscout: {file}: {cause}")))
        );
    }
    let empty = world.path("empty.csv");
    std::fs::write(&empty, "\n").unwrap();
    let refused = world.job(&["create", "verify-emails", "--items", &empty]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), told), (Some(2), format!("outscout: {empty}: there is no row in it\n")));
}
