//! The data directory: who holds it, and where its store answers.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use shared::{
    clock::Clock,
    config::{Settings, SettingsError},
    context::Context,
};
use tokio::sync::watch;

use crate::{
    embedded_store::{Engine, EngineError},
    template::Templates,
};

/// A port of this machine that the system chooses.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDirectory(PathBuf);

/// The right to write a data directory, held until dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DataDirectory {
    /// The directory at `path`, made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The store's file.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.0.join("store.sqlite")
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
        keep(&self.signing_keys_file(), &serde_json::to_vec(&keys)?)?;
        Ok(keys)
    }

    fn signing_keys_file(&self) -> PathBuf {
        self.0.join("signing-keys.json")
    }

    /// Takes the directory for this process; `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn hold(&self) -> io::Result<Option<Held>> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
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

    /// Tells other processes where the store answers.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, endpoint: &str) -> io::Result<()> {
        let file = self.0.join("endpoint.new");
        std::fs::write(&file, endpoint)?;
        std::fs::rename(file, self.0.join("endpoint"))
    }

    /// Where the holder's store answers; waits a little for a holder that is only starting.
    ///
    /// # Errors
    /// When the holder does not say.
    pub async fn announced(&self) -> io::Result<String> {
        let file = self.0.join("endpoint");
        for _ in 0..50 {
            match std::fs::read_to_string(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                read => return read,
            }
        }
        std::fs::read_to_string(file)
    }
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600).open(&new)?.write_all(bytes)?;
    std::fs::rename(new, file)
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

/// Settings of a local system over the store at `endpoint`; `variables` win.
///
/// # Errors
/// When a variable is malformed.
pub fn settings(
    endpoint: &str,
    windows: &str,
    clock: Option<&Path>,
    variables: &[(String, String)],
) -> Result<Settings, SettingsError> {
    Settings::read(|name| {
        let given = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        given.or_else(|| default_variable(name, endpoint, windows, clock))
    })
}

/// The environment of a function's process: what [`settings`] reads, by name.
#[must_use]
pub fn variables(
    endpoint: &str,
    windows: &str,
    clock: Option<&Path>,
    given: &[(String, String)],
) -> Vec<(String, String)> {
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
    let value = |name: &str| Some((name.to_owned(), default_variable(name, endpoint, windows, clock)?));
    names.into_iter().filter_map(value).chain(given.iter().cloned()).collect()
}

/// What a local function finds in its environment.
#[must_use]
pub fn default_variable(name: &str, endpoint: &str, windows: &str, clock: Option<&Path>) -> Option<String> {
    match name {
        "OUTSCOUT_MAIN_TABLE" => Some("main".to_owned()),
        "OUTSCOUT_HOT_TABLE" => Some("hot".to_owned()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.to_owned()),
        "OUTSCOUT_WINDOWS_ENDPOINT_URL" => Some(windows.to_owned()),
        "OUTSCOUT_CLOCK_FILE" => clock.and_then(|file| file.to_str()).map(str::to_owned),
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
    /// When a variable is missing.
    pub fn cloud() -> Result<Self, SettingsError> {
        Ok(Self { context: Context::from_env()?, own: None })
    }

    /// Opens the store of `directory`, beside a running server or alone.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(directory: &DataDirectory) -> Result<Self, EngineError> {
        let clock = Clock::offset_file(directory.clock_file());
        let (endpoint, own) = match directory.hold()? {
            None => (directory.announced().await?, None),
            Some(held) => {
                let (stop, stopped) = watch::channel(false);
                let tables = Templates::embedded()?.tables;
                let engine = Engine::start(ANY_PORT, Some(&directory.store_file()), &tables, stopped).await?;
                directory.announce(&engine.endpoint)?;
                (engine.endpoint.clone(), Some((held, engine, stop)))
            }
        };
        let settings = settings(&endpoint, &endpoint, None, &[])?;
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
