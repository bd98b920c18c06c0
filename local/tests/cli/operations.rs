//! What operators do: copies, and the schema of the tables.

use std::os::unix::fs::PermissionsExt as _;

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
    assert_eq!(folder.says(&["migrate", "--data", "nowhere"]).0, 3);
}
