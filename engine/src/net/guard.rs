//! Where the outside world may be reached (outsend 11.5): the form of URLs, the names of hosts, and their addresses.
//!
//! There is one look-up: the client asks [`Guard`] for the addresses of a name when it is about to connect, and gets
//! those that were checked or none. So no second answer of a name server can come between the check and the use.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::dns::{Found, Names};

/// What knows which hosts may be connected to.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) names: Names,
    /// `CRAWL_ALLOW_HOSTS`: hosts that are exempt from the checks of addresses and ports; `.web` means all below `web`.
    pub(super) allow_hosts: Vec<String>,
}

/// Why a host is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Closed {
    #[error("The host does not exist.")]
    NoName,
    #[error("The host has no address.")]
    Unknown,
    #[error("The host is not public.")]
    Private,
}

/// Why a URL is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its scheme, its port or its user info.
    Form,
    /// It leads inside.
    Private,
}

/// Which schemes a URL may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schemes {
    /// `https`; of a host that is exempt from the checks `http`, too.
    Secure,
    /// Both.
    Web,
}

impl Guard {
    /// Whether a host is exempt from the checks of addresses and ports.
    pub(super) fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.allow_hosts.iter().any(|allowed| {
            let allowed = allowed.trim_end_matches('.').to_ascii_lowercase();
            if allowed.starts_with('.') { host.ends_with(&allowed) } else { host == allowed }
        })
    }

    /// Whether a URL may be asked, as far as it says so itself: by its scheme and port, without user info, and neither
    /// with the name of something inside nor with an address that is not public. What a name stands for is checked by
    /// [`Guard::addresses`].
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn judge(&self, url: &Url, schemes: Schemes) -> Result<(), Unfit> {
        let (host, address) = match url.host().ok_or(Unfit::Form)? {
            Host::Domain(domain) => (domain.to_owned(), None),
            Host::Ipv4(address) => (address.to_string(), Some(IpAddr::V4(address))),
            Host::Ipv6(address) => (address.to_string(), Some(IpAddr::V6(address))),
        };
        let allowed = self.allows(&host);
        let scheme = match (url.scheme(), schemes) {
            ("https", _) | ("http", Schemes::Web) => true,
            ("http", Schemes::Secure) => allowed,
            _ => false,
        };
        let plain = url.username().is_empty() && url.password().is_none();
        let port = allowed || matches!(url.port_or_known_default(), Some(443 | 80));
        if !scheme || !plain || !port {
            return Err(Unfit::Form);
        }
        if !allowed && (is_inner(&host) || !address.is_none_or(is_public)) {
            return Err(Unfit::Private);
        }
        Ok(())
    }

    /// The addresses of a host, when it may be connected to: all of them are public, or it is exempt.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Closed> {
        let addresses = match self.names.addresses(host).await {
            Found::Addresses(addresses) => addresses,
            Found::NoName => return Err(Closed::NoName),
            Found::Nothing => return Err(Closed::Unknown),
        };
        if !self.allows(host) && !addresses.iter().all(|address| is_public(*address)) {
            return Err(Closed::Private);
        }
        Ok(addresses)
    }
}

/// The guard as the client's resolver.
pub(super) struct Guarded(pub(super) Arc<Guard>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?;
            // port 0 stands for the URL's
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Whether a name is one of the inside, whatever address it has.
pub(super) fn is_inner(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    matches!(last, "localhost" | "local" | "internal")
}

/// Whether everybody may be sent there: no private, local or otherwise special address (outsend 11.5).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
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
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && (18..20).contains(&b))
                // a cloud's own services, at an address that looks like anybody's
                || [a, b, c, d] == [168, 63, 129, 16])
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

#[cfg(test)]
mod tests;
