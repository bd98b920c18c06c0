//! The clients that reach the outside world (outsend 11.5, 12.2, 12.5): name servers, mail servers and web servers.
//!
//! Wherever a user names the host, every address that the name has must be public before any is connected to, and the
//! connection goes to the very address that was checked.

mod dns;
mod smtp;
mod table;

use std::net::{IpAddr, SocketAddr};

use crate::{
    BoxFuture,
    module::{Fault, MailHosts, Network, SmtpAnswer, is_public},
};
use dns::Names;

/// How the outside world is reached (outsend 18.3).
#[derive(Clone, Debug)]
pub struct OutsideConfig {
    /// The name server to ask; the system's own when there is none.
    pub dns_server: Option<SocketAddr>,
    /// `SMTP_PROBE`: whether mail servers are asked about addresses (outsend 12.5).
    pub smtp_probe: bool,
    /// The port of mail servers, 25.
    pub smtp_port: u16,
    /// The sender that mail servers are told; the empty sender when it is empty.
    pub mail_from: String,
    /// `CRAWL_ALLOW_HOSTS`: hosts that are exempt from the checks of addresses and ports (outsend 11.5).
    pub allow_hosts: Vec<String>,
    /// `User-Agent` (outsend 11.5).
    pub user_agent: String,
}

/// The outside world, as modules ask it (outsend 7.4, 11.5).
#[derive(Debug)]
pub struct Outside {
    config: OutsideConfig,
    names: Names,
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
        Ok(Self { config, names })
    }

    /// Whether a host is exempt from the checks of addresses and ports.
    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.config.allow_hosts.iter().any(|allowed| allowed.trim_end_matches('.').eq_ignore_ascii_case(host))
    }

    /// The addresses of a host, when it may be connected to.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Closed> {
        let addresses = self.names.addresses(host).await;
        if addresses.is_empty() {
            return Err(Closed::Unknown);
        }
        if !self.allows(host) && !addresses.iter().all(|address| is_public(*address)) {
            return Err(Closed::Private);
        }
        Ok(addresses)
    }
}

/// Why a host is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Closed {
    #[error("The host has no address.")]
    Unknown,
    #[error("The host is not public.")]
    Private,
}

impl Network for Outside {
    fn mail_hosts<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailHosts> {
        Box::pin(self.names.mail_hosts(domain))
    }

    fn probe<'a>(&'a self, hosts: &'a [String], address: &'a str) -> BoxFuture<'a, Option<SmtpAnswer>> {
        Box::pin(async move {
            if !self.config.smtp_probe {
                return None;
            }
            Some(smtp::probe(self, hosts, address).await)
        })
    }

    fn table<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move { table::fetch(self, url).await.map_err(|fault| fault.to_string()) })
    }
}

#[cfg(test)]
mod testing;
