//! Forms of values on the wire (openscouter 2.1, 2.9).

use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

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
    let time = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    (zoned && text.is_ascii() && text.as_bytes().get(10) == Some(&b'T')).then_some(time)
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
