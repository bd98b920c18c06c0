use super::*;
use crate::{
    Module,
    columns::rows::testing::{Memory, Tables, drain, options, ready},
};

fn read(text: &[u8]) -> Result<(Discovered, Vec<Row>), Fault> {
    let found = discover(text.to_vec())?;
    let spec = |done| Spec {
        module: Module::Import,
        options: options(json!({"source": "paste"})),
        planned: Some(found.planned),
        done,
        produced: done,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let network: Arc<dyn Network> = Arc::new(Tables(Err("none".to_owned())));
    let whole = |done| {
        let mut started = ready(start(spec(done), Memory::text(&found.text), Arc::clone(&network))).unwrap();
        assert_eq!(started.discovered, None);
        ready(drain(&mut *started.run, done, done)).unwrap()
    };
    let outcome = whole(0);
    assert_eq!(outcome.rows.len() as u64, found.planned);
    for (done, _) in &outcome.checkpoints {
        assert_eq!(whole(*done).rows, outcome.rows[usize::try_from(*done).unwrap()..]);
    }
    Ok((found, outcome.rows))
}

fn cells(rows: &[Row]) -> Vec<Vec<&str>> {
    rows.iter().map(|row| row.iter().map(|cell| cell.as_str().unwrap()).collect()).collect()
}

#[test]
fn delimiters_headers_and_padding() {
    for delimiter in [",", ";", "\t"] {
        let text =
            "Website,Name,x\nhttps://a.fr,\"A, \"\"the\"\" one\n2\"\n\n , ,\nb.fr,B,1,2,3\n".replace("A, ", "A ");
        let (found, rows) = read(text.replace(',', delimiter).as_bytes()).unwrap();
        assert_eq!(found.columns, ["site_web", "nom", "x"]);
        assert_eq!(cells(&rows), [["https://a.fr", "A \"the\" one\n2", ""], ["b.fr", "B", "1"]]);
        let expected = json!({
            "mapped": {"Website": "site_web", "Name": "nom"}, "inferred": [], "ignored": [],
            "separator": delimiter, "encoding": "UTF-8", "left_out": {"blank_lines": 2, "cut_rows": 1},
        });
        assert_eq!(found.notice, expected);
        let told: Vec<_> = found.lines.iter().map(|line| (line.level.as_str(), line.message.as_str())).collect();
        assert!(told[0].1.contains("\"Website\":\"site_web\""));
        let ignored = "Import: ignored 2 blank lines, 1 row's cells beyond the columns (in line 6)";
        assert_eq!(told[1..], [("warn", ignored)]);
    }
    let (found, rows) = read(b"\xef\xbb\xbfEmail;;nom;nom;NOM\r\na@b.fr;1;2;3;4\r\n").unwrap();
    assert_eq!(found.columns, ["email", "col_2", "nom", "nom_2", "NOM"]);
    assert_eq!(cells(&rows), [["a@b.fr", "1", "2", "3", "4"]]);
}

#[test]
fn an_empty_first_column_does_not_hide_a_filled_second_one() {
    let text = "Name,E-mail 1 - Value,E-mail 2 - Value,Phone,Mobile\nA,,a2@b.fr,,0612345678\nB,b@b.fr,b2@b.fr,-,\n";
    let (found, rows) = read(text.as_bytes()).unwrap();
    assert_eq!(found.columns, ["nom", "email", "E-mail 2 - Value", "telephone", "Mobile"]);
    let expected = [["A", "a2@b.fr", "a2@b.fr", "0612345678", "0612345678"], ["B", "b@b.fr", "b2@b.fr", "-", ""]];
    assert_eq!(cells(&rows), expected);
    let (found, rows) = read(b"email,email\n,a@b.fr\nb@b.fr,\n").unwrap();
    assert_eq!(found.columns, ["email", "email_2"]);
    assert_eq!(cells(&rows), [["a@b.fr", "a@b.fr"], ["b@b.fr", ""]]);
}

#[test]
fn a_line_that_names_the_separator_is_told() {
    let told = |text: &[u8]| -> Vec<String> {
        let found = read(text).unwrap().0;
        found.lines.iter().skip(1).map(|line| format!("{} {}", line.level.as_str(), line.message)).collect()
    };
    let line = "info Import: the first line names the separator and is no row";
    assert_eq!(told(b"sep=;\r\nnom;x\r\nA;1\r\n"), [line]);
    assert_eq!(told(b"nom;x\nA;1\n"), [""; 0]);
}

#[test]
fn a_table_without_a_header_is_named_by_its_cells() {
    let (found, rows) = read("Garage Dupont,info@dupont.fr\nChez Paul,paul@paul.fr,extra\n".as_bytes()).unwrap();
    assert_eq!(found.columns, ["nom", "email", "col_3"]);
    assert_eq!(found.notice["inferred"], json!(["nom", "email"]));
    assert_eq!(cells(&rows), [["Garage Dupont", "info@dupont.fr", ""], ["Chez Paul", "paul@paul.fr", "extra"]]);
}

#[test]
fn telephones_without_a_plus_are_telephones() {
    let (found, rows) = read(b"Atelier Un,33612345671,x1@good.test\nAtelier Deux,33612345672,x2@good.test\n").unwrap();
    assert_eq!(found.columns, ["nom", "telephone", "email"]);
    let phones: Vec<_> = cells(&rows).iter().map(|row| crate::values::phone(row[1], None)).collect();
    assert_eq!(phones, [Some("+33612345671".to_owned()), Some("+33612345672".to_owned())]);
}

#[test]
fn what_hostile_people_paste() {
    let failed = |text: &[u8], cause: &str| {
        let told = format!("Import source could not be read: {cause}.");
        assert_eq!(read(text).map(|_| ()).unwrap_err(), Fault::Failed(told));
    };
    failed(b"", "there is no row in it");
    failed(b"\n\n  \n", "there is no row in it");
    failed(b"\xef\xbb\xbf", "there is no row in it");
    failed(&vec![b'x'; 10 * 1024 * 1024], "its first row has more than 32 KiB");
    let unclosed = [&b"nom,email\n\"A,a@b.fr\n"[..], &b"B,b@b.fr\n".repeat(10_000)].concat();
    let (found, rows) = read(&unclosed).unwrap();
    assert_eq!((rows.len(), &rows[0][0]), (10_001, &json!("\"A")));
    assert_eq!(found.notice["left_out"], json!({"unclosed_quotes": 1}));
    // cp1252, NULs, formulas as they are
    let (found, rows) = read(b"Soci\xe9t\xe9,t\xe9l\n=SUM(A1),\x0006\x00 12\n").unwrap();
    assert_eq!(found.columns, ["nom", "telephone"]);
    assert_eq!(cells(&rows), [["=SUM(A1)", "06 12"]]);
    let names: Vec<String> = (0..5_000).map(|column| format!("c{column}")).collect();
    let wide = format!("{}\n{}\n", names.join(","), vec!["1"; 5_000].join(","));
    let (found, rows) = read(wide.as_bytes()).unwrap();
    assert_eq!((found.columns.len(), rows[0].len()), (200, 200));
    assert_eq!(found.notice["ignored"].as_array().unwrap().len(), 4_800);
    let (found, _) = read(format!("{},email\n1,a@b.fr\n", "n".repeat(1_000)).as_bytes()).unwrap();
    assert_eq!(found.columns[0].len(), 200);
    let lone = read(b"just one word").unwrap();
    assert_eq!((lone.0.columns.len(), lone.1.len()), (1, 0), "a header without rows");
}

#[test]
fn a_long_table_is_cut_and_read_in_steps() {
    let text = format!("email\n{}", "a@b.fr\n".repeat(200_005));
    let found = discover(text.into_bytes()).unwrap();
    assert_eq!((found.planned, &found.notice["left_out"]), (200_000, &json!({"surplus_rows": 5})));
    let (_, rows) = read(format!("nom\n{}", "x\n".repeat(2_500)).as_bytes()).unwrap();
    assert_eq!(rows.len(), 2_500);
}

#[test]
fn a_url_is_read_once_and_kept() {
    let network: Arc<dyn Network> = Arc::new(Tables(Ok(b"Email\na@b.fr\nc@d.fr\n".to_vec())));
    let spec = Spec {
        module: Module::Import,
        options: options(json!({"source": "url", "url": "https://example.test/x.csv"})),
        planned: None,
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let empty: Arc<dyn Input> = Memory::table(&[], Vec::new(), 1);
    let mut started = ready(start(spec.clone(), empty, Arc::clone(&network))).unwrap();
    let found = started.discovered.take().unwrap();
    assert_eq!((found.planned, found.columns), (2, vec!["email".to_owned()]));
    assert_eq!(ready(drain(&mut *started.run, 0, 0)).unwrap().rows.len(), 2);
    let dead: Arc<dyn Network> = Arc::new(Tables(Err("refused".to_owned())));
    let empty: Arc<dyn Input> = Memory::table(&[], Vec::new(), 1);
    assert_eq!(ready(start(spec, empty, dead)).unwrap_err(), unreadable());
}

#[test]
fn rows_of_another_job_are_copied() {
    let rows: Vec<Row> = vec![vec![json!("a")], vec![json!(" ")], vec![json!(null)], vec![json!(4)]];
    let spec = Spec {
        module: Module::Import,
        options: options(json!({"source": "from_job"})),
        planned: Some(4),
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let network: Arc<dyn Network> = Arc::new(Tables(Err("none".to_owned())));
    let mut started = ready(start(spec, Memory::table(&["nom"], rows, 3), network)).unwrap();
    let outcome = ready(drain(&mut *started.run, 0, 0)).unwrap();
    assert_eq!((outcome.rows, outcome.checkpoints), (vec![vec![json!("a")], vec![json!(4)]], vec![(4, 2)]));
}

#[test]
fn sheets_are_exported_and_other_schemes_are_refused() {
    for (url, expected) in [
        (
            "https://docs.google.com/spreadsheets/d/AbC/edit#gid=7",
            Some("https://docs.google.com/spreadsheets/d/AbC/export?format=csv&gid=7"),
        ),
        (
            "https://docs.google.com/spreadsheets/d/AbC/edit?usp=sharing",
            Some("https://docs.google.com/spreadsheets/d/AbC/export?format=csv"),
        ),
        (
            "https://docs.google.com/spreadsheets/d/AbC/export?format=csv",
            Some("https://docs.google.com/spreadsheets/d/AbC/export?format=csv"),
        ),
        ("https://example.test/a.csv", Some("https://example.test/a.csv")),
        ("http://example.test/a.csv", Some("http://example.test/a.csv")),
        ("ftp://example.test/a.csv", None),
        ("nonsense", None),
    ] {
        assert_eq!(sheet_url(url).as_deref(), expected, "{url}");
    }
}
