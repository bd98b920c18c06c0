//! The data directory: who holds it, and where its store answers.

mod session;

use std::{
    fmt,
    fs::{File, TryLockError},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::config::{Credentials, ExposeSecret as _, Settings, SettingsError};
use tokio::sync::watch;

use crate::{
    embedded_store::{Engine, EngineError},
    faults, private,
    template::Table,
};

pub use self::session::Session;

/// A port of this machine that the system chooses.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The files of a data directory, and those that take their place.
pub(crate) const FILES: [&str; 19] = [
    STORE,
    "store.sqlite-wal",
    "store.sqlite-shm",
    "store.sqlite-journal",
    "clock",
    "clock.new",
    "demo-key",
    "demo-key.new",
    "demo-account",
    "demo-account.new",
    "streams.json",
    "streams.new",
    "signing-keys.json",
    "signing-keys.new",
    "lock",
    "endpoint",
    "endpoint.new",
    "sam-env",
    "sam-env.new",
];
const STORE: &str = "store.sqlite";

/// What is wrong with a file of signing keys that holds none, and what to do.
pub(crate) const NO_KEYS: &str = "it holds no list of keys";
pub(crate) const WITHOUT_KEYS: &str = "remove it: the next start makes a key, and everybody signs in again";
/// What to do about a file of the streams that cannot be read.
pub(crate) const WITHOUT_STREAMS: &str = "remove it: the streams are read again from their beginning, which is safe";

/// A data directory: its owner's alone, since it holds passwords' hashes, keys and people's data.
#[derive(Clone, Debug)]
pub struct DataDirectory(PathBuf);

/// Where a local system's stores answer, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The store of entities.
    pub store: &'a str,
    /// That of rate windows.
    pub windows: &'a str,
    /// The file that holds the clock's offset.
    pub clock: Option<&'a Path>,
    /// What both take signatures of.
    pub credentials: &'a Credentials,
}

/// Where the store of a data directory answers, as its holder tells other processes of the same person.
#[derive(Deserialize, Serialize)]
struct Announced {
    url: String,
    access_key_id: String,
    secret_access_key: String,
}

/// The process that holds a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id, if it said so.
    pub process: Option<u32>,
    /// What it runs, where the system tells.
    pub command: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.process, &self.command) {
            (Some(id), Some(command)) => write!(formatter, "process {id} ({command})"),
            (Some(id), None) => write!(formatter, "process {id}"),
            (None, _) => formatter.write_str("another process"),
        }
    }
}

/// The right to write a data directory, held until dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DataDirectory {
    /// The directory at `path`, made if it is missing. One that others may read, as older versions made it, is closed.
    ///
    /// # Errors
    /// When it cannot be made or closed, or others may read it and it holds other things, which are not ours to close.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::make(path).map_err(|error| faults::directory(path, error, faults::ANOTHER))
    }

    /// [`Self::open`], in the words of the system.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        private::make_directory(path)?;
        if private::is_open(path)? {
            if !is_ours(path)? {
                let path = path.display();
                let text = format!("others may read {path}, which holds other things: chmod 700 it, or name another");
                return Err(io::Error::other(text));
            }
            private::close_directory(path)?;
        }
        FILES.iter().try_for_each(|name| private::close_file(&path.join(name)))?;
        Ok(Self(path.to_owned()))
    }

    /// The directory at `path` as it is: nothing is made and no file closed.
    #[must_use]
    pub fn seen(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether there is a data directory at `path`: one that holds a store, or that somebody who starts has taken.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_at(path: &Path) -> io::Result<bool> {
        let there = |name: &str| path.join(name).try_exists();
        let found = there(STORE).and_then(|store| Ok(store || there("lock")?));
        found.map_err(|error| faults::directory(path, error, faults::ANOTHER))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The store's file.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.0.join(STORE)
    }

    /// The file that holds the clock's offset.
    #[must_use]
    pub fn clock_file(&self) -> PathBuf {
        self.0.join("clock")
    }

    /// The file that keeps the demo's key.
    #[must_use]
    pub fn demo_key_file(&self) -> PathBuf {
        self.0.join("demo-key")
    }

    /// The file that keeps the demo's person, with the password.
    #[must_use]
    pub fn demo_account_file(&self) -> PathBuf {
        self.0.join("demo-account")
    }

    /// The file that holds how far the stream mappings have come.
    #[must_use]
    pub fn streams_file(&self) -> PathBuf {
        self.0.join("streams.json")
    }

    /// The files beside the store that a copy of the directory holds.
    #[must_use]
    pub fn kept_files(&self) -> [PathBuf; 5] {
        let signing_keys = self.signing_keys_file();
        [self.streams_file(), self.clock_file(), self.demo_key_file(), self.demo_account_file(), signing_keys]
    }

    /// The keys that sign access tokens, newest first; made where there are none.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn signing_keys(&self) -> Result<Vec<Value>, EngineError> {
        match self.kept_signing_keys()? {
            Some(keys) => Ok(keys),
            None => self.rotate_signing_keys(),
        }
    }

    /// Puts a new key before the one that signs so far, which is still believed until the next rotation; an older
    /// one is forgotten.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn rotate_signing_keys(&self) -> Result<Vec<Value>, EngineError> {
        let mut keys = self.kept_signing_keys()?.unwrap_or_default();
        keys.insert(0, shared::jwt::new_key()?.0);
        keys.truncate(2);
        self.write(&self.signing_keys_file(), &serde_json::to_vec(&keys)?)?;
        Ok(keys)
    }

    /// The keys that are kept; `None` when there is no file of them.
    fn kept_signing_keys(&self) -> Result<Option<Vec<Value>>, EngineError> {
        let file = self.signing_keys_file();
        let read = match std::fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| faults::directory(&file, error, faults::ANOTHER))?,
        };
        let keys = serde_json::from_slice::<Vec<Value>>(&read).ok().filter(|keys| !keys.is_empty());
        let keys = keys.filter(|keys| keys.iter().all(|key| shared::jwt::Signer::parse(&key.to_string()).is_ok()));
        keys.map(Some).ok_or_else(|| faults::file(&file, &NO_KEYS, WITHOUT_KEYS))
    }

    /// The file that holds the keys which sign access tokens.
    pub(crate) fn signing_keys_file(&self) -> PathBuf {
        self.0.join("signing-keys.json")
    }

    /// Takes the directory for this process; `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn hold(&self) -> io::Result<Option<Held>> {
        self.lock().map_err(|error| faults::directory(&self.0, error, faults::ANOTHER))
    }

    fn lock(&self) -> io::Result<Option<Held>> {
        let lock = private::open(&self.0.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                // who holds it, for who finds it held
                lock.set_len(0)?;
                (&lock).write_all(std::process::id().to_string().as_bytes())?;
                // what an earlier holder announced, if it was killed
                match std::fs::remove_file(self.0.join("endpoint")) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(Some(Held(lock))),
                }
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// [`Self::hold`], for who can do nothing beside another process.
    ///
    /// # Errors
    /// When another process holds it, too.
    pub fn hold_alone(&self) -> Result<Held, EngineError> {
        match self.hold()? {
            Some(held) => Ok(held),
            None => Err(self.in_use("runs on this data directory")),
        }
    }

    /// What is said of a process that holds the directory and lets nobody work beside it.
    fn in_use(&self, cause: &str) -> EngineError {
        let holder = self.holder().ok().flatten().unwrap_or(Holder { process: None, command: None });
        let stop = holder.process.map_or_else(String::new, |id| format!(" (kill {id})"));
        let next = format!("end it{stop}, or {}", faults::ANOTHER);
        faults::file(&self.0, &format!("{holder} {cause}"), &next)
    }

    /// Who holds the directory; `None` when nobody does.
    ///
    /// # Errors
    /// When the lock file cannot be read.
    pub fn holder(&self) -> io::Result<Option<Holder>> {
        let mut lock = match File::open(self.0.join("lock")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                lock.read_to_string(&mut text)?;
                let process = text.trim().parse().ok();
                let command = process.and_then(|id: u32| std::fs::read_to_string(format!("/proc/{id}/comm")).ok());
                Ok(Some(Holder { process, command: command.map(|name| name.trim().to_owned()) }))
            }
        }
    }

    /// Tells other processes of the same person where the store answers, and to whom.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, engine: &Engine) -> io::Result<()> {
        let place = Announced {
            url: engine.endpoint.clone(),
            access_key_id: engine.credentials.access_key_id.expose_secret().to_owned(),
            secret_access_key: engine.credentials.secret_access_key.expose_secret().to_owned(),
        };
        self.write(&self.0.join("endpoint"), &serde_json::to_vec(&place)?)
    }

    /// Writes a file of the directory.
    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        private::write(file, bytes).map_err(|error| faults::directory(&self.0, error, faults::ANOTHER))
    }

    /// Keeps what `sam local` hands to the functions.
    pub(crate) fn write_sam_env(&self, text: &[u8]) -> io::Result<()> {
        self.write(&self.0.join("sam-env"), text)
    }

    /// Where the holder's store answers, and to whom; waits a little for a holder that is only starting.
    ///
    /// # Errors
    /// When the holder does not say.
    pub async fn announced(&self) -> Result<(String, Credentials), EngineError> {
        let file = self.0.join("endpoint");
        let mut read = std::fs::read(&file);
        for _ in 0..50 {
            if !read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            read = std::fs::read(&file);
        }
        let place: Option<Announced> = read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let silent = || self.in_use("runs on this data directory and does not say where its store answers");
        let place = place.ok_or_else(silent)?;
        let credentials = Credentials {
            access_key_id: place.access_key_id.into(),
            secret_access_key: place.secret_access_key.into(),
            session_token: None,
        };
        Ok((place.url, credentials))
    }
}

/// Starts the engine over a directory's store, or over one in memory.
///
/// # Errors
/// When the store's file cannot be used, or the address not be had.
pub async fn start_store(
    directory: Option<&DataDirectory>,
    address: SocketAddr,
    credentials: &Credentials,
    tables: &[Table],
    stop: watch::Receiver<bool>,
) -> Result<Engine, EngineError> {
    let file = directory.map(DataDirectory::store_file);
    let started = Engine::start(address, credentials, file.as_deref(), tables, stop).await;
    started.map_err(|error| faults::store(file.as_deref(), error))
}

/// Whether a directory holds a store, or nothing that is not ours.
fn is_ours(directory: &Path) -> io::Result<bool> {
    if directory.join(STORE).exists() {
        return Ok(true);
    }
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !FILES.iter().any(|known| name == *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The variables that tell functions of signing keys, newest first.
#[must_use]
pub fn signing_variables(keys: &[Value]) -> Vec<(String, String)> {
    let public: Vec<_> = keys
        .iter()
        .cloned()
        .map(|mut key| {
            if let Some(members) = key.as_object_mut() {
                members.remove("d");
            }
            key
        })
        .collect();
    let jwks = serde_json::json!({"keys": public}).to_string();
    let first = keys.first().map(ToString::to_string).unwrap_or_default();
    vec![("OUTSCOUT_OPENSCOUTER_JWKS".to_owned(), jwks), ("OUTSCOUT_OPENSCOUTER_SIGNING_KEY".to_owned(), first)]
}

/// Settings of a local system over the stores at `places`; `variables` win.
///
/// # Errors
/// When a variable is malformed.
pub fn settings(places: Places<'_>, variables: &[(String, String)]) -> Result<Settings, SettingsError> {
    Settings::read(|name| {
        let given = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        given.or_else(|| default_variable(name, places))
    })
}

/// The environment of a function's process: what [`settings`] reads, by name.
#[must_use]
pub fn variables(places: Places<'_>, given: &[(String, String)]) -> Vec<(String, String)> {
    let names = [
        "OUTSCOUT_MAIN_TABLE",
        "OUTSCOUT_HOT_TABLE",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "OUTSCOUT_WINDOWS_ENDPOINT_URL",
        "OUTSCOUT_CLOCK_FILE",
    ];
    let value = |name: &str| Some((name.to_owned(), default_variable(name, places)?));
    names.into_iter().filter_map(value).chain(given.iter().cloned()).collect()
}

/// What a local function finds in its environment.
#[must_use]
pub fn default_variable(name: &str, places: Places<'_>) -> Option<String> {
    match name {
        "OUTSCOUT_MAIN_TABLE" => Some("main".to_owned()),
        "OUTSCOUT_HOT_TABLE" => Some("hot".to_owned()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" => Some(places.credentials.access_key_id.expose_secret().to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(places.credentials.secret_access_key.expose_secret().to_owned()),
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(places.store.to_owned()),
        "OUTSCOUT_WINDOWS_ENDPOINT_URL" => Some(places.windows.to_owned()),
        "OUTSCOUT_CLOCK_FILE" => places.clock.and_then(|file| file.to_str()).map(str::to_owned),
        _ => None,
    }
}
