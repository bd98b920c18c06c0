//! The data directory that a command works on.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf, absolute},
};

use super::output::Failed;
use crate::data::DataDirectory;

fn shown(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A data directory that must be there: a mistyped one is not made.
pub(super) fn existing(path: &Path) -> Result<DataDirectory, Failed> {
    if !DataDirectory::is_at(path)? {
        let path = shown(path);
        let text = format!(
            "there is no data directory at {}: name another with --data, or make one with outscout serve or \
             outscout org create",
            path.display()
        );
        return Err(Failed::NotFound(text));
    }
    Ok(DataDirectory::open(path)?)
}

/// A data directory that is made where it is missing; then standard error says so.
pub(super) fn existing_or_new(path: &Path) -> Result<DataDirectory, Failed> {
    let new = !path.exists();
    let directory = DataDirectory::open(path)?;
    if new {
        tell_made(path)?;
    }
    Ok(directory)
}

/// Says that a data directory was made.
pub(super) fn tell_made(path: &Path) -> io::Result<()> {
    writeln!(io::stderr(), "outscout: made the data directory {}", shown(path).display())
}
