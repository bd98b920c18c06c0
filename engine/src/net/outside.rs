//! Where the outside world is reached from: the configuration, and which addresses may be connected to (outsend 11.5).

use std::net::{IpAddr, SocketAddr};

use super::dns::Names;
use crate::module::Fault;

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
    pub(super) names: Names,
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
    pub(super) fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.config.allow_hosts.iter().any(|allowed| allowed.trim_end_matches('.').eq_ignore_ascii_case(host))
    }

    /// The addresses of a host, when it may be connected to.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Closed> {
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
pub(super) enum Closed {
    #[error("The host has no address.")]
    Unknown,
    #[error("The host is not public.")]
    Private,
}

/// Whether everybody may be sent there: no private, local or otherwise special address (outsend 11.5).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_unspecified()
                || v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(IpAddr::V4(v4));
            }
            let [a, b, ..] = v6.segments();
            // only the global unicast block, without the documentation, Teredo, 6to4 and NAT64 parts of it
            (a & 0xe000) == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002 && a != 0x3fff
        }
    }
}
