//! Functions as processes: the real binaries, spoken to over the Lambda Runtime API, started on
//! first use, kept warm, several of one function when it is busy.
//!
//! One port serves all of them: each process is given a base URL that names its function and itself, behind a word that
//! nobody can guess.
//!
//! No process outlives the server. When it stops, it kills each process with its group; when it is
//! killed itself, the system kills them, because they are started through [`launch`]. Where the system
//! knows no parent-death signal, a function ends by itself when its Runtime API is gone.

mod host;
mod launch;
mod pool;
mod process;
mod processes;
mod runtime_api;
mod streamed;

use std::io;

use tokio::{net::TcpListener, sync::watch};

use self::host::Host;
pub use self::{host::Options, launch::launch, processes::Lambda};
use crate::{embedded_store::stopped, log::Capture};

/// Serves the Runtime API on a loopback port until `stop` says so. Starts no process yet.
///
/// # Errors
/// When `options.directory` is no folder or no port can be had.
pub async fn start(options: Options, log: Capture, stop: watch::Receiver<bool>) -> io::Result<Lambda> {
    if !options.directory.is_dir() {
        let text = format!("{}: not a folder with function binaries", options.directory.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (secret, _) = shared::secret::new_token("").map_err(|error| io::Error::other(error.to_string()))?;
    let lambda = Lambda::new(Host { options, address, secret: secret.clone(), log, stop: stop.clone() });
    let router = runtime_api::router(lambda.clone(), &secret);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped(stop)).await {
            tracing::error!(cause = %error, "runtime api stopped");
        }
    });
    Ok(lambda)
}

#[cfg(test)]
mod tests;
