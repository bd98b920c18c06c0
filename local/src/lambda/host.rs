//! What every process is started with.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::sync::watch;

use crate::log::Capture;

/// How processes are started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder that holds `<crate>/bootstrap`, or the binaries by crate name.
    pub directory: PathBuf,
    /// Variables of every process.
    pub variables: Vec<(String, String)>,
    /// The program whose `launch` command starts a binary, see [`launch`]; `None` starts it directly.
    pub launcher: Option<PathBuf>,
    /// How many invocations a process takes at once, as Lambda's managed instances hand them over; usually one.
    pub at_once: usize,
    /// How long one invocation may take, by crate name.
    pub time_limits: BTreeMap<String, Duration>,
}

/// The machine that processes run on.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) options: Options,
    /// Where the Runtime API answers.
    pub(super) address: SocketAddr,
    /// What the paths of the Runtime API begin with, and nobody can guess: who knows it takes events and answers them.
    pub(super) secret: String,
    pub(super) log: Capture,
    pub(super) stop: watch::Receiver<bool>,
}

impl Host {
    /// The binary of a function: `<directory>/<crate>/bootstrap`, or `<directory>/<crate>`.
    pub(super) fn binary(&self, function: &str) -> PathBuf {
        let named = self.options.directory.join(function);
        let bootstrap = named.join("bootstrap");
        if bootstrap.is_file() { bootstrap } else { named }
    }
}
