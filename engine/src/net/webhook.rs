//! Sending an event to the URL that a user named (outsend 16.2), behind the guard of outsend 11.5.

use std::{net::IpAddr, sync::Arc, time::Duration};

use engine_types::Posted;
use reqwest::{Client, Response, header::RETRY_AFTER, redirect};
use tokio::time::timeout;
use url::{Host, Url};

use super::{
    guard::{Closed, is_inner},
    outside::{Outside, OutsideConfig},
    pinned::Pinned,
};
use crate::{BoxFuture, module::Fault};

/// How long a receiver has, from the look-up of its name to the first line of its answer.
const WHOLE: Duration = Duration::from_secs(10);

/// What `User-Agent` says.
const AGENT: &str = "outscout-webhooks/1";

/// Why nothing is sent, or nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("The URL must be https, with a public host and without user info.")]
    Form,
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("The server could not be reached.")]
    Unreachable,
    #[error("The server did not answer within 10 seconds.")]
    Slow,
}

impl Outside {
    /// What events are sent through; `allow_hosts` are exempt from the checks.
    ///
    /// # Errors
    /// When no name server is given and the system's configuration cannot be read.
    pub fn for_webhooks(dns_server: Option<std::net::SocketAddr>, allow_hosts: Vec<String>) -> Result<Self, Fault> {
        Self::new(OutsideConfig {
            dns_server,
            smtp_probe: false,
            smtp_port: 25,
            mail_from: String::new(),
            allow_hosts,
            user_agent: AGENT.to_owned(),
        })
    }

    /// Whether events may be sent to a URL now: its form, its host's name, and every address that the name has.
    pub fn takes_events<'a>(&'a self, url: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let judged = timeout(WHOLE, self.judge(url)).await;
            matches!(judged, Ok(Ok(_)))
        })
    }

    /// Posts JSON to a URL: judged again, and sent to the very address that was judged. Redirects are not followed, and
    /// the answer's body is not read.
    pub fn post<'a>(
        &'a self,
        url: &'a str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> BoxFuture<'a, Posted> {
        Box::pin(async move {
            match timeout(WHOLE, self.send(url, headers, body)).await.unwrap_or(Err(Refused::Slow)) {
                Ok(answer) => Posted {
                    status: Some(answer.status().as_u16()),
                    error: None,
                    retry_after: answer
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.trim().parse().ok()),
                },
                Err(refused) => Posted { error: Some(refused.to_string()), ..Posted::default() },
            }
        })
    }

    async fn judge(&self, url: &str) -> Result<(Url, Vec<IpAddr>), Refused> {
        // the parser would pass over some of them
        if url.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '\\') {
            return Err(Refused::Form);
        }
        let url = Url::parse(url).map_err(|_| Refused::Form)?;
        let host = match url.host().ok_or(Refused::Form)? {
            Host::Domain(domain) => domain.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let allowed = self.guard.allows(&host);
        let scheme = url.scheme() == "https" || (allowed && url.scheme() == "http");
        if !scheme || !url.username().is_empty() || url.password().is_some() || (!allowed && is_inner(&host)) {
            return Err(Refused::Form);
        }
        let addresses = self.addresses(&host).await?;
        Ok((url, addresses))
    }

    async fn send(&self, url: &str, headers: Vec<(&'static str, String)>, body: String) -> Result<Response, Refused> {
        let (url, addresses) = self.judge(url).await?;
        // a client of its own: nothing is kept or reused between receivers
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Pinned(addresses)))
            .user_agent(&self.config.user_agent)
            .build()
            .map_err(|_| Refused::Unreachable)?;
        let request = headers.into_iter().fold(client.post(url), |request, (name, value)| request.header(name, value));
        let answer = request.body(body).send().await;
        answer.map_err(|error| if error.is_timeout() { Refused::Slow } else { Refused::Unreachable })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::testing::{Record, name_server, web_server};
    use super::*;

    async fn outside(allowed: &[&str]) -> Outside {
        let names = name_server(&[
            ("hooks.test.", Record::A(Ipv4Addr::LOCALHOST)),
            ("public.test.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
            ("inner.test.", Record::A(Ipv4Addr::new(10, 0, 0, 1))),
            ("mixed.test.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
            ("mixed.test.", Record::A(Ipv4Addr::LOCALHOST)),
            ("x.internal.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
        ])
        .await;
        Outside::for_webhooks(Some(names.address), allowed.iter().map(ToString::to_string).collect()).unwrap()
    }

    #[tokio::test]
    async fn only_https_to_public_hosts_is_taken() {
        let outside = outside(&["hooks.test"]).await;
        for url in
            ["https://public.test/x?y=1#z", "https://public.test:8443/", "HTTPS://Public.Test", "http://hooks.test:1/"]
        {
            assert!(outside.takes_events(url).await, "{url}");
        }
        for url in [
            "",
            "public.test",
            "http://public.test/",
            "ftp://public.test/",
            "https://",
            "https://user@public.test/",
            "https://:secret@public.test/",
            " https://public.test/",
            "https://public.test/a b",
            "https://pub\tlic.test/",
            "https:\\\\public.test\\",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://printer.local/",
            "https://x.internal/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.1.2.3/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://172.16.0.1/",
            "https://172.31.255.255/",
            "https://100.64.0.1/",
            "https://inner.test/",
            "https://mixed.test/",
            "https://none.test/",
        ] {
            assert!(!outside.takes_events(url).await, "{url}");
        }
    }

    #[tokio::test]
    async fn a_request_arrives_once_and_no_redirect_is_followed() {
        let outside = outside(&["hooks.test"]).await;
        let moved = b"HTTP/1.1 302 Found\r\nLocation: /other\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".to_vec();
        let server = web_server(vec![("/in", moved)]).await;
        let url = format!("http://hooks.test:{}/in", server.address.port());
        let posted = outside.post(&url, vec![("X-Outsend-Event", "ping".to_owned())], "{}".to_owned()).await;
        assert_eq!(posted, Posted { status: Some(302), error: None, retry_after: Some(7) });
        let requests = server.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert!(
            requests[0].contains("user-agent: outscout-webhooks/1") && requests[0].contains("x-outsend-event: ping")
        );
        let closed = outside.post("https://inner.test/", Vec::new(), String::new()).await;
        assert_eq!(closed.error.as_deref(), Some("The host is not public."));
        let dead = outside.post("http://hooks.test:1/", Vec::new(), String::new()).await;
        assert_eq!(dead.error.as_deref(), Some("The server could not be reached."));
    }
}
