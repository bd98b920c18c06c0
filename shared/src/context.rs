//! What every function works with: settings, the store, the rate windows and the clock, built once.

use std::sync::Arc;

use aws_sdk_dynamodb::config::{IntoShared as _, SharedHttpClient};

use crate::{
    aws::Http,
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
        let windows = settings.store.windows_endpoint.as_deref().map(|endpoint| own(Some(endpoint)).into_shared());
        Self::connected(settings, clock, http.clone().into_shared(), windows, Some(http))
    }

    /// [`Context::new`], with the store reached through an HTTP client of the caller's.
    #[must_use]
    pub fn over(settings: Settings, clock: Clock, http: SharedHttpClient) -> Self {
        let windows = Some(http.clone());
        Self::connected(settings, clock, http, windows, None)
    }

    fn connected(
        settings: Settings,
        clock: Clock,
        http: SharedHttpClient,
        windows: Option<SharedHttpClient>,
        own: Option<Http>,
    ) -> Self {
        let store = Store::connect(&settings.store, &settings.jobs, clock.clone(), http);
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
