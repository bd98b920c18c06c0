//! URLs as Django's validator accepts them (outset 10.5).

use unicode_normalization::UnicodeNormalization;

use super::text::Text;

/// Most characters of a URL (outset 6).
const MAX_LENGTH: usize = 2048;
/// Django's limit, which leaves out only forms with an IPv4 tail and leading zeros.
const MAX_IPV6_LENGTH: usize = 39;

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// More than 2048 characters.
    TooLong,
    /// Holds U+0000.
    Null,
    /// Holds this lone surrogate.
    Surrogate(u32),
    /// Not a URL.
    Invalid,
}

fn is_blank(code: u32) -> bool {
    (0x1C..=0x1F).contains(&code) || char::from_u32(code).is_some_and(char::is_whitespace)
}

fn has_blank(text: &str) -> bool {
    text.chars().any(|c| is_blank(u32::from(c)))
}

/// Trims and checks a text; nothing left means that the URL is cleared.
///
/// # Errors
/// All that is wrong, in the contract's order.
pub fn check(text: &Text) -> Result<Option<String>, Vec<UrlError>> {
    let codes = &text.0;
    let start = codes.iter().position(|code| !is_blank(*code)).unwrap_or(codes.len());
    let end = codes.iter().rposition(|code| !is_blank(*code)).map_or(start, |last| last + 1);
    let trimmed = Text(codes.get(start..end).unwrap_or_default().to_vec());
    if trimmed.0.is_empty() {
        return Ok(None);
    }
    let mut errors = Vec::new();
    if trimmed.0.len() > MAX_LENGTH {
        errors.push(UrlError::TooLong);
    }
    if trimmed.0.contains(&0) {
        errors.push(UrlError::Null);
    }
    if let Some(code) = trimmed.0.iter().find(|code| (0xD800..0xE000).contains(*code)) {
        errors.push(UrlError::Surrogate(*code));
    }
    // a surrogate passes wherever another letter does, so that it is reported once
    let url: String = trimmed.0.iter().map(|code| char::from_u32(*code).unwrap_or('\u{fffd}')).collect();
    if trimmed.0.len() > MAX_LENGTH || !is_url(&url) {
        errors.push(UrlError::Invalid);
    }
    if errors.is_empty() { Ok(Some(url)) } else { Err(errors) }
}

fn is_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    ["http", "https", "ftp", "ftps"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && is_network_location(rest)
        && (is_host_and_path(rest) || after_user(rest).is_some_and(is_host_and_path))
}

/// What Python's own URL splitting asks of the text up to the path, query or fragment.
fn is_network_location(rest: &str) -> bool {
    let location = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain: String = location.chars().filter(|c| !matches!(c, '@' | ':')).collect();
    let user = location.rsplit_once('@').map_or("", |(user, _)| user);
    !location.is_empty()
        && !user.contains(['[', ']'])
        && (plain.is_ascii() || !plain.nfkc().any(|c| "/?#@:".contains(c)))
}

/// What follows `user@` or `user:password@`, which may hold `?` and `#`.
fn after_user(rest: &str) -> Option<&str> {
    let (user, host) = rest.split_once('@')?;
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let clean = |part: &str, stops: &[char]| !part.contains(stops) && !has_blank(part);
    (!name.is_empty() && clean(name, &['/']) && clean(password, &[':', '/'])).then_some(host)
}

fn is_host_and_path(rest: &str) -> bool {
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if has_blank(tail) {
        return false;
    }
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.len() <= MAX_IPV6_LENGTH
            && address.parse::<std::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    port.is_none_or(is_port) && (is_ipv4(name) || name.eq_ignore_ascii_case("localhost") || is_dotted(name))
}

fn is_port(port: &str) -> bool {
    (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ipv4(name: &str) -> bool {
    name.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_dotted(name: &str) -> bool {
    if name.chars().count() > 253 {
        return false;
    }
    let labels: Vec<_> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    let Some((last, others)) = labels.split_last() else { return false };
    !others.is_empty() && others.iter().all(|label| is_label(label, true)) && is_last_label(last)
}

fn is_label(label: &str, digits: bool) -> bool {
    let allowed = |c: char| {
        c.is_ascii_alphabetic() || c == '-' || (digits && c.is_ascii_digit()) || ('\u{a1}'..='\u{ffff}').contains(&c)
    };
    (1..=63).contains(&label.chars().count())
        && label.chars().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_last_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("xn--")
        && (1..=59).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return true;
    }
    label.chars().count() >= 2 && is_label(label, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_table() {
        let good = "https://yourapp.com/complete HTTPS://A.COM http://localhost:8000/x http://127.0.0.1 http://[::1]:80/ \
                    https://p.com/c?pid={participant-id}&s=1 http://a.com/%zz http://a.com?x http://a.com:0 \
                    http://exämple.com/ü http://xn--exmple-cua.com http://a.co. ftp://a.com/x http://u:p@a.com/";
        for url in good.split_whitespace() {
            assert_eq!(check(&Text::from(url)), Ok(Some(url.to_owned())), "{url}");
        }
        let bad = "a.com //a.com mailto:a@b.c javascript:alert(1) ws://a.com http://a http://a.c http://a_b.com http://-a.com \
                   http://a..com http://a.123 http://256.1.1.1 http://01.2.3.4 http://[::g]/ http://a.com: \
                   http://a.com:123456 http://{x}.com/";
        for url in bad.split_whitespace().chain(["http://a.com/a b"]) {
            assert_eq!(check(&Text::from(url)), Err(vec![UrlError::Invalid]), "{url}");
        }
        for url in [
            "http://a?b@c.com/",
            "http://u#:?@c.com",
            "http://a.com?x@y",
            "http://a.com:80#@",
            "http://u:@a\u{3000}b.co",
        ] {
            assert_eq!(check(&Text::from(url)), Ok(Some(url.to_owned())), "{url}");
        }
        for url in
            ["http://?u@c.com", "http://[u]@c.com", "http://:p@c.com", "http://u@v@c.com", "http://a\u{2100}.com"]
        {
            assert_eq!(check(&Text::from(url)), Err(vec![UrlError::Invalid]), "{url}");
        }
        let label = "a".repeat(63);
        assert!(check(&Text::from(format!("http://{label}.{label}.{label}.{}", "b".repeat(61)).as_str())).is_ok());
        assert!(check(&Text::from(format!("http://{label}.{label}.{label}.{}", "b".repeat(62)).as_str())).is_err());
        assert!(check(&Text::from(format!("http://{label}a.com").as_str())).is_err());
        assert_eq!(check(&Text::from(" \u{1c}\u{3000}")), Ok(None));
        let long = format!("http://a.com/{}", "a".repeat(2_048));
        assert_eq!(check(&Text::from(long.as_str())), Err(vec![UrlError::TooLong, UrlError::Invalid]));
    }

    #[test]
    fn all_that_is_wrong_in_order() {
        let text = |start: &str, code| Text(start.chars().map(u32::from).chain([code]).collect());
        assert_eq!(check(&text("http://a.com/", 0)), Err(vec![UrlError::Null]));
        assert_eq!(check(&text("http://a.com/", 0xD800)), Err(vec![UrlError::Surrogate(0xD800)]));
        assert_eq!(
            check(&text("a\0", 0xDFFF)),
            Err(vec![UrlError::Null, UrlError::Surrogate(0xDFFF), UrlError::Invalid])
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_what_it_accepts(codes in proptest::collection::vec(0_u32..0x11_0000, 0..40)) {
            let text = Text("http://".chars().map(u32::from).chain(codes).collect());
            if let Ok(Some(url)) = check(&text) {
                proptest::prop_assert_eq!(check(&Text::from(url.as_str())), Ok(Some(url)));
            }
        }
    }
}
