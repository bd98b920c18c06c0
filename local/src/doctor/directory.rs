//! The data directory: whose it is, who may read it, who holds it, and whether its store is whole. Nothing is changed.

use std::{
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access, statvfs};
use serde_json::Value;

use super::Finding;
use crate::{
    data::{DataDirectory, FILES, NO_KEYS, WITHOUT_KEYS, WITHOUT_STREAMS},
    embedded_store::schema_in,
    migrations::{self, STEPS, State},
};

/// Below this a store soon cannot be written.
const LITTLE_SPACE: u64 = 100 * MEGABYTE;
/// Below this somebody should know.
const SOME_SPACE: u64 = 1_024 * MEGABYTE;
const MEGABYTE: u64 = 1_024 * 1_024;
/// How long a holder that is only starting may take to say where its store is.
const ANSWER: Duration = Duration::from_secs(2);

/// Looks at the data directory at `path`.
pub(super) async fn examine(path: &Path) -> Vec<Finding> {
    let place = path.display().to_string();
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.ancestors().skip(1).find(|above| above.exists()).unwrap_or(path);
            return vec![missing(place, above), space(above)];
        }
        Err(error) => {
            let remedy = "make the folders above it readable for you, or name another with --data";
            return vec![Finding::problem("data directory", place, error.to_string(), remedy)];
        }
    };
    if !found.is_dir() {
        return vec![Finding::problem("data directory", place, "it is no directory", "name another with --data")];
    }
    let directory = DataDirectory::seen(path);
    let mut findings = vec![rights(path, &found)];
    findings.extend(modes(path));
    findings.push(holder(&directory, &place).await);
    findings.push(space(path));
    if directory.store_file().exists() {
        findings.push(store(&directory.store_file()));
        findings.push(schema(&directory.store_file()));
    }
    findings.extend(kept(&directory));
    findings
}

/// There is no data directory yet, and whether one can be made.
fn missing(place: String, above: &Path) -> Finding {
    match access(above, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => {
            let remedy = "outscout serve makes one; if there should be one, name it with --data";
            Finding::warning("data directory", place, "there is none yet", remedy)
        }
        Err(error) => {
            let above = above.display();
            let text = format!("there is none yet, and none can be made in {above}: {error}");
            let remedy = format!("make {above} writable for you, or name another with --data");
            Finding::problem("data directory", place, text, remedy)
        }
    }
}

fn rights(path: &Path, found: &std::fs::Metadata) -> Finding {
    let place = path.display().to_string();
    if found.permissions().mode() & 0o077 != 0 {
        let text = format!("others may reach it (mode {:o})", found.permissions().mode() & 0o777);
        return Finding::problem("data directory", &place, text, format!("chmod 700 {place}"));
    }
    let own = rustix::process::geteuid();
    if !own.is_root() && found.uid() != own.as_raw() {
        let text = format!("it belongs to the user {}, and this is the user {}", found.uid(), own.as_raw());
        let remedy = format!("run outscout as its owner, or as root: chown -R {} {place}", own.as_raw());
        return Finding::problem("data directory", place, text, remedy);
    }
    match access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok("data directory", place, "it is there, writable, and its owner's alone"),
        Err(error) => {
            let remedy = format!("chmod u+rwx {place}, or move it to a file system that can be written");
            Finding::problem("data directory", place, format!("it cannot be written: {error}"), remedy)
        }
    }
}

/// The files that others may read.
fn modes(path: &Path) -> Vec<Finding> {
    let files = FILES.iter().map(|name| path.join(name));
    let open = files.filter_map(|file| {
        let found = file.symlink_metadata().ok()?;
        let mode = found.permissions().mode() & 0o777;
        let place = file.display().to_string();
        if !found.is_file() {
            let text = "it is no file, and is not read as one";
            return Some(Finding::problem("file", place.clone(), text, format!("move {place} away")));
        }
        (mode & 0o077 != 0).then(|| {
            let text = format!("others may read it (mode {mode:o}), and it holds people's data or keys");
            Finding::problem("file", &place, text, format!("chmod 600 {place}; outscout serve does so at its start"))
        })
    });
    open.collect()
}

/// Who holds the directory, and whether its store answers.
async fn holder(directory: &DataDirectory, place: &str) -> Finding {
    let holder = match directory.holder() {
        Ok(None) => return Finding::ok("lock", place, "no server runs on it"),
        Ok(Some(holder)) => holder,
        Err(error) => {
            let remedy = "make the file named lock in it readable for you";
            return Finding::problem("lock", place, format!("who holds it cannot be told: {error}"), remedy);
        }
    };
    let who = holder.to_string();
    let answers = match tokio::time::timeout(ANSWER, directory.announced()).await {
        Err(_) | Ok(Err(_)) => Err("it does not say where its store answers".to_owned()),
        Ok(Ok((url, _))) => match tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await {
            Ok(_) => Ok(url),
            Err(error) => Err(format!("its store does not answer at {url}: {error}")),
        },
    };
    match answers {
        Ok(url) => Finding::ok("lock", place, format!("{who} runs on it, and its store answers at {url}")),
        Err(cause) => {
            let stop = holder.process.map_or_else(String::new, |id| format!(": kill {id}"));
            let remedy = format!("if it does not come up within a few seconds, end it and start it again{stop}");
            Finding::problem("lock", place, format!("{who} holds it, and {cause}"), remedy)
        }
    }
}

fn space(path: &Path) -> Finding {
    let place = path.display().to_string();
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let left = match statvfs(path) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            return Finding::warning("disk", place, format!("what is left cannot be told: {error}"), "look by df");
        }
    };
    let text = format!("{} MB are left", left / MEGABYTE);
    let remedy = "make room: move backups away, or outscout backup to another disk and serve from there";
    match left {
        _ if left < LITTLE_SPACE => Finding::problem("disk", place, text, remedy),
        _ if left < SOME_SPACE => Finding::warning("disk", place, text, remedy),
        _ => Finding::ok("disk", place, text),
    }
}

/// Whether the store opens and its pages hang together. A server that runs on it goes on.
fn store(file: &Path) -> Finding {
    let place = file.display().to_string();
    let remedy = "keep the file as it is, and bring the last copy back: outscout restore --from COPY --data NEW";
    match damage(file) {
        Ok(damage) if damage.is_empty() => Finding::ok("store", place, "it opens, and its pages are whole"),
        Ok(damage) => Finding::problem("store", place, format!("it is damaged: {}", damage.join("; ")), remedy),
        Err(error) => Finding::problem("store", place, format!("it does not open: {error}"), remedy),
    }
}

/// Whether this program works with what the store holds.
fn schema(file: &Path) -> Finding {
    let place = file.display().to_string();
    let own = migrations::version(STEPS);
    match migrations::compare(schema_in(file), STEPS) {
        State::Newer(found) => {
            let text = format!("it has schema {found}, and this program works with {own}");
            Finding::problem("schema", place, text, "update the program, or restore a copy from before")
        }
        State::Older(found) => {
            let text = format!("it has schema {found}, and this program works with {own}");
            Finding::warning("schema", place, text, "outscout serve moves it on when it starts, or outscout migrate")
        }
        State::Current | State::Empty => Finding::ok("schema", place, format!("it has schema {own}")),
    }
}

fn damage(file: &Path) -> rusqlite::Result<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let mut checked = connection.prepare("PRAGMA quick_check(5)")?;
    let told = checked.query_map([], |row| row.get::<_, String>(0))?;
    let told = told.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(told.into_iter().filter(|line| line != "ok").collect())
}

/// The files beside the store that are read at a start.
fn kept(directory: &DataDirectory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let keys = directory.signing_keys_file();
    match read(&keys) {
        None => {}
        Some(Ok(Value::Array(found))) if !found.is_empty() => {
            let text = format!("{}, the first of which signs", count(found.len(), "key"));
            findings.push(Finding::ok("signing keys", keys.display().to_string(), text));
        }
        Some(_) => {
            findings.push(Finding::problem("signing keys", keys.display().to_string(), NO_KEYS, WITHOUT_KEYS));
        }
    }
    let streams = directory.streams_file();
    if read(&streams).is_some_and(|read| !read.is_ok_and(|read| read.is_object())) {
        let place = streams.display().to_string();
        findings.push(Finding::problem("streams", place, "it cannot be read", WITHOUT_STREAMS));
    }
    if let Ok(text) = std::fs::read_to_string(directory.clock_file())
        && text.trim() != "0"
    {
        let place = directory.clock_file().display().to_string();
        let seconds = text.trim().parse::<i64>().map(|milliseconds| milliseconds / 1_000);
        let remedy = format!("remove {place} while no server runs, if nobody moves the clock any more");
        findings.push(match seconds {
            Ok(seconds) => Finding::warning("clock", place, format!("it is {seconds} s ahead"), remedy),
            Err(_) => Finding::problem("clock", place, "it holds no number", remedy),
        });
    }
    findings
}

/// A file's JSON; `None` when there is none, and when this user may not read it, which is told of the directory.
fn read(file: &Path) -> Option<Result<Value, String>> {
    match std::fs::read(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => None,
        Err(error) => Some(Err(error.to_string())),
        Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| error.to_string())),
    }
}

/// A number of things, in words.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
