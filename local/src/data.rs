//! The data directory: who holds it, and where its store answers.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    clock::Clock,
    config::{Credentials, ExposeSecret as _, Settings, SettingsError},
    context::Context,
};
use tokio::sync::watch;

use crate::{
    embedded_store::{Engine, EngineError, new_credentials},
    migrations, private,
    template::Templates,
};

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

/// The right to write a data directory, held until dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DataDirectory {
    /// The directory at `path`, made if it is missing. One that others may read, as older versions made it, is closed.
    ///
    /// # Errors
    /// When it cannot be made or closed, or others may read it and it holds other things, which are not ours to close.
    pub fn open(path: &Path) -> io::Result<Self> {
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
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        [STORE, "lock"].iter().any(|name| path.join(name).exists())
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
        match std::fs::read(self.signing_keys_file()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.rotate_signing_keys(),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a new key before the one that signs so far, which is still believed until the next rotation; an older
    /// one is forgotten.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn rotate_signing_keys(&self) -> Result<Vec<Value>, EngineError> {
        let mut keys: Vec<Value> = match std::fs::read(self.signing_keys_file()) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        keys.insert(0, shared::jwt::new_key()?.0);
        keys.truncate(2);
        private::write(&self.signing_keys_file(), &serde_json::to_vec(&keys)?)?;
        Ok(keys)
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
        private::write(&self.0.join("endpoint"), &serde_json::to_vec(&place)?)
    }

    /// Keeps what `sam local` hands to the functions.
    pub(crate) fn write_sam_env(&self, text: &[u8]) -> io::Result<()> {
        private::write(&self.0.join("sam-env"), text)
    }

    /// Where the holder's store answers, and to whom; waits a little for a holder that is only starting.
    ///
    /// # Errors
    /// When the holder does not say.
    pub async fn announced(&self) -> io::Result<(String, Credentials)> {
        let file = self.0.join("endpoint");
        let mut read = std::fs::read(&file);
        for _ in 0..50 {
            if !read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            read = std::fs::read(&file);
        }
        let place: Announced = serde_json::from_slice(&read?)
            .map_err(|_| io::Error::other("another version of outscout runs on this data directory"))?;
        let credentials = Credentials {
            access_key_id: place.access_key_id.into(),
            secret_access_key: place.secret_access_key.into(),
            session_token: None,
        };
        Ok((place.url, credentials))
    }
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

/// A store to work on from the command line: the running server's, or the directory's own.
#[derive(Debug)]
pub struct Session {
    /// The context over the store.
    pub context: Context,
    own: Option<(Held, Engine, watch::Sender<bool>)>,
}

impl Session {
    /// The store of a deployment, as the environment names it.
    ///
    /// # Errors
    /// When a variable is missing, or the tables have another schema.
    pub async fn cloud() -> Result<Self, EngineError> {
        let session = Self::any_cloud()?;
        migrations::check(&session.context).await?;
        Ok(session)
    }

    /// [`Self::cloud`], whatever schema the tables have.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn any_cloud() -> Result<Self, SettingsError> {
        Ok(Self { context: Context::from_env(&[])?, own: None })
    }

    /// Opens the store of `directory`, beside a running server or alone.
    ///
    /// # Errors
    /// When it cannot be opened, or has another schema.
    pub async fn open(directory: &DataDirectory) -> Result<Self, EngineError> {
        let session = Self::open_any(directory).await?;
        match migrations::check(&session.context).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.close().await;
                Err(error.into())
            }
        }
    }

    /// [`Self::open`], whatever schema it has.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open_any(directory: &DataDirectory) -> Result<Self, EngineError> {
        let clock = Clock::offset_file(directory.clock_file());
        let ((endpoint, credentials), own) = match directory.hold()? {
            None => (directory.announced().await?, None),
            Some(held) => {
                let (stop, stopped) = watch::channel(false);
                let tables = Templates::embedded()?.tables;
                let (credentials, file) = (new_credentials()?, directory.store_file());
                let engine = Engine::start(ANY_PORT, &credentials, Some(&file), &tables, stopped).await?;
                directory.announce(&engine)?;
                ((engine.endpoint.clone(), credentials), Some((held, engine, stop)))
            }
        };
        let places = Places { store: &endpoint, windows: &endpoint, clock: None, credentials: &credentials };
        let settings = settings(places, &[])?;
        Ok(Self { context: Context::new(settings, clock), own })
    }

    /// Ends the store if it was opened here.
    pub async fn close(self) {
        if let Some((_held, engine, stop)) = self.own {
            let _ = stop.send(true);
            engine.ended().await;
        }
    }
}
