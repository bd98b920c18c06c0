//! Where the outside world is reached from: the configuration, and the clients that all requests share (outsend 11.5).

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Client, redirect};
use rustls::ClientConfig;

use super::{
    dns::Names,
    guard::{Closed, Guard, Guarded},
};
use crate::module::Fault;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next page of its site.
const IDLE: Duration = Duration::from_secs(12);
/// Redirects of a service that are followed.
const REDIRECTS: usize = 3;

/// How the outside world is reached (outsend 18.3).
#[derive(Clone, Debug)]
pub struct OutsideConfig {
    /// The name server to ask; the system's own when there is none.
    pub dns_server: Option<SocketAddr>,
    /// `SMTP_PROBE`: whether mail servers are asked about addresses (outsend 12.5).
    pub smtp_probe: bool,
    /// The port of mail servers, 25.
    pub smtp_port: u16,
    /// The sender that mail servers see; the empty sender when it is empty.
    pub mail_from: String,
    /// `CRAWL_ALLOW_HOSTS`: hosts that are exempt from the checks of addresses and ports (outsend 11.5).
    pub allow_hosts: Vec<String>,
    /// `User-Agent` (outsend 11.5).
    pub user_agent: String,
}

/// The outside world, as modules ask it (outsend 7.4, 11.5).
#[derive(Debug)]
pub struct Outside {
    pub(super) config: OutsideConfig,
    pub(super) guard: Arc<Guard>,
    /// What asks web servers. It looks names up through the guard, keeps no cookie and follows no redirect.
    pub(super) client: Client,
    /// What asks services that the configuration names: it may reach inner hosts, which no user can name to it.
    pub(super) services: Client,
    /// What encrypts the connections to seed mailboxes, once there was one.
    pub(super) mailboxes: OnceLock<Arc<ClientConfig>>,
}

impl Outside {
    /// Clients with this configuration.
    ///
    /// # Errors
    /// When no name server is given and the system's configuration cannot be read.
    pub fn new(config: OutsideConfig) -> Result<Self, Fault> {
        // the HTTP client takes the process's TLS provider; another part of the process may have chosen one before
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let names = Names::new(config.dns_server)
            .map_err(|fault| Fault::Internal(format!("The name servers cannot be set up: {fault}")))?;
        let guard = Arc::new(Guard { names, allow_hosts: config.allow_hosts.clone() });
        let client = Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Guarded(Arc::clone(&guard))))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .user_agent(&config.user_agent)
            .build()
            .map_err(|fault| Fault::Internal(format!("The web client cannot be set up: {fault}")))?;
        let services = Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::limited(REDIRECTS))
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .user_agent(&config.user_agent)
            .build()
            .map_err(|fault| Fault::Internal(format!("The client of services cannot be set up: {fault}")))?;
        Ok(Self { config, guard, client, services, mailboxes: OnceLock::new() })
    }

    /// The addresses of a host, when it may be connected to.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Closed> {
        self.guard.addresses(host).await
    }
}
