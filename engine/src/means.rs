//! What a run works with beside its input.

use std::sync::Arc;

use crate::{Assets, Network, services::Services, web::Hosts};

/// What a run works with beside its input.
#[derive(Clone)]
pub struct Means {
    /// The outside world.
    pub network: Arc<dyn Network>,
    /// The hosts of the web, and the services, as far as all who ask them must agree.
    pub hosts: Arc<dyn Hosts>,
    /// The services that are configured.
    pub services: Arc<Services>,
    /// Where files that are found are kept for the job's owner.
    pub assets: Arc<dyn Assets>,
}

impl std::fmt::Debug for Means {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Means").field("services", &self.services).finish_non_exhaustive()
    }
}
