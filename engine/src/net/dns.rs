//! Name servers (outsend 12.5): who takes a domain's mail, and the addresses of hosts.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::future::{join, join_all};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};

use crate::{lists, module::MailHosts};

/// How long a try lasts.
const TRY: Duration = Duration::from_secs(3);

/// How often a question is asked before it counts as failed.
const TRIES: usize = 2;

pub(super) struct Names {
    resolver: TokioResolver,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Names").finish_non_exhaustive()
    }
}

/// What was said of a name.
enum Answer {
    Records(Vec<RData>),
    /// The name is there, without such a record.
    None,
    /// The name does not exist.
    NoName,
    Failed,
}

/// What is known of a host's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has these.
    Addresses(Vec<IpAddr>),
    /// The name does not exist.
    NoName,
    /// It has none, or nobody answered.
    Nothing,
}

impl Names {
    pub(super) fn new(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let mut builder = match server {
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                let server = NameServerConfig::new(server.ip(), true, connections.into());
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()?,
        };
        let options = builder.options_mut();
        options.timeout = TRY;
        // the tries are counted here
        options.attempts = 0;
        // a step asks about many domains at once, and a long answer moves a question to the one TCP connection
        options.max_active_requests = 256;
        Ok(Self { resolver: builder.build()? })
    }

    /// The records of a name, asked for twice at most.
    async fn records(&self, name: &str, kind: RecordType) -> Answer {
        // with a dot at its end the name is not looked for below the system's own domains
        let Ok(name) = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))) else { return Answer::NoName };
        for _ in 0..TRIES {
            match tokio::time::timeout(TRY, self.resolver.lookup(name.clone(), kind)).await {
                Ok(Ok(lookup)) => {
                    let records = lookup.answers().iter().map(|record| &record.data);
                    let records: Vec<RData> = records.filter(|record| record.record_type() == kind).cloned().collect();
                    return if records.is_empty() { Answer::None } else { Answer::Records(records) };
                }
                Ok(Err(error)) if error.is_nx_domain() => return Answer::NoName,
                Ok(Err(error)) if error.is_no_records_found() => return Answer::None,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Answer::Failed
    }

    /// Who takes the mail of a domain.
    pub(super) async fn mail_hosts(&self, domain: &str) -> MailHosts {
        match self.records(domain, RecordType::MX).await {
            Answer::Records(records) => {
                let mut hosts: Vec<(u16, String)> = records
                    .iter()
                    .filter_map(|record| match record {
                        RData::MX(mx) if !mx.exchange.is_root() => Some((mx.preference, host_name(&mx.exchange))),
                        _ => None,
                    })
                    .collect();
                hosts.sort();
                let hosts =
                    join_all(hosts.into_iter().map(async |(_, host)| self.has_address(&host).await.then_some(host)));
                let hosts: Vec<String> = hosts.await.into_iter().flatten().collect();
                // what is left out is the null MX, and hosts that nobody can reach
                if hosts.is_empty() { MailHosts::NoMail } else { MailHosts::Hosts(hosts) }
            }
            Answer::NoName => MailHosts::NoDomain,
            Answer::Failed => MailHosts::Failed,
            Answer::None => {
                let (v4, v6) = join(self.records(domain, RecordType::A), self.records(domain, RecordType::AAAA)).await;
                match (v4, v6) {
                    (Answer::Records(_), _) | (_, Answer::Records(_)) => MailHosts::Hosts(vec![domain.to_owned()]),
                    (Answer::Failed, _) | (_, Answer::Failed) => MailHosts::Failed,
                    _ => MailHosts::NoMail,
                }
            }
        }
    }

    /// Whether a mail exchanger has an address, as far as it can be found out.
    async fn has_address(&self, host: &str) -> bool {
        if host.parse::<IpAddr>().is_ok() || lists::is_big_provider(host) {
            return true;
        }
        let there = |answer| matches!(answer, Answer::Records(_) | Answer::Failed);
        let (v4, v6) = join(self.records(host, RecordType::A), self.records(host, RecordType::AAAA)).await;
        there(v4) || there(v6)
    }

    /// The addresses of a host, which may be an address itself.
    pub(super) async fn addresses(&self, host: &str) -> Found {
        if let Ok(address) = host.parse() {
            return Found::Addresses(vec![address]);
        }
        let (v4, v6) = join(self.records(host, RecordType::A), self.records(host, RecordType::AAAA)).await;
        if matches!((&v4, &v6), (Answer::NoName, Answer::NoName)) {
            return Found::NoName;
        }
        let addresses: Vec<IpAddr> = [v4, v6]
            .into_iter()
            .flat_map(|answer| if let Answer::Records(records) = answer { records } else { Vec::new() })
            .filter_map(|record| match record {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .collect();
        if addresses.is_empty() { Found::Nothing } else { Found::Addresses(addresses) }
    }
}

/// A name as hosts are written: lower case, no dot at the end.
fn host_name(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::atomic::Ordering};

    use super::super::testing::{Record, name_server};
    use super::*;

    fn hosts(names: &[&str]) -> MailHosts {
        MailHosts::Hosts(names.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn a_domain_has_mail_servers_or_says_why_not() {
        let server = name_server(&[
            ("mail.test.", Record::Mx(20, "B.mail.test.")),
            ("mail.test.", Record::Mx(10, "a.mail.test.")),
            ("mail.test.", Record::Mx(5, "gone.mail.test.")),
            ("a.mail.test.", Record::A(Ipv4Addr::new(192, 0, 2, 2))),
            ("b.mail.test.", Record::Aaaa("2001:db8::2".parse().unwrap())),
            ("nowhere.test.", Record::Mx(10, "gone.mail.test.")),
            ("big.test.", Record::Mx(10, "gmail-smtp-in.l.google.com.")),
            ("null.test.", Record::Mx(0, ".")),
            ("bare.test.", Record::A(Ipv4Addr::new(192, 0, 2, 1))),
            ("six.test.", Record::Aaaa("2001:db8::1".parse().unwrap())),
            ("empty.test.", Record::Nothing),
            ("broken.test.", Record::Failure),
        ])
        .await;
        let names = Names::new(Some(server.address)).unwrap();
        assert_eq!(names.mail_hosts("mail.test").await, hosts(&["a.mail.test", "b.mail.test"]));
        assert_eq!(names.mail_hosts("nowhere.test").await, MailHosts::NoMail, "its host has no address");
        assert_eq!(names.mail_hosts("big.test").await, hosts(&["gmail-smtp-in.l.google.com"]));
        assert_eq!(names.mail_hosts("null.test").await, MailHosts::NoMail);
        assert_eq!(names.mail_hosts("bare.test").await, hosts(&["bare.test"]));
        assert_eq!(names.mail_hosts("six.test").await, hosts(&["six.test"]));
        assert_eq!(names.mail_hosts("empty.test").await, MailHosts::NoMail);
        assert_eq!(names.mail_hosts("none.test").await, MailHosts::NoDomain);
        let before = server.asked.load(Ordering::Relaxed);
        assert_eq!(names.mail_hosts("broken.test").await, MailHosts::Failed);
        assert!(server.asked.load(Ordering::Relaxed) >= before + TRIES, "a failure is asked again");
        assert_eq!(names.addresses("bare.test").await, Found::Addresses(vec!["192.0.2.1".parse().unwrap()]));
        assert_eq!(names.addresses("::1").await, Found::Addresses(vec!["::1".parse().unwrap()]));
        assert_eq!(names.addresses("none.test").await, Found::NoName);
        assert_eq!(names.addresses("empty.test").await, Found::Nothing);
        assert_eq!(names.addresses("broken.test").await, Found::Nothing);
    }

    #[tokio::test]
    async fn a_silent_server_ends_in_a_failure() {
        let server = name_server(&[("silent.test.", Record::Silence)]).await;
        let names = Names::new(Some(server.address)).unwrap();
        let started = std::time::Instant::now();
        assert_eq!(names.mail_hosts("silent.test").await, MailHosts::Failed);
        assert!(started.elapsed() < TRY * 3);
    }
}
