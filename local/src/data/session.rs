//! A store that a command works on.

use shared::{clock::Clock, config::SettingsError, context::Context};
use tokio::sync::watch;

use super::{ANY_PORT, DataDirectory, Held, Places, settings, start_store};
use crate::{
    embedded_store::{Engine, EngineError, new_credentials},
    migrations,
    template::Templates,
};

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
                let credentials = new_credentials()?;
                let engine = start_store(Some(directory), ANY_PORT, &credentials, &tables, stopped).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> DataDirectory {
        let path = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        DataDirectory::open(&path).unwrap()
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_named() {
        let directory = directory();
        std::fs::write(directory.store_file(), "nothing that a store begins with".repeat(99)).unwrap();
        let told = Session::open(&directory).await.unwrap_err().to_string();
        let begins = format!("{}: it is no store of outscout, or it is damaged: ", directory.store_file().display());
        assert!(told.starts_with(&begins), "{told}");
        std::fs::remove_dir_all(directory.path()).unwrap();
    }

    #[test]
    fn keys_that_are_none_are_named() {
        let directory = directory();
        let file = directory.signing_keys_file();
        for text in ["cut o", "{}", "[]", "[1]"] {
            std::fs::write(&file, text).unwrap();
            let told = directory.signing_keys().unwrap_err().to_string();
            let begins = format!("{}: it holds no list of keys: remove it: ", file.display());
            assert!(told.starts_with(&begins), "{told}");
            assert_eq!(directory.rotate_signing_keys().unwrap_err().to_string(), told);
        }
        std::fs::remove_file(&file).unwrap();
        assert_eq!(directory.signing_keys().unwrap(), directory.signing_keys().unwrap());
        std::fs::remove_dir_all(directory.path()).unwrap();
    }

    #[test]
    fn who_holds_a_directory_is_named() {
        let directory = directory();
        let _held = directory.hold_alone().unwrap();
        let told = directory.hold_alone().unwrap_err().to_string();
        let id = std::process::id();
        assert!(told.starts_with(&format!("{}: process {id} ", directory.path().display())), "{told}");
        assert!(told.contains(&format!("end it (kill {id}), or name another directory with --data")), "{told}");
        std::fs::remove_dir_all(directory.path()).unwrap();
    }
}
