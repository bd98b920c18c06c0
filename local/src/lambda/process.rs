//! One process of a function, from its start to its end.

use std::{
    io::Write,
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
};
use tracing_subscriber::fmt::MakeWriter;

use super::Lambda;
use crate::{engine::stopped, log::Capture};

/// Runs one process until it ends, is killed, or the system stops.
pub(super) async fn run(lambda: Lambda, function: String, worker: u64, kill: oneshot::Receiver<()>) {
    let cause = match start(&lambda, &function, worker) {
        Err(error) => format!("cannot start {}: {error}", lambda.binary(&function).display()),
        Ok(child) => match watch(&lambda, child, kill).await {
            Ok(status) => format!("function process ended: {status}"),
            Err(error) => format!("function process lost: {error}"),
        },
    };
    if !*lambda.0.stop.borrow() {
        tracing::warn!(function, cause, "function process ended");
    }
    lambda.change(&function, |pool| pool.ended(worker, &cause));
}

fn start(lambda: &Lambda, function: &str, worker: u64) -> std::io::Result<Child> {
    let endpoint = format!("http://{}/{function}/{worker}", lambda.0.address);
    Command::new(lambda.binary(function))
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
        .envs(lambda.0.options.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn watch(lambda: &Lambda, mut child: Child, kill: oneshot::Receiver<()>) -> std::io::Result<ExitStatus> {
    let lines = [
        child.stdout.take().map(|pipe| tokio::spawn(copy_lines(pipe, lambda.0.log.clone()))),
        child.stderr.take().map(|pipe| tokio::spawn(copy_lines(pipe, lambda.0.log.clone()))),
    ];
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let status = tokio::select! {
        status = child.wait() => status,
        // a sender that is gone is no wish to kill: the pool drops it when it has used it
        Ok(()) = kill => end(&mut child, group).await,
        () = stopped(lambda.0.stop.clone()) => end(&mut child, group).await,
    };
    for copied in lines.into_iter().flatten() {
        let _ = copied.await;
    }
    status
}

/// Kills a process and what it started.
async fn end(child: &mut Child, group: Option<rustix::process::Pid>) -> std::io::Result<ExitStatus> {
    let killed = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
    if !matches!(killed, Some(Ok(()))) {
        child.start_kill()?;
    }
    child.wait().await
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
