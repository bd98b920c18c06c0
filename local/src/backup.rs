//! Copies of a data directory. A copy is a data directory itself: what is brought back is what was put away.

use std::{
    io,
    path::{Path, PathBuf, absolute},
};

use rusqlite::{Connection, OpenFlags};
use shared::context::Context;

use crate::{
    data::DataDirectory,
    faults,
    migrations::{self, Migrated, MigrationError},
    private,
};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The store cannot be read, or the copy not be written.
    #[error("the store: {0}")]
    Store(#[from] rusqlite::Error),
    /// The store's file is damaged.
    #[error("the store's file is damaged: {0}")]
    Damaged(String),
}

/// Copies a data directory to a place where there is nothing yet, in one state of its store, also while a server runs on it.
/// What the copy holds is for its owner alone. Nothing is left of a copy that broke off but a folder named `.partial`.
///
/// # Errors
/// When something is there already, when a file cannot be read or written, and when the store's file is damaged.
pub fn copy(from: &DataDirectory, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        let text = format!("{} is there already", to.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text).into());
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let elsewhere = |error| faults::directory(to, error, "name another place for the copy");
    match std::fs::remove_dir_all(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(elsewhere(error).into()),
        _ => {}
    }
    let copy = DataDirectory::make(partial).map_err(elsewhere)?;
    // how far the streams were read stands before the store: what lies between is read again
    for (source, target) in from.kept_files().iter().zip(copy.kept_files()) {
        match std::fs::read(source) {
            Ok(bytes) => private::write(&target, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    copy_store(&from.store_file(), &copy.store_file())?;
    private::close_file(&copy.store_file())?;
    std::fs::rename(partial, to)?;
    Ok(())
}

/// Brings tables to this program's schema, after a copy of the data directory that they are in, if there is one.
///
/// # Errors
/// As [`migrations::migrate`].
pub async fn migrate(context: &Context, directory: Option<&DataDirectory>) -> Result<Migrated, MigrationError> {
    let copy = directory.map(|directory| |version| Ok(before_change(directory, version)?));
    migrations::migrate(context, migrations::STEPS, copy.as_ref().map(|copy| copy as migrations::Copy<'_>)).await
}

/// Copies a data directory to a place beside it before the schema of its tables is changed from `version` on. The copy of an
/// earlier run that broke off stays.
///
/// # Errors
/// As [`copy`].
pub fn before_change(directory: &DataDirectory, version: u64) -> Result<PathBuf, BackupError> {
    let mut copy = absolute(directory.path())?.into_os_string();
    copy.push(format!(".schema-{version}"));
    let copy = PathBuf::from(copy);
    if !DataDirectory::is_at(&copy)? {
        self::copy(directory, &copy)?;
        tracing::info!(copy = %copy.display(), "data directory copied before its schema is changed");
    }
    Ok(copy)
}

fn copy_store(from: &Path, to: &Path) -> Result<(), BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(std::time::Duration::from_secs(10))?;
    source.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    let copy = Connection::open_with_flags(to, flags)?;
    let told: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if told == "ok" { Ok(()) } else { Err(BackupError::Damaged(told)) }
}
