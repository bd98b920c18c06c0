//! The `outscout` binary as a process that can be killed.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// The binary that was built beside the test.
pub fn outscout() -> Command {
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("outscout");
    assert!(built.exists(), "`cargo test` or `cargo build` makes {}", built.display());
    Command::new(built)
}

/// A server.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub process: Child,
    /// The control port's.
    pub control: String,
    /// Outset's base address.
    pub outset: String,
    /// Outsend's base address.
    pub outsend: String,
    /// OpenScouter's base address.
    pub openscouter: String,
}

impl Running {
    /// Kills the server, as a machine that goes away would.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // a test that failed leaves no server behind
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server on a data directory.
pub fn start(data: &Path, variables: &[(&str, &str)]) -> Running {
    let mut process = outscout()
        .args(["serve", "--port", "0", "--no-demo", "--ready-json", "--data"])
        .arg(data)
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = |api: &str| ready[api].as_str().unwrap().to_owned();
    let (outset, outsend, openscouter) = (url("outset"), url("outsend"), url("openscouter"));
    Running { process, control: url("control"), outset, outsend, openscouter }
}

/// Runs a command on the data directory and reads its JSON.
pub fn run(data: &Path, arguments: &[&str]) -> Value {
    let output = outscout().args(arguments).arg("--json").arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder that goes when the test ends.
#[derive(Debug)]
pub struct Folder(
    /// Where it is.
    pub PathBuf,
);

impl Folder {
    /// A new one among the temporary files.
    #[must_use]
    pub fn temporary() -> Self {
        let path = std::env::temp_dir().join(format!("outscout-tests-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
