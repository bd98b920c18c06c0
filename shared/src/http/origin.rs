//! The public URL of a request (outset 8.7).

/// Scheme and host, first source that applies; a configured base wins as it is.
#[must_use]
pub fn public_origin(
    configured: Option<&str>,
    proto: Option<&str>,
    forwarded_host: Option<&str>,
    host: Option<&str>,
) -> String {
    if let Some(base) = configured {
        return base.trim_end_matches('/').to_owned();
    }
    let first = |list: &str| list.split(',').next().unwrap_or_default().trim().to_owned();
    let scheme = proto.map(first).map(|proto| proto.to_ascii_lowercase());
    let scheme =
        scheme.filter(|proto| matches!(proto.as_str(), "http" | "https")).unwrap_or_else(|| "https".to_owned());
    let host =
        forwarded_host.map(first).filter(|host| is_host(host)).or_else(|| host.map(first).filter(|host| is_host(host)));
    format!("{scheme}://{}", host.as_deref().unwrap_or("localhost"))
}

/// The origin of a URL: its scheme, its host and its port.
#[must_use]
pub fn of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

/// Whether two origins are of one site for certain: of one scheme, and of one host or one below the other. Whether two hosts
/// beside each other are is known to the list of public suffixes alone.
#[must_use]
pub fn is_one_site(one: &str, other: &str) -> bool {
    let parts = |origin: &str| {
        let (scheme, rest) = origin.split_once("://")?;
        let host = rest.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        Some((scheme.to_owned(), host.map_or(rest, |(host, _)| host).to_owned()))
    };
    let (Some((scheme, host)), Some((others, their))) = (parts(one), parts(other)) else { return false };
    let below = |host: &str, parent: &str| host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    scheme == others && (host == their || below(&host, &their) || below(&their, &host))
}

/// Whether `text` is `host` or `host:port`.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid_name = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    };
    valid_name
        && port.is_none_or(|port| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Splits the client's path into the public prefix and the API's own path, which begins with one of `roots`.
#[must_use]
pub fn split_prefix<'a>(path: &'a str, roots: &[&str]) -> (&'a str, &'a str) {
    let starts = roots.iter().filter_map(|root| {
        path.match_indices(*root).map(|(at, _)| at).find(|at| {
            let after = path.get(at + root.len()..).unwrap_or_default();
            after.is_empty() || after.starts_with('/')
        })
    });
    let (prefix, rest) = starts.min().map_or(("", path), |at| path.split_at(at));
    // a doubled slash is no prefix: such a path is routed nowhere
    if prefix.ends_with('/') || prefix.contains("//") { ("", path) } else { (prefix, rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_in_order() {
        assert_eq!(public_origin(Some("https://a.test/x/"), None, None, None), "https://a.test/x");
        assert_eq!(public_origin(None, Some("http, https"), Some("b.test:80, c"), Some("d")), "http://b.test:80");
        assert_eq!(public_origin(None, Some("gopher"), Some("b/../"), Some("d")), "https://d");
        assert_eq!(public_origin(None, None, None, Some("[::1]:4001")), "https://[::1]:4001");
    }

    #[test]
    fn sites() {
        assert_eq!(of("https://a.test:8443/x/y"), "https://a.test:8443");
        for (one, other, expected) in [
            ("https://a.test", "https://a.test:8443", true),
            ("https://app.a.test", "https://a.test", true),
            ("https://a.test", "https://app.a.test", true),
            ("http://localhost:3000", "http://localhost:8001", true),
            ("http://[::1]:3000", "http://[::1]:8001", true),
            ("https://a.test", "http://a.test", false),
            ("https://a.test", "https://ba.test", false),
            ("https://app.a.test", "https://api.a.test", false),
            ("https://a.test", "null", false),
        ] {
            assert_eq!(is_one_site(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn prefixes() {
        let split_prefix = |path| split_prefix(path, &["/v1", "/interviews"]);
        assert_eq!(split_prefix("/prod/v1/studies/"), ("/prod", "/v1/studies/"));
        assert_eq!(split_prefix("/v1/studies/v1/"), ("", "/v1/studies/v1/"));
        assert_eq!(split_prefix("/v1"), ("", "/v1"));
        assert_eq!(split_prefix("//v1/studies/"), ("", "//v1/studies/"));
        assert_eq!(split_prefix("/prod//v1/studies/"), ("", "/prod//v1/studies/"));
        assert_eq!(split_prefix("/v11/x"), ("", "/v11/x"));
        assert_eq!(split_prefix("/a/interviews/s/complete/"), ("/a", "/interviews/s/complete/"));
    }
}
