//! The command line.

mod commands;
mod job;
mod serve;

use std::{
    io::{self, Write as _},
    net::Ipv4Addr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;

use crate::{embedded_store::EngineError, lambda};

/// Runs the whole of outscout on this machine, or works on its store.
#[derive(Debug, Parser)]
#[command(
    name = "outscout",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such thing."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve all APIs (the default)
    Serve(ServeArguments),
    /// Become a function's binary that ends with its server
    #[command(hide = true)]
    Launch {
        /// Process id of the server
        parent: u32,
        /// The binary
        binary: PathBuf,
    },
    /// Run the embedded store alone, with the tables of the templates
    Store(StoreArguments),
    /// Organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Studies
    #[command(subcommand)]
    Study(StudyCommand),
    /// Jobs of an Outsend API, local or deployed
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Platform staff
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Invitations to sign up at Outsend, where it takes invited people only (OUTSCOUT_OUTSEND_INVITE_ONLY=true)
    #[command(subcommand)]
    Invitation(InvitationCommand),
    /// Keys that sign OpenScouter's access tokens
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an admin and show the password, once
    Create {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// Name
        #[arg(long, default_value = "Admin")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
enum InvitationCommand {
    /// Make an invitation for one account and show its code, once
    Create {
        /// Days that it works
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
enum SigningKeyCommand {
    /// Make a key for a deployment: the secret for Secrets Manager, and the public keys for the template. With
    /// --before, the public keys include those that are published so far
    New {
        /// The JSON Web Key Set that is published so far
        #[arg(long, value_name = "JWKS")]
        before: Option<String>,
    },
    /// Put a new key before the data directory's; a server takes it up at its next start, and nobody is signed out
    Rotate {
        /// Data directory
        #[arg(long, default_value = ".outscout")]
        data: PathBuf,
    },
}

#[derive(Clone, Debug, Args)]
struct ServeArguments {
    /// First of four ports: control, Outset, Outsend, OpenScouter; 0 lets the system choose
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// Data directory
    #[arg(long, default_value = ".outscout", conflicts_with = "in_memory")]
    data: PathBuf,
    /// Keep everything in memory
    #[arg(long)]
    in_memory: bool,
    /// Run the functions as processes: the folder that holds <crate>/bootstrap or the binaries
    #[arg(long, value_name = "DIR")]
    lambda: Option<PathBuf>,
    /// Make no demo organization
    #[arg(long)]
    no_demo: bool,
    /// Print one line of JSON on standard output once everything answers
    #[arg(long)]
    ready_json: bool,
}

#[derive(Debug, Args)]
struct StoreArguments {
    /// Address to listen on; containers cannot reach the default one, everybody can reach 0.0.0.0
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    address: Ipv4Addr,
    /// Port
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Data directory; without it, in memory
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Common {
    /// Data directory; a server may be running on it
    #[arg(long, default_value = ".outscout")]
    data: PathBuf,
    /// Work on a deployment: the tables and the credentials that the environment names (OUTSCOUT_MAIN_TABLE,
    /// OUTSCOUT_HOT_TABLE, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)
    #[arg(long, conflicts_with = "data")]
    cloud: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PlanName {
    Free,
    Pro,
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
    /// Make an organization
    Create {
        /// Name
        #[arg(long)]
        name: String,
        /// Plan
        #[arg(long, value_enum, default_value = "free")]
        plan: PlanName,
        #[command(flatten)]
        common: Common,
    },
    /// All organizations
    List {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key and show it, once
    Create {
        /// Organization id
        #[arg(long)]
        org: String,
        /// Name
        #[arg(long, default_value = "")]
        name: String,
        /// Scope, repeatable; both when there is none
        #[arg(long)]
        scope: Vec<String>,
        /// When it stops working, as an ISO 8601 date-time
        #[arg(long)]
        expires_at: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Keys of an organization
    List {
        /// Organization id
        #[arg(long)]
        org: String,
        #[command(flatten)]
        common: Common,
    },
    /// Revoke a key for good
    Revoke {
        /// Organization id
        #[arg(long)]
        org: String,
        /// Key id
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
enum StudyCommand {
    /// Make a study
    Create {
        /// Organization id
        #[arg(long)]
        org: String,
        /// Name
        #[arg(long)]
        name: String,
        /// Task, repeatable
        #[arg(long)]
        task: Vec<String>,
        /// What participants test
        #[arg(long)]
        target_url: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Import studies from a .json or .csv file; those whose id is known are left alone
    Import {
        /// File
        file: PathBuf,
        /// Organization id
        #[arg(long)]
        org: String,
        #[command(flatten)]
        common: Common,
    },
    /// Studies of an organization, newest first
    List {
        /// Organization id
        #[arg(long)]
        org: String,
        #[command(flatten)]
        common: Common,
    },
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failed {
    /// Exit code 3.
    NotFound(String),
    /// Exit code 2.
    Usage(String),
    /// Exit code 1.
    Other(EngineError),
}

impl<E: Into<EngineError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Runs the command line.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Launch { parent, binary } => Err(lambda::launch(parent, &binary).into()),
        Command::Store(arguments) => serve::store(arguments).await,
        Command::Org(command) => commands::org(command).await,
        Command::Key(command) => commands::key(command).await,
        Command::Study(command) => commands::study(command).await,
        Command::Job(command) => job::job(command).await,
        Command::Admin(command) => commands::admin(command).await,
        Command::Invitation(command) => commands::invitation(command).await,
        Command::SigningKey(command) => commands::signing_key(command),
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

/// Writes a line on standard output.
fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Writes a result: as JSON, or as lines of its members.
fn show(json: bool, value: &Value) -> io::Result<()> {
    if json {
        return print(&value.to_string());
    }
    let rows = match value {
        Value::Array(rows) => rows.iter().collect(),
        row => vec![row],
    };
    for row in rows {
        let members = row.as_object().into_iter().flatten();
        let text: Vec<_> = members
            .map(|(name, value)| format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        print(&text.join("  "))?;
    }
    Ok(())
}
