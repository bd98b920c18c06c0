//! Snapshots of successes: status, headers, body.
//!
//! What differs in each run is hidden, but only where it has the form that it must have: ids their prefix and length,
//! times and secrets theirs. Anything else stays in the text, and the snapshot does not fit.

use std::{fmt::Write as _, sync::OnceLock};

pub use insta;
use regex_lite::Regex;

use crate::Answer;

/// Compares an answer with the snapshot of an operation, `snapshots/<operation>.snap` beside the test.
#[macro_export]
macro_rules! snapshot {
    ($operation:literal, $answer:expr) => {
        $crate::snapshot::insta::with_settings!(
            {prepend_module_to_snapshot => false, omit_expression => true},
            {$crate::snapshot::insta::assert_snapshot!($operation, $crate::snapshot::shown($answer))}
        )
    };
}

/// What is hidden, and what stands in its place.
const HIDDEN: &[(&str, &str)] = &[
    (r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}", "[access token]"),
    (r"\b(osr|osc|osat|osrt|osac|osk|oset)_[\w-]{43}", "[${1}_ and 43 characters]"),
    (r"\b(outsend_session|outset_session|outscout_log_in|state|code_challenge)=[\w-]{43}", "$1=[43 characters]"),
    (r"([a-z]+)_[0-9a-hjkmnp-tv-z]{26}\b", "[$1 id]"),
    (r"([a-z]+)_[0-9A-HJKMNP-TV-Z]{26}\b", "[$1 id]"),
    (r#""requestId": "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}""#, "\"requestId\": \"[request id]\""),
    (r#""((source_)?pipeline_id)": "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}""#, "\"$1\": \"[UUID]\""),
    (r#""id": "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"(,\s+"name": "(Test|Dentists)")"#, "\"id\": \"[UUID]\"$2"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time with milliseconds]"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[time with microseconds]"),
    (r"\b\d\d:\d\d:\d\d\b", "[time in the session]"),
    (r"\b\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC", "[minute]"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC", "[minute]"),
    (r"-\d{8}\.json", "-[date].json"),
    (r#"(ratelimit: "\w+");r=\d+;t=\d+"#, "$1;r=[count];t=[seconds]"),
    (r#"\b(token=|testToken": ")[0-9a-f]{48}"#, "$1[48 digits]"),
    (r#"(start=|"code": ")[0-9a-hjkmnp-tv-z]{16}""#, "${1}[16 characters]\""),
    (r#"etag: "[0-9a-f]{32}""#, "etag: \"[32 digits]\""),
    (r#""(lastFour)": "[\w-]{4}""#, "\"$1\": \"[4 characters]\""),
    (r#""prefix": "osk_[\w-]{8}""#, "\"prefix\": \"osk_[8 characters]\""),
    (r#""kid": "[0-9a-f]{16}""#, "\"kid\": \"[16 digits]\""),
    (r#""x": "[\w-]{43}""#, "\"x\": \"[43 characters]\""),
    (r#""client_id_issued_at": \d{10}"#, "\"client_id_issued_at\": [seconds]"),
    (r#""duration_ms": ?\d{1,5}\b"#, "\"duration_ms\": [milliseconds]"),
    (r#""(durationSeconds|duration_seconds)": ?\d{1,2}\b"#, "\"$1\": [seconds]"),
];

/// The text of an answer's snapshot.
#[must_use]
pub fn shown(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    let mut headers: Vec<_> = answer.headers.iter().collect();
    headers.sort();
    for (name, value) in headers {
        match name.as_str() {
            "x-request-id" => assert!(value.len() >= 8, "{name}: {value}"),
            "content-length" => assert_eq!(*value, answer.bytes.len().to_string(), "{name}"),
            _ => {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
    }
    if !answer.body.is_empty() {
        text.push('\n');
        match serde_json::from_str::<serde_json::Value>(&answer.body) {
            Ok(body) => text.push_str(&serde_json::to_string_pretty(&body).unwrap()),
            Err(_) => text.push_str(&answer.body),
        }
    }
    static RULES: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| HIDDEN.iter().map(|(form, place)| (Regex::new(form).unwrap(), *place)).collect());
    for (form, place) in rules {
        text = form.replace_all(&text, *place).into_owned();
    }
    text
}
