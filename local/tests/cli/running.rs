//! What a running server tells other commands: where it is, and its log.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{Folder, Serving};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The port of a server's control page.
fn port(serving: &Serving) -> String {
    serving.ready["control"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

#[test]
fn a_running_server_says_again_where_it_is() {
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let port = port(&serving);
    let said = folder.program(&["status", "--port", &port]).output().unwrap();
    let (told, url) = (text(said.stdout), serving.ready["outset"].as_str().unwrap());
    assert!(said.status.success() && told.starts_with("outscout is running\n") && told.contains(url), "{told}");
    let line = folder.program(&["status", "--port", &port, "--json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&line.stdout).unwrap(), serving.ready);
    let shell = "eval \"$(\"$0\" status --port \"$1\" --env)\"; echo \"$OUTSCOUT_OUTSET_URL $OUTSCOUT_OUTSEND_KEY\"";
    let program = env!("CARGO_BIN_EXE_outscout");
    let echoed = Command::new("sh").args(["-c", shell, program, &port]).output().unwrap();
    let key = serving.ready["demo"]["outsend_key"].as_str().unwrap();
    assert_eq!(text(echoed.stdout), format!("{url} {key}\n"));
    // a key that the environment has is enough for the commands of an API
    let mut jobs = folder.program(&["job", "list", "--url", serving.ready["outsend"].as_str().unwrap()]);
    assert!(jobs.env("OUTSCOUT_OUTSEND_KEY", key).output().unwrap().status.success());
}

#[test]
fn the_log_is_shown_to_people_and_programs() {
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let port = port(&serving);
    let answer = serving.get("outset", "/studies/", "X-Request-Id: the.one-7");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let logs = |more: &[&str]| folder.program(&[&["logs", "--port", &port], more].concat()).output().unwrap();
    let shown = text(logs(&["--request", "the.one-7"]).stdout);
    assert!(shown.contains(" 401 GET /v1/studies/ ") && shown.contains(" outset-studies-list "), "{shown}");
    let line: Value = serde_json::from_slice(&logs(&["--request", "the.one-7", "--json"]).stdout).unwrap();
    assert_eq!((&line["request_id"], &line["http.status"]), (&"the.one-7".into(), &401.into()));
    assert!(text(logs(&[]).stdout).contains("request_id=the.one-7"));
    let unknown = logs(&["--request", "nobody-s"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert_eq!(text(unknown.stderr), "outscout: no request nobody-s among the last of this server\n");
    // of one request alone, as it comes
    let mut tail = folder.program(&["logs", "--port", &port, "--tail", "--request", "by-itself-6"]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    for id in ["X-Request-Id: another-5", "X-Request-Id: by-itself-6"] {
        serving.get("outset", "/studies/", id);
    }
    let mut first = String::new();
    BufReader::new(tail.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("request_id=by-itself-6"), "{first}");
    tail.kill().unwrap();
    tail.wait().unwrap();
    // what comes later is shown as it comes; who reads no further ends it without a word
    let mut tail = folder.program(&["logs", "--port", &port, "--tail"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap());
    let mut seen = String::new();
    serving.get("outset", "/studies/", "X-Request-Id: the-next-8");
    while !seen.contains("request_id=the-next-8") {
        assert_ne!(lines.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    drop(lines);
    let began = Instant::now();
    let code = loop {
        serving.get("outset", "/studies/", "X-Request-Id: the-last-9");
        match tail.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => assert!(began.elapsed() < Duration::from_secs(20), "it goes on"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let mut said = String::new();
    tail.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((code, said.as_str()), (Some(141), ""));
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let folder = Folder::new();
    let (code, told) = folder.says(&["status", "--port", "1"]);
    let expected = "outscout: nobody answers at http://127.0.0.1:1: is it running? `outscout serve` starts one; --url or --port, whichever the command has, name another place\n";
    assert_eq!((code, told.as_str()), (1, expected));
    let url = ["--url", "http://127.0.0.1:1/api"];
    let (code, told) = folder.says(&[&["job", "list", "--key", "osk_x"], &url[..]].concat());
    assert!(code == 1 && told.contains("nobody answers at http://127.0.0.1:1: is it running?"), "{told}");
    // whoever follows a job hears of it at once, too
    let (code, told) =
        folder.says(&[&["job", "watch", "j_01KSMB92NRM7N8P9Q0R1S2T3V4", "--key", "osk_x"], &url[..]].concat());
    assert!(code == 1 && told.contains("is it running?"), "{told}");
    for (url, key, code, said) in [
        ("nonsense", "osk_x", 2, "--url (OUTSCOUT_OUTSEND_URL) is no base URL: write it as http"),
        ("ftp://127.0.0.1/api", "osk_x", 2, "is no base URL"),
        ("http://127.0.0.1:99999/api", "osk_x", 2, "is no base URL"),
        ("http://127.0.0.1:1/api", "osk_\nx", 2, "is no API key"),
        ("http://127.0.0.1:1/api", " ", 2, "no API key: give --key"),
        ("http://nobody.invalid/api", "osk_x", 1, "http://nobody.invalid cannot be reached: "),
    ] {
        let (found, told) = folder.says(&["job", "list", "--url", url, "--key", key]);
        assert!(found == code && told.contains(said), "{url} {key}: {found} {told}");
    }
    let mut without = folder.program(&[&["job", "list"], &url[..]].concat());
    let without = without.env_remove("OUTSCOUT_OUTSEND_KEY").output().unwrap();
    let told = text(without.stderr);
    assert!(without.status.code() == Some(2) && told.contains("give --key or set OUTSCOUT_OUTSEND_KEY"), "{told}");
}

#[test]
fn shells_complete_commands() {
    let folder = Folder::new();
    for (shell, mark) in
        [("bash", "complete -F _outscout"), ("zsh", "#compdef outscout"), ("fish", "complete -c outscout")]
    {
        let printed = folder.program(&["completion", shell]).output().unwrap();
        assert!(printed.status.success() && text(printed.stdout).contains(mark), "{shell}");
    }
}

#[test]
fn a_server_that_is_only_starting_ends_when_it_is_told_to() {
    let folder = Folder::new();
    let mut command = folder.program(&["serve", "--data", "data", "--port=0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let lock = folder.0.join("data").join("lock");
    let began = Instant::now();
    while !lock.exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "it ended by itself");
}

#[test]
fn a_disk_that_is_full_is_told_by_health_and_log() {
    let folder = Folder::new();
    // files of at most two megabytes stand for a disk
    let start = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" serve --data data --port=0 --no-demo --ready-json";
    let mut child = Command::new("sh")
        .args(["-c", start, env!("CARGO_BIN_EXE_outscout")])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let serving = Serving { child, ready: serde_json::from_str(&line).unwrap() };
    let port = port(&serving);
    let health = || serving.get("control", "_local/health", "Accept: */*");
    assert!(health().contains(r#""status":"ok""#));
    let organization = folder.json(&["org", "create", "--name", "Full"]);
    let organization = organization["id"].as_str().unwrap();
    let rows: String = (0..4_000).map(|number| format!(",Study {number} {},draft,,\n", "x".repeat(150))).collect();
    let file = folder.file("studies.csv", &format!("id,name,status,created_at,tasks\n{rows}"));
    let (code, told) = folder.fails(&["study", "import", &file, "--org", organization]);
    assert_eq!(code, 1, "{told}");
    let full = health();
    assert!(full.starts_with("HTTP/1.1 503 ") && full.contains(r#""status":"failing""#), "{full}");
    let log = text(folder.program(&["logs", "--port", &port]).output().unwrap().stdout);
    assert!(log.contains(" ERROR "), "{log}");
}

/// A server that gives one answer to whatever is asked, and what it was asked.
fn answering(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(lines.read_line(&mut head).unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        head
    });
    (port, asked)
}

#[test]
fn what_is_no_server_of_ours_is_told_and_gets_nothing_more() {
    let folder = Folder::new();
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let (other, never) = answering(page);
    let elsewhere = format!("http://127.0.0.1:{other}/api/jobs");
    let moved =
        format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let (port, asked) = answering(moved.leak());
    let ask = |port: &str, more: &[&str]| {
        let url = format!("http://127.0.0.1:{port}/api");
        folder.says(&[&["job"], more, &["--url", &url, "--key", "osk_x"]].concat())
    };
    let (code, told) = ask(&port, &["list"]);
    assert!(code == 1 && told.contains(&format!("302 Found, to {elsewhere:?}: name the base URL")), "{told}");
    assert!(asked.join().unwrap().contains("osk_x"));
    assert!(!never.is_finished(), "the key went no further");
    for more in [&["list"][..], &["download", "j_01KSMB92NRM7N8P9Q0R1S2T3V4", "-o", "x.csv"]] {
        let (port, _) = answering(page);
        let (code, told) = ask(&port, more);
        assert!(code == 1 && told.contains("/api the base URL of Outsend?"), "{more:?}: {told}");
    }
    assert_eq!(folder.names(), [""; 0], "nothing is saved");
    for command in ["status", "logs"] {
        let (port, _) = answering(page);
        let (code, told) = folder.says(&[command, "--port", &port]);
        assert!(code == 1 && told.contains("is no control port: --port names it"), "{told}");
    }
}
