//! Forms of values on the wire (openscouter 2.1, 2.9).

use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

use url::Url;

use crate::clock::from_epoch_millis;

const SECONDS: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const MILLIS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A time of an object (openscouter 2.1): whole seconds, UTC.
#[must_use]
pub fn timestamp(time: OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(SECONDS).unwrap_or_default()
}

/// A time of what was ingested: milliseconds, UTC; `at` counts them since the Unix epoch.
#[must_use]
pub fn millis(at: i64) -> String {
    from_epoch_millis(at).and_then(|time| time.format(MILLIS).ok()).unwrap_or_default()
}

/// A time that a client sent (openscouter 2.1): RFC 3339 with `Z` or an offset, 0 to 9 decimals.
#[must_use]
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let zoned = text.ends_with('Z') || text.get(text.len().checked_sub(6)?..)?.starts_with(['+', '-']);
    let decimals = text.split_once('.').map_or("", |(_, rest)| rest).bytes().take_while(u8::is_ascii_digit).count();
    if decimals > 9 {
        return None;
    }
    let time = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    (zoned && text.is_ascii() && text.as_bytes().get(10) == Some(&b'T')).then_some(time)
}

/// A web address that a client sent (openscouter 2.1). What a browser would mend is refused: no host, backslashes, a
/// user.
///
/// # Errors
/// What is wrong with it.
pub fn parse_url(text: &str) -> Result<Url, &'static str> {
    const NONE: &str = "must be an http or https URL";
    let (scheme, rest) = text.split_once("://").ok_or(NONE)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if !known || authority.is_empty() || text.contains('\\') {
        return Err(NONE);
    }
    if authority.contains('@') {
        return Err("must not contain credentials");
    }
    Url::parse(text).map_err(|_| NONE)
}

/// Whether a page of `origin` may call (openscouter 2.9).
#[must_use]
pub fn is_allowed_origin(origin: &str, domain: &str, production: bool) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if let Some(host) = origin.strip_prefix("https://") {
        let below = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
        if host == domain || below.is_some_and(|labels| labels.split('.').all(label)) {
            return true;
        }
    }
    let port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    !production
        && origin
            .strip_prefix("http://localhost")
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_at_most_nine_decimals() {
        for right in ["2026-03-16T10:14:30Z", "2026-03-16T10:14:30.123456789Z", "2026-03-16T10:14:30.1+01:00"] {
            assert!(parse_time(right).is_some(), "{right}");
        }
        for wrong in
            ["2026-03-16T10:14:30.1234567890Z", "2026-03-16T10:14:30.0000000000+01:00", "2026-03-16T10:14:30.Z"]
        {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn web_addresses() {
        for right in [
            "https://a.test",
            "HTTP://a.test:8080/x?a@b#c",
            "https://a.test/@x",
            "http://[::1]:3000/",
            "https://b\u{fc}cher.example/",
        ] {
            assert!(parse_url(right).is_ok(), "{right}");
        }
        for (wrong, credentials) in [
            ("https:///a.test", false),
            ("https:/a.test", false),
            ("https:a.test", false),
            ("https://?x", false),
            ("https:\\\\a.test", false),
            ("https://a.test\\@b.test", false),
            ("ftp://a.test", false),
            ("https://a.test:x", false),
            ("https://u:p@a.test", true),
            ("https://@a.test", true),
            ("https://:@a.test/", true),
        ] {
            let expected = if credentials { "must not contain credentials" } else { "must be an http or https URL" };
            assert_eq!(parse_url(wrong), Err(expected), "{wrong}");
        }
    }

    #[test]
    fn origins() {
        for allowed in ["https://openscouter.com", "https://app.openscouter.com", "https://a.b-c.openscouter.com"] {
            assert!(is_allowed_origin(allowed, "openscouter.com", true), "{allowed}");
        }
        for local in ["http://localhost", "http://localhost:5173"] {
            assert!(is_allowed_origin(local, "openscouter.com", false), "{local}");
            assert!(!is_allowed_origin(local, "openscouter.com", true), "{local}");
        }
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "http://openscouter.com",
            "https://openscouter.com:8443",
            "https://evilopenscouter.com",
            "https://.openscouter.com",
            "https://a..openscouter.com",
            "https://openscouter.com.evil.example",
            "https://evil.example/.openscouter.com",
            "https://user@app.openscouter.com",
            "HTTPS://openscouter.com",
            "http://localhost:",
            "http://localhost:80/x",
            "http://localhostx",
            "https://localhost:3000",
        ] {
            assert!(!is_allowed_origin(foreign, "openscouter.com", false), "{foreign}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("2026-03-20T00:00:00Z", "2026-03-20T00:00:00Z"),
            ("2026-03-20T01:30:00.123456789+01:30", "2026-03-20T00:00:00Z"),
        ] {
            assert_eq!(timestamp(parse_time(text).unwrap()), expected);
        }
        for wrong in [
            "9999-12-31T23:59:59-23:59",
            "é026-03-20T00:00:00Z",
            "",
            "2026-03-20",
            "2026-03-20T00:00:00",
            "2026-03-20 00:00:00Z",
            "2026-02-30T00:00:00Z",
            "x",
        ] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }
}
