//! What every function works with: settings, the store, the rate windows and the clock, built once.

use std::sync::Arc;

use crate::{
    aws::Reach,
    clock::Clock,
    config::{Settings, SettingsError},
    limits::Limits,
    secrets_manager::Fetched,
    store::Store,
};

/// The context of a function; clones share it.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    clock: Clock,
    store: Store,
    limits: Limits,
}

impl Context {
    /// Builds the context that `settings` describe. Opens no connection yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        Self::over(settings, clock, None)
    }

    /// [`Context::new`], with the store reached as the caller says.
    #[must_use]
    pub fn over(settings: Settings, clock: Clock, reach: Option<&Reach>) -> Self {
        let store = Store::connect(&settings.store, &settings.jobs, clock.clone(), reach);
        let limits = Limits::connect(&settings.store, &store, reach);
        Self(Arc::new(Inner { settings, clock, store, limits }))
    }

    /// The context of a process: its environment, the secrets that were fetched for it, and the clock that the
    /// environment names.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_env(fetched: &[Fetched]) -> Result<Self, SettingsError> {
        let settings = Settings::from_env(fetched)?;
        let clock = settings.clock_file.clone().map_or_else(Clock::system, Clock::offset_file);
        Ok(Self::new(settings, clock))
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The store of entities.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The rate windows.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}
