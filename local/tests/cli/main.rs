//! The command line as its users run it: what it prints, and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod operations;
mod running;
mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use support::{Folder, Serving, post};

#[test]
fn keys_are_shown_once_and_revoked_for_good() {
    let folder = Folder::new();
    let organization = folder.json(&["org", "create", "--name", "Acme", "--plan", "pro"]);
    assert_eq!(organization["plan"], "pro");
    let id = organization["id"].as_str().unwrap();
    assert_eq!(folder.json(&["org", "list"])[0]["id"], id);
    let key = folder.json(&["key", "create", "--org", id, "--scope", "studies:read", "--name", "ci"]);
    let plain = key["key"].as_str().unwrap();
    assert!(plain.starts_with("oset_") && plain.len() == 48);
    let list = folder.json(&["key", "list", "--org", id]);
    assert_eq!((&list[0]["name"], &list[0]["scopes"][0]), (&Value::from("ci"), &Value::from("studies:read")));
    assert!(!list.to_string().contains(plain), "a list shows no key");
    let key_id = key["id"].as_str().unwrap();
    for _ in 0..2 {
        assert_eq!(folder.json(&["key", "revoke", key_id, "--org", id])["revoked"], true);
    }
    assert!(folder.json(&["key", "list", "--org", id])[0]["revoked_at"].is_string());
}

#[test]
fn accounts_are_suspended_and_have_plans() {
    let folder = Folder::new();
    let made = folder.json(&["admin", "create", "--email", "dana@example.com"]);
    let account = |more: &[&str]| folder.json(&[&["account", "update", "--email", "Dana@example.com"], more].concat());
    let pro = account(&["--plan", "pro"]);
    assert_eq!(
        pro,
        serde_json::json!({"userId": made["userId"], "email": "dana@example.com", "status": "active", "plan": "pro"})
    );
    for word in ["suspended", "deactivated"] {
        assert_eq!(account(&["--status", word])["status"], "suspended");
    }
    let both = account(&["--status", "active", "--plan", "free"]);
    assert_eq!((&both["status"], &both["plan"]), (&Value::from("active"), &Value::from("free")));
    let unknown = folder.fails(&["account", "update", "--email", "x@example.com", "--plan", "pro"]);
    assert_eq!(unknown, (3, "outscout: no account x@example.com\n".to_owned()));
    assert_eq!(folder.fails(&["account", "update", "--email", "dana@example.com"]).0, 2);
}

#[test]
fn studies_are_imported_once() {
    let folder = Folder::new();
    let id = folder.json(&["org", "create", "--name", "Acme"])["id"].as_str().unwrap().to_owned();
    let csv =
        "id,name,status,created_at,tasks\n0b5e7c1a-4d2f-4e8c-9a6b-000000000001,A,open,2025-07-01,x|y\n,B,draft,,\n";
    let file = folder.file("studies.csv", csv);
    let imported = folder.json(&["study", "import", &file, "--org", &id]);
    assert_eq!((&imported["imported"], &imported["already_known"]), (&Value::from(2), &Value::from(0)));
    let made = folder.json(&["study", "create", "--org", &id, "--name", "C", "--task", "look"]);
    assert_eq!(made["status"], "draft");
    let list = folder.json(&["study", "list", "--org", &id]);
    let names: Vec<_> = list.as_array().unwrap().iter().map(|study| study["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["C", "B", "A"]);
    let again = folder.json(&["study", "import", &file, "--org", &id]);
    assert_eq!(again["already_known"], 1, "a study without an id is a new one each time");
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let folder = Folder::new();
    let id = folder.json(&["org", "create", "--name", "Acme"])["id"].as_str().unwrap().to_owned();
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(folder.fails(&["key", "list", "--org", "x"]), (2, "outscout: x is not an organization id\n".to_owned()));
    assert_eq!(folder.fails(&["key", "list", "--org", unknown]), (3, format!("outscout: no organization {unknown}\n")));
    assert_eq!(folder.fails(&["key", "revoke", unknown, "--org", &id]).0, 3);
    assert_eq!(folder.fails(&["key", "create", "--org", &id, "--scope", "all"]).0, 2);
    let (code, told) = folder.fails(&["study", "import", "nowhere.json", "--org", &id]);
    assert!(code == 2 && told.starts_with("outscout: nowhere.json: "), "{code} {told}");
    let text = r#"[{"name":"A"},{"name":"B","status":"lost"}]"#;
    let file = folder.file("bad.json", text);
    let failed = folder.fails(&["study", "import", &file, "--org", &id]);
    assert_eq!(failed, (2, format!("outscout: {file}: study 2: lost is not a status\n")));
    let text = format!(r#"[{{"name":"A","id":"{unknown}"}},{{"name":"B","id":"{unknown}"}}]"#);
    let file = folder.file("twice.json", &text);
    let failed = folder.fails(&["study", "import", &file, "--org", &id]);
    assert_eq!(failed, (2, format!("outscout: {file}: study 2: {unknown} stands in the file twice\n")));
    assert_eq!(
        folder.json(&["study", "list", "--org", &id]).as_array().unwrap().len(),
        0,
        "a bad file changes nothing"
    );
    assert_eq!(folder.fails(&["nonsense"]).0, 2);
    assert_eq!(folder.fails(&["org", "create", "--name", " "]).0, 2);
    assert_eq!(folder.says(&["serve", "--host-name", "http://x"]).0, 2);
}

#[test]
fn an_option_before_a_command_is_the_commands() {
    let folder = Folder::new();
    let (code, said) = folder.says(&["--data", "mine", "org", "create", "--name", "Acme"]);
    let made = format!("outscout: made the data directory {}\n", folder.0.join("mine").display());
    assert_eq!((code, said), (0, made));
    assert_eq!(folder.says(&["--data=mine", "admin", "create", "--email", "a@b.example"]), (0, String::new()));
    assert_eq!(folder.names(), ["mine"], "nothing was made beside it");
    let listed = folder.program(&["--data", "mine", "org", "list", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|organization| organization["name"] == "Acme"), "{listed}");
    let (code, said) = folder.says(&["--data", "mine", "org", "create", "--name", "Acme", "--data", "other"]);
    assert!(code == 2 && said.contains("'--data <DATA>' cannot be used multiple times"), "{code} {said}");
    let id = listed[0]["id"].as_str().unwrap();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let gone = folder.says(&["--data", "mine", "key", "revoke", "--org", id, "--", unknown]);
    assert_eq!(gone, (3, format!("outscout: no key {unknown}\n")));
    assert_eq!(folder.names(), ["mine"]);
}

#[test]
fn the_server_takes_its_options_on_both_sides() {
    let folder = Folder::new();
    let mut server = folder
        .program(&["--data", "mine", "--port=0", "--no-demo", "serve", "--ready-json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&ready["demo"], folder.names()), (&serde_json::json!({}), vec!["mine".to_owned()]));
    assert_eq!(folder.says(&["--port", "0", "serve", "--port", "0"]).0, 2);
    assert_eq!(folder.says(&["--in-memory", "serve", "--data", "x"]).0, 2);
}

#[test]
fn sam_local_is_handed_what_its_functions_need() {
    let folder = Folder::new();
    let mut server = folder
        .program(&[
            "serve",
            "--data",
            "data",
            "--port=0",
            "--no-demo",
            "--ready-json",
            "--store-address",
            "127.0.0.1:0",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let file = folder.0.join("data/sam-env");
    let text = std::fs::read_to_string(&file).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    // a shell reads it
    let script =
        ". ./data/sam-env && env | grep -c -e '^AWS_.*=.' -e '^OUTSCOUT_.*=.' && echo $AWS_ENDPOINT_URL_DYNAMODB";
    let shell = Command::new("sh").args(["-c", script]).current_dir(&folder.0).env_clear().output().unwrap();
    let said = String::from_utf8(shell.stdout).unwrap();
    assert!(said.starts_with("9\nhttp://host.docker.internal:"), "{said} {text}");
    assert!(text.contains("export OUTSCOUT_OPENSCOUTER_SIGNING_KEY='{") && text.contains("\"d\":"), "{text}");
}

#[test]
fn an_option_that_the_command_has_not_is_refused() {
    let folder = Folder::new();
    for (options, name) in [
        (&["--port", "5000"][..], "--port"),
        (&["--in-memory"], "--in-memory"),
        (&["--lambda", "x"], "--lambda"),
        (&["--no-demo"], "--no-demo"),
        (&["--data", "mine", "--ready-json"], "--ready-json"),
        (&["--host-name=x"], "--host-name"),
        (&["--store-address=127.0.0.1:0"], "--store-address"),
    ] {
        let refused = folder.says(&[options, &["org", "create", "--name", "Acme"]].concat());
        let text = format!("outscout: {name} is no option of outscout org create: see outscout org create --help\n");
        assert_eq!(refused, (2, text));
    }
    for command in [&["job", "list"][..], &["signing-key", "new"]] {
        let (code, said) = folder.says(&[&["--data", "mine"], command].concat());
        assert!(code == 2 && said.contains("--data is no option of outscout"), "{code} {said}");
    }
    for wrong in [&["--data", "mine", "org"][..], &["--data", "mine", "nonsense"], &["--json", "org", "list"]] {
        assert_eq!(folder.says(wrong).0, 2, "{wrong:?}");
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn only_what_others_begin_with_makes_a_data_directory() {
    let folder = Folder::new();
    let id = "00000000-0000-4000-8000-000000000000";
    let file = folder.file("studies.json", r#"[{"name":"A"}]"#);
    std::fs::create_dir(folder.0.join("empty")).unwrap();
    for command in [
        &["org", "list"][..],
        &["key", "create", "--org", id],
        &["key", "list", "--org", id],
        &["key", "revoke", id, "--org", id],
        &["study", "create", "--org", id, "--name", "A"],
        &["study", "import", &file, "--org", id],
        &["study", "list", "--org", id],
        &["feedback", "list"],
        &["feedback", "close", "fb_01KSMHEQW0F1E2D3B4A5C6G7H8"],
        &["signing-key", "rotate"],
    ] {
        for directory in ["wrong", "deep/wrong", "empty"] {
            let (code, said) = folder.says(&[command, &["--data", directory]].concat());
            let path = folder.0.join(directory);
            let begins = format!("outscout: there is no data directory at {}: name another", path.display());
            assert!(code == 3 && said.starts_with(&begins), "{command:?}: {code} {said}");
        }
        assert_eq!(folder.says(command).0, 3, "the one that is meant when none is named");
    }
    assert_eq!(folder.names(), ["empty", "studies.json"]);
    assert_eq!(std::fs::read_dir(folder.0.join("empty")).unwrap().count(), 0);
    let made = |name: &str| format!("outscout: made the data directory {}\n", folder.0.join(name).display());
    assert_eq!(folder.says(&["invitation", "create", "--data", "deep/new"]), (0, made("deep/new")));
    assert_eq!(folder.says(&["org", "create", "--name", "A"]), (0, made(".outscout")));
    assert_eq!(folder.says(&["signing-key", "rotate"]), (0, String::new()));
}

#[test]
fn the_staff_answers_feedback_beside_a_running_server() {
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let (base, key) = (serving.ready["outsend"].as_str().unwrap(), serving.ready["demo"]["outsend_key"].as_str());
    let send = |path: &str, body: &str| post(base, path, key.unwrap(), body);
    let thread = send("/feedback", r#"{"subject": "Ex\u001b[2Jport", "message": "Add\nODS \u009b1m"}"#);
    let id = thread["id"].as_str().unwrap();
    assert_eq!(folder.json(&["feedback", "list"])[0]["id"], id);
    let shown = folder.json(&["feedback", "show", id]);
    assert_eq!((&shown["messages"][0]["author"], &shown["status"]), (&Value::from("user"), &Value::from("open")));
    let user = shown["user"].as_str().unwrap();
    assert_eq!(folder.json(&["feedback", "list", "--user", user]).as_array().unwrap().len(), 1);
    let text = String::from_utf8(folder.run(&["feedback", "show", id]).stdout).unwrap();
    assert!(text.lines().count() == 2 && !text.contains('\u{1b}') && !text.contains('\u{9b}'), "{text}");
    assert_eq!(folder.json(&["feedback", "answer", id, "--message", "In May"])["status"], "answered");
    assert_eq!(folder.json(&["feedback", "list"]), serde_json::json!([]));
    assert_eq!(
        send(&format!("/feedback/{id}/messages"), r#"{"message": "Thanks"}"#)["messages"][1]["message"],
        "In May"
    );
    assert_eq!(folder.json(&["feedback", "close", id])["status"], "closed");
    assert_eq!(folder.json(&["feedback", "close", id])["status"], "closed", "once more");
    assert_eq!(folder.fails(&["feedback", "answer", id, "--message", "x"]).0, 2);
    assert_eq!(folder.fails(&["feedback", "answer", id, "--message", " "]).0, 2);
    assert_eq!(folder.fails(&["feedback", "show", "x"]).0, 2);
    assert_eq!(folder.fails(&["feedback", "close", "fb_01KSMHEQW0F1E2D3B4A5C6G7H8"]).0, 3);
    assert_eq!(folder.fails(&["feedback", "list", "--user", "nobody@example.com"]).0, 3);
    serving.stop("-TERM");
}

#[test]
fn the_demo_is_whole_and_found_again() {
    let folder = Folder::new();
    let first = Serving::start(&folder).stop("-TERM");
    let demo = &first["demo"];
    assert_eq!(demo["notices"], serde_json::json!([]), "{demo}");
    for path in [
        "/outset_key",
        "/outsend/password",
        "/outsend_key",
        "/openscouter/business/password",
        "/openscouter/tester/password",
        "/openscouter/admin/password",
        "/story/study",
        "/story/proposal",
        "/story/session",
        "/story/report",
        "/story/study_report",
        "/story/job",
    ] {
        assert!(demo.pointer(path).and_then(Value::as_str).is_some_and(|text| !text.is_empty()), "{path}: {demo}");
    }
    assert_eq!(&Serving::start(&folder).stop("-KILL")["demo"], demo, "a second start makes nothing new");
    let file = |name: &str| folder.0.join("data").join(name);
    std::fs::remove_file(file("demo-key")).unwrap();
    let again = Serving::start(&folder).stop("-TERM");
    assert_ne!(again["demo"]["outset_key"], demo["outset_key"]);
    assert_eq!(again["demo"]["organization_id"], demo["organization_id"], "no second demo");
    let notices = again["demo"]["notices"].to_string();
    assert!(notices.contains("demo-key was gone") && notices.matches("demo-").count() == 1, "{notices}");
    std::fs::write(file("demo-account"), "cut o").unwrap();
    let again = Serving::start(&folder).stop("-TERM");
    let notices = again["demo"]["notices"].to_string();
    for part in ["demo-account is gone or cannot be read", "tester@example.com", "/forgot-password", "/_local/mail"] {
        assert!(notices.contains(part), "{part}: {notices}");
    }
    assert_eq!(
        (&again["demo"]["openscouter"], std::fs::read(file("demo-account")).unwrap()),
        (&Value::Null, b"cut o".to_vec())
    );
    assert!(again["demo"]["outset_key"].is_string());
}

#[test]
fn a_demo_that_broke_off_is_made_up_for() {
    let folder = Folder::new();
    let first = Serving::start(&folder).stop("-TERM");
    let file = folder.0.join("data/demo-account");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    // as it is while the story is told, and as an older version left it
    kept["story"] = Value::Null;
    std::fs::write(&file, kept.to_string()).unwrap();
    let again = Serving::start(&folder).stop("-TERM");
    assert_eq!(again["demo"]["notices"], serde_json::json!([]));
    assert_eq!(again["demo"]["openscouter"], first["demo"]["openscouter"]);
    assert_ne!(again["demo"]["story"]["report"], first["demo"]["story"]["report"]);
    // the files of a store that was removed
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "streams.json"] {
        let _ = std::fs::remove_file(folder.0.join("data").join(name));
    }
    let anew = Serving::start(&folder).stop("-TERM");
    assert_eq!(anew["demo"]["notices"], serde_json::json!([]), "{anew}");
    assert_eq!(anew["demo"]["outset_key"], first["demo"]["outset_key"]);
    assert!(anew["demo"]["story"]["report"].is_string());
}
