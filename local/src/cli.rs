//! The command line.

mod arguments;
mod banner;
mod commands;
mod configuration;
mod directory;
mod doctor;
mod download;
mod feedback;
mod job;
mod order;
mod output;
mod pipeline;
mod remote;
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
        Err(Failed::Other(error)) => (error.to_string(), 1),
    };
    let _ = writeln!(io::stderr(), "outscout: {text}");
    ExitCode::from(code)
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
        Command::Admin(command) => commands::admin(command).await,
        Command::Invitation(command) => commands::invitation(command).await,
        Command::Feedback(command) => feedback::feedback(command).await,
        Command::Backup { data, to } => commands::backup(&data, &to),
        Command::Restore { from, data } => commands::restore(&from, &data),
        Command::Migrate(common) => commands::migrate(common).await,
        Command::Doctor(arguments) => doctor::doctor(arguments).await,
        Command::SigningKey(command) => commands::signing_key(command).await,
    }
}
