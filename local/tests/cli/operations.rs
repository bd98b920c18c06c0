//! What operators do: copies, the schema of the tables, and the doctor.

use std::{net::TcpListener, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::{Folder, Serving};

#[test]
fn a_copy_of_a_data_directory_is_one_and_is_brought_back() {
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let list = |data: &str| folder.program(&["--data", data, "org", "list", "--json"]).output().unwrap().stdout;
    // beside a server that runs, which goes on
    assert_eq!(folder.says(&["backup", "--data", "data", "--to", "copy"]), (0, String::new()));
    assert_eq!(folder.says(&["--data", "data", "org", "create", "--name", "Later"]).0, 0);
    let (code, said) = folder.says(&["backup", "--data", "data", "--to", "copy"]);
    assert!(code == 1 && said.contains("copy is there already"), "{code} {said}");
    serving.stop("-KILL");
    assert_eq!(folder.says(&["restore", "--from", "copy", "--data", "back"]), (0, String::new()));
    let (now, then) = (list("data"), list("back"));
    let names = |text: &[u8]| String::from_utf8_lossy(text).matches("\"name\"").count();
    assert_eq!((list("copy"), names(&now)), (then.clone(), names(&then) + 1));
    let mode = |name: &str| folder.0.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("back"), mode("back/store.sqlite"), mode("back/signing-keys.json")), (0o700, 0o600, 0o600));
    let file = |data: &str| std::fs::read(folder.0.join(data).join("signing-keys.json")).unwrap();
    assert_eq!(file("back"), file("data"));
    assert_eq!(folder.says(&["backup", "--data", "nowhere", "--to", "x"]).0, 3);
    // a damaged store gives no copy
    std::fs::write(folder.0.join("back/store.sqlite"), "nothing that a store begins with").unwrap();
    assert_eq!(folder.says(&["backup", "--data", "back", "--to", "y"]).0, 1);
    assert!(!folder.0.join("y").exists());
}

/// Changes the store of the folder's data directory past the program.
fn changed(folder: &Folder, statement: &str) {
    let store = rusqlite::Connection::open(folder.0.join("data/store.sqlite")).unwrap();
    assert_eq!(store.execute(statement, []).unwrap(), 1, "{statement}");
}

const NEWER: &str = r#"UPDATE "main" SET item_json = json_set(item_json, '$.schema.N', '9') WHERE pk = 'S:SCHEMA'"#;

#[test]
fn a_data_directory_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    Serving::start(&folder).stop("-TERM");
    assert_eq!(folder.says(&["backup", "--data", "data", "--to", "before"]), (0, String::new()));
    changed(&folder, NEWER);
    let refused = "outscout: the tables have schema 9, made by a newer outscout; this one, 0.1.0, works with 1: update the \
                   program, or restore a copy from before (outscout restore)\n";
    for command in [
        &["serve", "--port", "0", "--data", "data"][..],
        &["store", "--port", "0", "--data", "data"],
        &["org", "list", "--data", "data"],
        &["org", "create", "--name", "A", "--data", "data"],
        &["migrate", "--data", "data"],
    ] {
        assert_eq!(folder.says(command), (1, refused.to_owned()), "{command:?}");
    }
    let findings = doctor(&folder, &[]).1;
    assert_eq!((level(&findings, "schema"), level(&findings, "store")), ("problem".to_owned(), "ok".to_owned()));
    // a copy can be made, but not be served from here
    assert_eq!(folder.says(&["backup", "--data", "data", "--to", "copy"]).0, 0);
    assert_eq!(folder.says(&["restore", "--from", "copy", "--data", "back"]), (1, refused.to_owned()));
    assert!(!folder.0.join("back").exists());
    assert_eq!(folder.says(&["restore", "--from", "before", "--data", "back"]), (0, String::new()));
    assert_eq!(folder.says(&["org", "list", "--data", "back"]).0, 0);
}

#[test]
fn a_data_directory_from_before_the_version_is_the_first_one() {
    let folder = Folder::new();
    let first = Serving::start(&folder).stop("-TERM");
    changed(&folder, r#"DELETE FROM "main" WHERE pk = 'S:SCHEMA'"#);
    let listed = folder.json(&["org", "list"]);
    for _ in 0..2 {
        let done = folder.json(&["migrate"]);
        assert_eq!(done, serde_json::json!({"from": 1, "schema": 1, "backup": null}));
    }
    changed(&folder, r#"DELETE FROM "main" WHERE pk = 'S:SCHEMA'"#);
    assert_eq!(Serving::start(&folder).stop("-TERM")["demo"], first["demo"]);
    changed(&folder, r#"UPDATE "main" SET item_json = item_json WHERE pk = 'S:SCHEMA'"#);
    assert_eq!(folder.json(&["org", "list"]), listed);
    let (_, findings) = doctor(&folder, &[]);
    assert_eq!(level(&findings, "schema"), "ok");
    assert_eq!(folder.says(&["migrate", "--data", "nowhere"]).0, 3);
}

/// What the doctor finds in the folder's data directory, and its exit code.
fn doctor(folder: &Folder, more: &[&str]) -> (i32, Vec<Value>) {
    let ports: &[&str] = if more.contains(&"--port") { &[] } else { &["--port", "0"] };
    // a name server that nobody is: no test asks the network
    let mut program = folder.program(&[&["doctor", "--json", "--data", "data"], ports, more].concat());
    let output = program.env("OUTSCOUT_DNS_SERVER", "127.0.0.1:1").output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = told["findings"].as_array().unwrap().clone();
    let problems = findings.iter().filter(|finding| finding["level"] == "problem").count();
    assert_eq!(told["problems"], problems);
    for finding in &findings {
        assert!(finding["level"] == "ok" || finding["do"].is_string(), "{finding} says what to do");
    }
    assert_eq!(output.status.code().unwrap() != 0, problems > 0);
    (output.status.code().unwrap(), findings)
}

/// The worst level of what was found about something.
fn level(findings: &[Value], what: &str) -> String {
    let about: Vec<_> =
        findings.iter().filter(|finding| finding["what"] == what).map(|finding| &finding["level"]).collect();
    assert!(!about.is_empty(), "nothing is said of {what}");
    let worst = ["problem", "warning", "ok"].into_iter().find(|level| about.iter().any(|found| found == level));
    worst.unwrap().to_owned()
}

#[test]
fn the_doctor_finds_nothing_wrong_where_nothing_is() {
    let folder = Folder::new();
    let (code, findings) = doctor(&folder, &[]);
    assert_eq!((code, level(&findings, "data directory")), (0, "warning".to_owned()));
    assert_eq!(folder.names(), [""; 0], "it makes nothing");
    let serving = Serving::start(&folder);
    let process = serving.child.id();
    let control = serving.ready["control"].as_str().unwrap().to_owned();
    let (code, findings) = doctor(&folder, &[]);
    for what in
        ["program", "data directory", "lock", "disk", "store", "schema", "signing keys", "ports", "dead letters"]
    {
        assert!(level(&findings, what) != "problem", "{what}: {findings:?}");
    }
    assert_eq!((code, level(&findings, "names")), (0, "warning".to_owned()), "{findings:?}");
    let lock = findings.iter().find(|finding| finding["what"] == "lock").unwrap();
    assert!(lock["found"].as_str().unwrap().starts_with(&format!("process {process} (outscout) runs on it")), "{lock}");
    // its control port says which program it is
    let port = control.rsplit(':').next().unwrap();
    let (_, findings) = doctor(&folder, &["--port", port]);
    let control = findings.iter().find(|finding| finding["what"] == "port").unwrap();
    let said = format!("outscout 0.1.0 (process {process}) answers here for control");
    assert_eq!(control["found"].as_str(), Some(said.as_str()));
    // which tells of the ports that the system chose
    assert_eq!(level(&findings, "port"), "ok", "{findings:?}");
    serving.stop("-KILL");
    let (_, findings) = doctor(&folder, &[]);
    let lock = findings.iter().find(|finding| finding["what"] == "lock").unwrap();
    assert_eq!(lock["found"], "no server runs on it");
}

#[test]
fn the_doctor_names_cause_and_remedy() {
    let folder = Folder::new();
    Serving::start(&folder).stop("-TERM");
    let data = folder.0.join("data");
    let open = |name: &str, mode: u32| {
        let path = if name.is_empty() { data.clone() } else { data.join(name) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let mode = |name: &str| data.join(name).metadata().unwrap().permissions().mode() & 0o777;
    open("", 0o755);
    open("signing-keys.json", 0o644);
    std::fs::write(data.join("clock"), "7200000").unwrap();
    let (code, findings) = doctor(&folder, &[]);
    assert_eq!((code, mode("signing-keys.json")), (1, 0o644), "it changes nothing");
    assert_eq!((level(&findings, "data directory"), level(&findings, "file")), ("problem".into(), "problem".into()));
    let file = findings.iter().find(|finding| finding["what"] == "file").unwrap();
    assert!(file["do"].as_str().unwrap().starts_with("chmod 600 /"), "{file}");
    let clock = findings.iter().find(|finding| finding["what"] == "clock").unwrap();
    assert_eq!(clock["found"], "it is 7200 s ahead");
    for (name, text) in [("signing-keys.json", "{}"), ("streams.json", "cut"), ("clock", "x")] {
        std::fs::write(data.join(name), text).unwrap();
    }
    let (_, findings) = doctor(&folder, &[]);
    for what in ["signing keys", "streams", "clock"] {
        assert_eq!(level(&findings, what), "problem", "{what}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(level(&doctor(&folder, &["--port", &port]).1, "port"), "problem");
    assert_eq!(level(&doctor(&folder, &["--port", "65534"]).1, "ports"), "problem");
    let (_, findings) = doctor(&folder, &["--lambda", "data"]);
    assert_eq!(level(&findings, "function binaries"), "problem");
    // a page in the middle of the store
    let mut bytes = std::fs::read(data.join("store.sqlite")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 8_192].fill(0xa5);
    std::fs::write(data.join("store.sqlite"), bytes).unwrap();
    assert_eq!(level(&doctor(&folder, &[]).1, "store"), "problem");
}

#[test]
fn the_doctor_is_told_whom_to_look_at() {
    let folder = Folder::new();
    for wrong in
        [&["doctor", "--put-back"][..], &["doctor", "--region", "x"], &["doctor", "--stack", "x", "--data", "d"]]
    {
        assert_eq!(folder.says(wrong).0, 2, "{wrong:?}");
    }
    let mut program = folder.program(&["doctor", "--stack", "x", "--region", "us-east-1"]);
    let nobody = "http://127.0.0.1:1";
    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_ENDPOINT_URL", nobody)];
    let output = program.env_clear().envs(keys).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.starts_with("outscout: DescribeStacks: "), "{said}");
    assert!(!said.contains("hush"));
    let output = folder.program(&["doctor", "--stack", "x"]).env_clear().output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "outscout: environment variable AWS_REGION is not set\n");
}

#[test]
fn a_rotation_is_of_a_data_directory_or_a_deployment() {
    let folder = Folder::new();
    for wrong in [&["--region", "x"][..], &["--stack", "x", "--data", "d"]] {
        assert_eq!(folder.says(&[&["signing-key", "rotate"], wrong].concat()).0, 2, "{wrong:?}");
    }
    let output = folder.program(&["signing-key", "rotate", "--stack", "x"]).env_clear().output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "outscout: environment variable AWS_REGION is not set\n");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn what_cannot_be_served_is_named_with_cause_and_next_step() {
    let folder = Folder::new();
    folder.file("file", "x");
    let at = folder.0.display();
    let serve = |data: &str, port: &str| folder.says(&["serve", "--no-demo", "--data", data, "--port", port]);
    for (data, told) in [
        ("file", format!("{at}/file: it is no directory: name another directory with --data")),
        ("file/below", format!("{at}/file/below: {at}/file is no directory: name another directory with --data")),
    ] {
        let told = format!("outscout: {told}\n");
        assert_eq!(serve(data, "0"), (1, told.clone()));
        assert_eq!(folder.says(&["org", "list", "--data", data]), (1, told));
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, told) = serve("new", &port);
    assert!(
        code == 1 && told.starts_with(&format!("outscout: port {port}: another program listens there: ")),
        "{told}"
    );
    assert_eq!(folder.names(), ["file"], "nothing is left of a start that failed");
    let serving = Serving::start(&folder);
    let (code, told) = serve("data", "0");
    let holder =
        format!("outscout: {at}/data: process {} (outscout) runs on this data directory: end it", serving.child.id());
    assert!(code == 1 && told.starts_with(&holder), "{told}");
    serving.stop("-TERM");
    std::fs::write(folder.0.join("data/streams.json"), "cut o").unwrap();
    let (code, told) = serve("data", "0");
    assert!(code == 1 && told.contains(&format!("{at}/data/streams.json: it cannot be read: ")), "{told}");
}
