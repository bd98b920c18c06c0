//! The words of the command line.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
};

use axum::http::uri::Authority;
use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::model::Plan;

use super::{
    configuration,
    doctor::DoctorArguments,
    job::JobCommand,
    pipeline::PipelineCommand,
    running::{LogsArguments, StatusArguments},
    veille::VeilleCommand,
    webhook::WebhookCommand,
};

/// Runs the whole of outscout on this machine, or works on its store.
#[derive(Debug, Parser)]
#[command(
    name = "outscout",
    version,
    about,
    args_conflicts_with_subcommands = true,
    after_help = "These options may stand before a command that has them, too: outscout --data DIR org list.\n\
                  Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such thing."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve all APIs (the default)
    #[command(after_long_help = configuration::help())]
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
    /// Copy a data directory, also while a server runs on it; the copy is a data directory, too
    Backup {
        /// Data directory, which must be there
        #[arg(long, default_value = ".outscout")]
        data: PathBuf,
        /// Where the copy is to be; nothing may be there yet
        #[arg(long)]
        to: PathBuf,
    },
    /// Make a data directory of a copy, which stays as it is
    Restore {
        /// The copy
        #[arg(long)]
        from: PathBuf,
        /// Data directory; nothing may be there yet
        #[arg(long, default_value = ".outscout")]
        data: PathBuf,
    },
    /// Bring the tables to the schema of this version, from where an earlier run ended; a data directory is copied before,
    /// and `outscout serve` does the same at its start
    Migrate(Common),
    /// Look for what is wrong with this machine's system, and say what to do; exit code 1 when there is a problem
    Doctor(DoctorArguments),
    /// Say again where a running server's APIs are, and who its demo's people are
    Status(StatusArguments),
    /// Show a running server's log: its last lines, those of one request, or each line as it comes
    Logs(LogsArguments),
    /// Print a shell's completions for this command, as in `outscout completion bash > /etc/bash_completion.d/outscout`
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// API keys of Outset
    #[command(subcommand)]
    Key(KeyCommand),
    /// Studies
    #[command(subcommand)]
    Study(StudyCommand),
    /// Jobs of an Outsend API, local or deployed
    #[command(subcommand)]
    Job(JobCommand),
    /// Pipelines of an Outsend API, local or deployed
    #[command(subcommand)]
    Pipeline(PipelineCommand),
    /// Monitors of an Outsend API, local or deployed: what changes from run to run of a job or a pipeline
    #[command(subcommand)]
    Veille(VeilleCommand),
    /// Events of an Outsend API, local or deployed, as webhooks bring them
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// People's accounts, of all three APIs
    #[command(subcommand)]
    Account(AccountCommand),
    /// Platform staff
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Invitations to sign up at Outsend, where it takes invited people only (OUTSCOUT_OUTSEND_INVITE_ONLY=true)
    #[command(subcommand)]
    Invitation(InvitationCommand),
    /// Feedback of Outsend's users, and the staff's answers
    #[command(subcommand)]
    Feedback(FeedbackCommand),
    /// Keys that sign OpenScouter's access tokens
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
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
pub(super) enum AccountCommand {
    /// Suspend an account, or lift that, and change the plan of its organization
    Update {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// What the account is: a suspended one, which Outsend calls deactivated, changes nothing, and its sign-ins end
        #[arg(long, value_enum, required_unless_present = "plan")]
        status: Option<AccountStatus>,
        /// Plan of its organization
        #[arg(long, value_enum)]
        plan: Option<PlanName>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AccountStatus {
    Active,
    #[value(alias = "deactivated")]
    Suspended,
}

#[derive(Debug, Subcommand)]
pub(super) enum InvitationCommand {
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
pub(super) enum FeedbackCommand {
    /// Threads that wait for an answer, the longest waiting first; of one user all threads, the latest first
    List {
        /// E-mail address of a user
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// One thread with its messages
    Show {
        /// Thread id
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Answer a thread; the user sees the answer in it
    Answer {
        /// Thread id
        id: String,
        /// The answer
        #[arg(long, value_name = "TEXT")]
        message: String,
        #[command(flatten)]
        common: Common,
    },
    /// Close a thread, until its user writes again
    Close {
        /// Thread id
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SigningKeyCommand {
    /// Make a key for a deployment: the secret for Secrets Manager, and the public keys for the template. With
    /// --before, the public keys include those that are published so far
    New {
        /// The JSON Web Key Set that is published so far
        #[arg(long, value_name = "JWKS")]
        before: Option<String>,
    },
    /// Put a new key before the data directory's; a server takes it up at its next start, and nobody is signed out. With
    /// --stack, do the next of three steps on a deployment: publish a new key, let it sign, and a day later let the old
    /// one go. The stack is updated for each
    Rotate {
        /// Data directory, which must be there
        #[arg(long, default_value = ".outscout")]
        data: PathBuf,
        /// Name of a deployment's stack
        #[arg(long, value_name = "NAME", conflicts_with = "data")]
        stack: Option<String>,
        /// The deployment's region; that of AWS_REGION without it
        #[arg(long, requires = "stack")]
        region: Option<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct ServeArguments {
    /// First of four ports: control, Outset, Outsend, OpenScouter; 0 lets the system choose
    #[arg(long, default_value_t = 4000)]
    pub(super) port: u16,
    /// Data directory
    #[arg(long, default_value = ".outscout", conflicts_with = "in_memory")]
    pub(super) data: PathBuf,
    /// Keep everything in memory
    #[arg(long)]
    pub(super) in_memory: bool,
    /// Address and port of the store, for functions that others run beside this system (docs/sam-local.md)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) store_address: Option<SocketAddr>,
    /// Run the functions as processes: the folder that holds <crate>/bootstrap or the binaries
    #[arg(long, value_name = "DIR")]
    pub(super) lambda: Option<PathBuf>,
    /// How many invocations such a process takes at once (Lambda's AWS_LAMBDA_MAX_CONCURRENCY)
    #[arg(long, value_name = "N", default_value = "1", requires = "lambda")]
    pub(super) at_once: NonZeroUsize,
    /// Make no demo organization
    #[arg(long)]
    pub(super) no_demo: bool,
    /// Print one line of JSON on standard output once everything answers
    #[arg(long)]
    pub(super) ready_json: bool,
    /// A name, without a port, under which the control port may be asked for, beside localhost; repeatable. Who can ask
    /// it reads the mails and moves the clock
    #[arg(long = "host-name", value_name = "NAME", value_parser = host_name)]
    pub(super) host_names: Vec<String>,
}

/// A name that a request's `Host` may have, without its port.
fn host_name(text: &str) -> Result<String, &'static str> {
    let parsed = text.parse::<Authority>().ok();
    let is_name = parsed.is_some_and(|parsed| parsed.host() == text && !text.is_empty());
    if is_name { Ok(text.to_owned()) } else { Err("write the name alone, without http://, port and path: box.local") }
}

#[derive(Debug, Args)]
pub(super) struct StoreArguments {
    /// Address to listen on; containers cannot reach the default one, everybody can reach 0.0.0.0
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    pub(super) address: Ipv4Addr,
    /// Port
    #[arg(long, default_value_t = 8000)]
    pub(super) port: u16,
    /// Data directory; without it, in memory
    #[arg(long)]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// Data directory; a server may be running on it. Only the commands that make organizations, admins and invitations
    /// make one that is missing
    #[arg(long, default_value = ".outscout")]
    pub(super) data: PathBuf,
    /// Work on a deployment: the tables and the credentials that the environment names (OUTSCOUT_MAIN_TABLE,
    /// OUTSCOUT_HOT_TABLE, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)
    #[arg(long, conflicts_with = "data")]
    pub(super) cloud: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PlanName {
    Free,
    Pro,
}

impl From<PlanName> for Plan {
    fn from(name: PlanName) -> Self {
        match name {
            PlanName::Free => Self::Free,
            PlanName::Pro => Self::Pro,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum OrgCommand {
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
pub(super) enum KeyCommand {
    /// Make a key of the Outset API for an organization and show it, once. Keys of Outsend are made at POST /api/api-keys,
    /// API tokens of OpenScouter at POST /api/tokens: each by its user
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
pub(super) enum StudyCommand {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_a_name_alone() {
        for name in ["box.local", "Box", "10.0.0.1", "[fd00::1]"] {
            assert_eq!(host_name(name).as_deref(), Ok(name));
        }
        for bad in ["", "http://x", "x:4000", "x/y", "me@x", "a b", "fd00::1"] {
            assert!(host_name(bad).is_err(), "{bad}");
        }
    }
}
