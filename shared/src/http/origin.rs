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
