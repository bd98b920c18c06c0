//! What is said of a file or a directory that cannot be used: which it is, why, and what to do.

use std::{
    error::Error,
    fmt::Display,
    io,
    path::{Path, absolute},
};

use rusqlite::ErrorCode;
use shared::json;

use crate::embedded_store::{BadAddress, EngineError};

/// What to do about a data directory that cannot be used.
pub(crate) const ANOTHER: &str = "name another directory with --data";

/// A directory that cannot be made, read or written, and what to do. What says so already stays as it is.
pub(crate) fn directory(path: &Path, error: io::Error, next: &str) -> io::Error {
    if error.raw_os_error().is_none() {
        return error;
    }
    let kind = error.kind();
    let told = match kind {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => match no_directory(path) {
            Some(above) if above != path => format!("{} is no directory: {next}", shown(above)),
            _ => format!("it is no directory: {next}"),
        },
        io::ErrorKind::NotFound => format!("no directory can be made there: {next}"),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not read and write there: make it this user's, or {next}")
        }
        io::ErrorKind::ReadOnlyFilesystem => format!("it is on a file system that cannot be written: {next}"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("its disk is full: make room, or {next}")
        }
        _ => format!("{error}: {next}"),
    };
    io::Error::new(kind, format!("{}: {told}", shown(path)))
}

/// The part of a path that is there and is no directory.
fn no_directory(path: &Path) -> Option<&Path> {
    path.ancestors().find(|part| part.symlink_metadata().is_ok()).filter(|part| !part.is_dir())
}

fn shown(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A file that cannot be used, and what to do.
pub(crate) fn file(path: &Path, cause: &dyn Display, next: &str) -> EngineError {
    format!("{}: {cause}: {next}", shown(path)).into()
}

/// A store that does not start: its file is none or damaged, or its disk is full. What says so already stays as it is.
pub(crate) fn store(path: Option<&Path>, error: EngineError) -> EngineError {
    if error.is::<BadAddress>() {
        return error;
    }
    let Some(path) = path else { return error };
    match code(&*error) {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            let cause = "it is no store of outscout, or it is damaged";
            file(path, &cause, &format!("bring a copy back with outscout restore, or {ANOTHER}"))
        }
        Some(ErrorCode::DiskFull) => file(path, &"its disk is full", &format!("make room, or {ANOTHER}")),
        _ => match error.downcast::<io::Error>() {
            Ok(error) => directory(path, *error, ANOTHER).into(),
            Err(error) => file(path, &error, "outscout doctor looks at it"),
        },
    }
}

/// What SQLite says went wrong, behind whatever else is said of it.
fn code(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
            return error.sqlite_error_code();
        }
        next = error.source();
    }
    // the engine says this alone in its own words
    error.to_string().contains("not a valid SQLite database").then_some(ErrorCode::NotADatabase)
}

/// Why a text is not read as JSON, with the place.
pub(crate) fn no_json(text: &[u8]) -> String {
    match json::broken_at(text) {
        Some((line, column)) => format!("it is no JSON: it breaks in line {line}, column {column}"),
        None => "it is no JSON, or nested too deep".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_directory_that_cannot_be_used_is_named_with_cause_and_next_step() {
        let folder = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("file");
        std::fs::write(&file, "x").unwrap();
        let (at, below) = (file.display(), file.join("below"));
        for (path, errno, told) in [
            (&file, Errno::EXIST, format!("{at}: it is no directory: name another directory with --data")),
            (&below, Errno::NOTDIR, format!("{at}/below: {at} is no directory: name another directory with --data")),
            (
                &file,
                Errno::ACCESS,
                format!("{at}: this user may not read and write there: make it this user's, or {ANOTHER}"),
            ),
            (&file, Errno::ROFS, format!("{at}: it is on a file system that cannot be written: {ANOTHER}")),
            (&file, Errno::NOSPC, format!("{at}: its disk is full: make room, or {ANOTHER}")),
            (&file, Errno::NOENT, format!("{at}: no directory can be made there: {ANOTHER}")),
        ] {
            assert_eq!(directory(path, errno.into(), ANOTHER).to_string(), told);
        }
        assert_eq!(directory(&file, io::Error::other("told already"), ANOTHER).to_string(), "told already");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_store_that_does_not_start_is_named_with_cause_and_next_step() {
        let path = Path::new("/x/store.sqlite");
        let sqlite = |code| EngineError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        let told = |error| store(Some(path), error).to_string();
        let damaged = "/x/store.sqlite: it is no store of outscout, or it is damaged: bring a copy back with outscout \
                       restore, or name another directory with --data";
        assert_eq!(told(sqlite(rusqlite::ffi::SQLITE_NOTADB)), damaged);
        assert_eq!(told(sqlite(rusqlite::ffi::SQLITE_CORRUPT)), damaged);
        let full = "/x/store.sqlite: its disk is full: make room, or name another directory with --data";
        assert_eq!(told(sqlite(rusqlite::ffi::SQLITE_FULL)), full);
        assert_eq!(told(io::Error::from(Errno::NOSPC).into()), full);
        assert_eq!(told("odd".into()), "/x/store.sqlite: odd: outscout doctor looks at it");
        let (listens, taken) = (SocketAddr::from(([127, 0, 0, 1], 80)), Errno::ADDRINUSE.into());
        let refused = "the store's address 127.0.0.1:80: another program listens there: name another port";
        assert_eq!(told(BadAddress::of(listens, &taken).into()), refused);
    }

    #[test]
    fn a_text_that_is_no_json_is_told_with_its_place() {
        assert_eq!(no_json(b"{\n\"a\":,\n}"), "it is no JSON: it breaks in line 2, column 5");
        assert_eq!(no_json(b" "), "it is no JSON, or nested too deep");
    }
}
