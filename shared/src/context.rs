//! What every function works with: settings, the store, the rate windows and the clock, built once.

use std::sync::Arc;

use crate::{
    aws::{Http, Reach},
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
    /// The way to the store; `None` when the caller has one of its own.
    http: Option<Http>,
}

impl Context {
    /// Builds the context that `settings` describe. Opens no connection yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let own = |endpoint: Option<&str>| Http::of(&settings.store, "dynamodb", endpoint);
        let http = own(settings.store.endpoint.as_deref());
        let windows = settings.store.windows_endpoint.as_deref().map(|endpoint| own(Some(endpoint)));
        let (reach, windows) = (http.reach(), windows.map(|windows| windows.reach()));
        Self::connected(settings, clock, &*reach, windows.as_deref(), Some(http))
    }

    /// [`Context::new`], with the store reached as the caller says.
    #[must_use]
    pub fn over(settings: Settings, clock: Clock, reach: &Reach) -> Self {
        Self::connected(settings, clock, reach, Some(reach), None)
    }

    fn connected(settings: Settings, clock: Clock, reach: &Reach, windows: Option<&Reach>, own: Option<Http>) -> Self {
        let store = Store::connect(&settings.store, &settings.jobs, clock.clone(), reach);
        let limits = Limits::connect(&settings.store, &store, windows);
        Self(Arc::new(Inner { settings, clock, store, limits, http: own }))
    }

    /// The way to the store, unless it is the caller's own.
    pub(crate) fn http(&self) -> Option<&Http> {
        self.0.http.as_ref()
    }

    /// The context of a process: its environment, the secrets that were fetched for it, and the clock that the
    /// environment names.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_env(fetched: &[Fetched]) -> Result<Self, SettingsError> {
        let settings = Settings::from_env(fetched)?;
        let clock = Clock::of(settings.clock_file.clone());
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
