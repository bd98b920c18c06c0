//! How a function's process is tied to the server's life.

use std::{
    io,
    os::unix::process::{CommandExt, parent_id},
    path::Path,
    process::Command,
};

/// Becomes `binary`, to be killed by the system as soon as the process `parent` ends.
///
/// The signal must be asked for by the process that is to receive it, between `fork` and `exec`, where
/// Rust allows no safe code; a program that asks first and then becomes the binary needs none. The
/// system watches the thread that forked: the runtime's worker threads last as long as the server.
///
/// Returns only when it fails.
#[must_use]
pub fn launch(parent: u32, binary: &Path) -> io::Error {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        return error.into();
    }
    if parent_id() != parent {
        return io::Error::other("the server has ended");
    }
    Command::new(binary).exec()
}
