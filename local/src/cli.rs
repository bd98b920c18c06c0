//! The command line.

mod account;
mod arguments;
mod banner;
mod commands;
mod configuration;
mod directory;
mod doctor;
mod download;
mod feedback;
mod input;
mod job;
mod order;
mod output;
mod pipeline;
mod remote;
mod running;
mod serve;
mod veille;
mod webhook;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};

use self::{
    arguments::{Cli, Command},
    output::Failed,
};
use crate::lambda;

/// Runs the command line.
pub async fn run() -> ExitCode {
    let done = match order::behind_command(&Cli::command(), std::env::args_os().collect()) {
        Ok(arguments) => perform(Cli::parse_from(arguments)).await,
        Err(refused) => Err(refused),
    };
    let (text, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failed::Usage(text)) => (text, 2),
        Err(Failed::NotFound(text)) => (text, 3),
        // who reads no further has what it wanted
        Err(Failed::Other(error)) if is_closed_pipe(&*error) => return ExitCode::from(CLOSED_PIPE),
        Err(Failed::Other(error)) => (told(&*error), 1),
    };
    // a text of a file's or a server's moves no cursor
    let lines: Vec<_> = text.lines().map(output::harmless).collect();
    let _ = writeln!(io::stderr(), "outscout: {}", lines.join("\n"));
    ExitCode::from(code)
}

/// The exit code of a program that writes to who reads no further, as shells tell it.
const CLOSED_PIPE: u8 = 141;

fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What went wrong, and what to do where nobody answers.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let Some(request) = error.downcast_ref::<reqwest::Error>() else { return error.to_string() };
    // the innermost cause is what the system, the name servers or the other side said
    let mut cause: &(dyn std::error::Error + 'static) = request;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let Some(place) = request.url().map(|url| url.origin().ascii_serialization()) else { return cause.to_string() };
    if !request.is_connect() {
        return format!("{place}: {cause}");
    }
    let refused =
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        return format!(
            "nobody answers at {place}: is it running? `outscout serve` starts one; \
             --url or --port, whichever the command has, name another place"
        );
    }
    format!("{place} cannot be reached: {cause}: look at the scheme and the name in the URL")
}

/// Prints a shell's completions.
fn completion(shell: clap_complete::Shell) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "outscout", &mut text);
    io::stdout().write_all(&text)
}

async fn perform(cli: Cli) -> Result<(), Failed> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Launch { parent, binary } => Err(lambda::launch(parent, &binary).into()),
        Command::Store(arguments) => serve::store(arguments).await,
        Command::Org(command) => commands::org(command).await,
        Command::Key(command) => commands::key(command).await,
        Command::Study(command) => commands::study(command).await,
        Command::Job(command) => job::job(command).await,
        Command::Pipeline(command) => pipeline::pipeline(command).await,
        Command::Veille(command) => veille::veille(command).await,
        Command::Webhook(command) => webhook::webhook(command).await,
        Command::Account(command) => account::account(command).await,
        Command::Admin(command) => commands::admin(command).await,
        Command::Invitation(command) => commands::invitation(command).await,
        Command::Feedback(command) => feedback::feedback(command).await,
        Command::Backup { data, to } => commands::backup(&data, &to),
        Command::Restore { from, data } => commands::restore(&from, &data),
        Command::Migrate(common) => commands::migrate(common).await,
        Command::Doctor(arguments) => doctor::doctor(arguments).await,
        Command::Status(arguments) => running::status(&arguments).await,
        Command::Logs(arguments) => running::logs(&arguments).await,
        Command::Completion { shell } => Ok(completion(shell)?),
        Command::SigningKey(command) => commands::signing_key(command).await,
    }
}
