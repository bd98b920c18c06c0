//! Who may read the data directory.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};

use harness::process::{Folder, outscout};

/// Runs `outscout` as a person does whose files everybody may read and write.
fn careless(arguments: &[&str]) -> Command {
    let program = outscout().get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(program).args(arguments);
    command
}

/// What others may reach of a data directory, with its mode.
fn open_to_others(data: &Path) -> Vec<String> {
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    let mut found = Vec::new();
    if mode(data) != 0o700 {
        found.push(format!("the directory: {:o}", mode(data)));
    }
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        // a file that was replaced meanwhile is none
        if path.exists() && path.is_file() && mode(&path) != 0o600 {
            found.push(format!("{}: {:o}", path.file_name().unwrap().to_string_lossy(), mode(&path)));
        }
    }
    found
}

fn path(data: &Path) -> &str {
    data.to_str().unwrap()
}

/// A server on `data`, and what others may reach while it runs and when it has ended.
fn served(data: &Path) -> [Vec<String>; 2] {
    let mut server = careless(&["serve", "--port", "0", "--ready-json", "--data", path(data)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "it does not start");
    let names: Vec<_> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "demo-key", "demo-account", "lock", "endpoint"]
    {
        assert!(names.iter().any(|known| known == name), "{name} is none of {names:?}");
    }
    // moving the clock writes its file
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let control = ready["control"].as_str().unwrap();
    let body = r#"{"advance_seconds":1}"#;
    let asked = format!(
        "POST /_local/clock HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(control.trim_start_matches("http://")).unwrap();
    std::io::Write::write_all(&mut stream, asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let running = open_to_others(data);
    let stop = rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    rustix::process::kill_process(stop, rustix::process::Signal::TERM).unwrap();
    server.wait().unwrap();
    [running, open_to_others(data)]
}

fn run(arguments: &[&str]) -> Output {
    careless(arguments).output().unwrap()
}

#[test]
fn a_new_data_directory_is_its_owners_alone() {
    let folder = Folder::temporary();
    let data = folder.0.join("new/data");
    assert_eq!(served(&data), [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn commands_write_for_the_owner_alone() {
    let folder = Folder::temporary();
    let data = folder.0.join("data");
    for command in [
        &["org", "create", "--name", "x"][..],
        &["signing-key", "rotate"],
        &["admin", "create", "--email", "a@b.example"],
    ] {
        let output = run(&[command, &["--data", path(&data)]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(open_to_others(&data), Vec::<String>::new(), "{command:?}");
    }
}

#[test]
fn a_directory_of_before_is_closed() {
    let folder = Folder::temporary();
    let data = folder.0.join("data");
    served(&data);
    let open = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        open(&entry.unwrap().path(), 0o666);
    }
    open(&data, 0o777);
    // what a killed server left half written, and a link, which is never followed
    fs::write(data.join("signing-keys.new"), "x").unwrap();
    open(&data.join("signing-keys.new"), 0o666);
    let outside = folder.0.join("outside");
    fs::write(&outside, "x").unwrap();
    open(&outside, 0o644);
    symlink(&outside, data.join("clock.new")).unwrap();
    let output = run(&["org", "list", "--data", path(&data)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mode = fs::metadata(&outside).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644, "a link was followed");
    fs::remove_file(data.join("clock.new")).unwrap();
    assert_eq!(open_to_others(&data), Vec::<String>::new());
    assert_eq!(served(&data), [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn a_folder_of_other_things_is_not_taken_for_data() {
    let folder = Folder::temporary();
    let data = folder.0.join("home");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("letter.txt"), "x").unwrap();
    fs::set_permissions(data.join("letter.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(&["org", "create", "--name", "x", "--data", path(&data)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("others may read") && said.contains("chmod 700"), "{said}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join("letter.txt"))), (0o755, 0o644), "nothing of it changed");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing was put beside it");
    // closed by its owner, it may be used
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let output = run(&["org", "create", "--name", "x", "--data", path(&data)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(mode(&data.join("letter.txt")), 0o644, "not ours to change");
}
