//! One process of a function, from its start to its end.

use std::{
    io::{self, Write},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
};
use tracing_subscriber::fmt::MakeWriter;

use super::host::Host;
use crate::{embedded_store::stopped, log::Capture};

/// How long the last lines of an ended process may take to arrive.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs one process until it ends, is killed, or the system stops; why it ended.
pub(super) async fn run(host: &Host, function: &str, worker: u64, kill: oneshot::Receiver<()>) -> String {
    let cause = match start(host, function, worker) {
        Err(error) => format!("cannot start {}: {error}", host.binary(function).display()),
        Ok(child) => match watch(host, child, kill).await {
            Ok(status) => format!("function process ended: {status}"),
            Err(error) => format!("function process lost: {error}"),
        },
    };
    if !*host.stop.borrow() {
        tracing::warn!(function, cause, "function process ended");
    }
    cause
}

fn start(host: &Host, function: &str, worker: u64) -> io::Result<Child> {
    let endpoint = format!("http://{}/{}/{function}/{worker}", host.address, host.secret);
    let at_once = host.options.at_once.to_string();
    // set where it means something: the runtime tells every other process that it is set
    let at_once = (host.options.at_once > 1).then_some(("AWS_LAMBDA_MAX_CONCURRENCY", at_once.as_str()));
    command(host, function)?
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{function}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &worker.to_string()),
            ("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "true"),
            ("AWS_LAMBDA_RUNTIME_API", &endpoint),
            ("_HANDLER", "bootstrap"),
            ("TZ", ":UTC"),
        ])
        .envs(at_once)
        .envs(host.options.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn command(host: &Host, function: &str) -> io::Result<Command> {
    let binary = host.binary(function);
    let Some(launcher) = &host.options.launcher else { return Ok(Command::new(binary)) };
    // the launcher could tell its standard error only
    binary.metadata()?;
    let mut command = Command::new(launcher);
    command.arg("launch").arg(std::process::id().to_string()).arg(binary);
    Ok(command)
}

async fn watch(host: &Host, mut child: Child, kill: oneshot::Receiver<()>) -> io::Result<ExitStatus> {
    let lines = [
        child.stdout.take().map(|pipe| tokio::spawn(copy_lines(pipe, host.log.clone()))),
        child.stderr.take().map(|pipe| tokio::spawn(copy_lines(pipe, host.log.clone()))),
    ];
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let status = tokio::select! {
        status = child.wait() => status,
        // a sender that is gone is no wish to kill: the pool drops it when it has used it
        Ok(()) = kill => end(&mut child, group).await,
        () = stopped(host.stop.clone()) => end(&mut child, group).await,
    };
    // what the process started does not outlive it; the group's number is not given out again before
    kill_all(group);
    for copied in lines.into_iter().flatten() {
        let _ = tokio::time::timeout(LAST_LINES, copied).await;
    }
    status
}

async fn end(child: &mut Child, group: Option<Pid>) -> io::Result<ExitStatus> {
    if !kill_all(group) {
        child.start_kill()?;
    }
    child.wait().await
}

/// Kills what is left of a process group; whether there was anything.
fn kill_all(group: Option<Pid>) -> bool {
    group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok())
}

/// Hands a process's output on to the local log, line by line.
async fn copy_lines(pipe: impl AsyncRead + Unpin, log: Capture) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
        if log.make_writer().write_all(&line).is_err() {
            return;
        }
        line.clear();
    }
}
