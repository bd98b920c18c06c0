//! What every function works with: settings, the store, the rate windows and the clock, built once.

use std::sync::{Arc, OnceLock};

use crate::{
    clock::Clock,
    config::{Settings, SettingsError},
    limits::Limits,
    mail::Mailer,
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
    mailer: OnceLock<Option<Mailer>>,
    network: Network,
}

/// What jobs reach the outside world with, made at its first use.
#[derive(Default)]
struct Network(OnceLock<Arc<dyn engine::Network>>);

impl std::fmt::Debug for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Network(…)")
    }
}

impl Context {
    /// Builds the context that `settings` describe. Opens no connection yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let store = Store::connect(&settings.store, &settings.jobs);
        let limits = Limits::connect(&settings.store, &store);
        Self(Arc::new(Inner { settings, clock, store, limits, mailer: OnceLock::new(), network: Network::default() }))
    }

    /// The context of a process: its environment, and the clock that the environment names.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_env() -> Result<Self, SettingsError> {
        let settings = Settings::from_env()?;
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

    /// What sends mails, made at its first use; `None` when no sender is configured.
    #[must_use]
    pub fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.get_or_init(|| Mailer::connect(&self.0.settings)).as_ref()
    }

    /// What jobs reach the outside world with; `make` makes it at its first use.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn network(
        &self,
        make: fn(&Settings) -> Result<Arc<dyn engine::Network>, String>,
    ) -> Result<Arc<dyn engine::Network>, String> {
        if let Some(network) = self.0.network.0.get() {
            return Ok(network.clone());
        }
        let network = make(&self.0.settings)?;
        Ok(self.0.network.0.get_or_init(|| network).clone())
    }

    /// The rate windows.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}
