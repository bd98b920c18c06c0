//! What all work of a process shares: the context, and what reaches other systems, made at its first use.

use std::sync::{Arc, OnceLock};

use engine::{Network, net::Outside};
use shared::{assets::Assets, config::Settings, context::Context, store::Store};
use time::OffsetDateTime;

use crate::{mailer::Mailer, network};

/// What work is done with.
pub(crate) struct Workers {
    context: Context,
    assets: Assets,
    mailer: OnceLock<Option<Mailer>>,
    network: OnceLock<Arc<dyn Network>>,
    receivers: OnceLock<Arc<Outside>>,
}

impl Workers {
    /// Workers over a context. Opens no connection yet.
    pub(crate) fn new(context: Context) -> Self {
        let assets = Assets::of(&context);
        Self { context, assets, mailer: OnceLock::new(), network: OnceLock::new(), receivers: OnceLock::new() }
    }

    /// The context.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The files that jobs found.
    pub(crate) const fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        self.context.store()
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        self.context.settings()
    }

    /// The time.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.context.clock().now()
    }

    /// What sends mails; `None` when no sender is configured.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.mailer.get_or_init(|| Mailer::connect(self.settings())).as_ref()
    }

    /// What jobs reach the outside world with.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub(crate) fn network(&self) -> Result<Arc<dyn Network>, String> {
        if let Some(network) = self.network.get() {
            return Ok(Arc::clone(network));
        }
        let network = network::connect(self.settings())?;
        Ok(Arc::clone(self.network.get_or_init(|| network)))
    }

    /// What events are sent to webhooks with.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub(crate) fn receivers(&self) -> Result<Arc<Outside>, String> {
        if let Some(receivers) = self.receivers.get() {
            return Ok(Arc::clone(receivers));
        }
        let receivers = network::receivers(self.settings())?;
        Ok(Arc::clone(self.receivers.get_or_init(|| receivers)))
    }
}
