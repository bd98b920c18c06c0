//! Files that only their owner may read and write, whatever the umask says.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;
/// The bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes a directory for its owner, with those above it that are missing. One that is there stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY).create(path)
}

/// Whether others may reach a directory.
///
/// # Errors
/// When there is none.
pub fn is_open(directory: &Path) -> io::Result<bool> {
    Ok(fs::metadata(directory)?.permissions().mode() & OTHERS != 0)
}

/// Takes a directory's rights from everybody but its owner.
///
/// # Errors
/// When it is another's.
pub fn close_directory(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(DIRECTORY))
}

/// Takes a file's rights from everybody but its owner; what is no file is left alone.
///
/// # Errors
/// When it is another's.
pub fn close_file(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o777 != FILE => {
            match fs::set_permissions(path, Permissions::from_mode(FILE)) {
                // a log of SQLite goes when it is written back
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            }
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file to write to, made for its owner when it is missing.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(FILE).open(path)
}

/// Writes a file for its owner, whole or not at all: who reads it meanwhile finds the old one.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    // what a killed process left may be readable, or a link that leads elsewhere
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().create_new(true).write(true).mode(FILE).open(&new)?.write_all(bytes)?;
    fs::rename(new, file)
}
