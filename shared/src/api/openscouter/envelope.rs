//! Answers of the dialect (openscouter 2.3, 2.4).

use serde_json::{Value, json};

use super::text::timestamp;
use crate::{api::Answer, password::PasswordError, signing, store::StoreError};

/// Everything that can go wrong with a request.
#[derive(Debug)]
pub(super) enum Problem {
    /// A status and its text.
    Refused(u16, String),
    /// 405 with the methods that there are.
    Method(String),
    /// 429 with the seconds to wait.
    Limited(&'static str, u32),
    /// An answer of another form (openscouter 8.1).
    Other(Box<Answer>),
    /// 500 with the cause for the log.
    Crash(String),
}

macro_rules! crash_from {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::Crash(error.to_string())
            }
        })*
    };
}
crash_from!(StoreError, PasswordError, getrandom::Error, signing::Malformed);

impl Problem {
    pub(super) fn unauthorized(text: &str) -> Self {
        Self::Refused(401, text.to_owned())
    }

    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self::Refused(403, text.into())
    }

    pub(super) fn not_found(object: &str) -> Self {
        Self::Refused(404, format!("{object} not found"))
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::Refused(400, text.into())
    }

    /// 422 for a field, or for a whole state when `field` is empty.
    pub(super) fn invalid(field: &str, reason: &str) -> Self {
        Self::Refused(422, if field.is_empty() { reason.to_owned() } else { format!("{field}: {reason}") })
    }

    pub(super) fn answer(self) -> Answer {
        let refused = |status: u16, text: &str| {
            let body = json!({"success": false, "data": null, "error": text, "metadata": null});
            json_answer(status, &body)
        };
        match self {
            Self::Refused(401, text) => refused(401, &text).header("WWW-Authenticate", "Bearer"),
            Self::Refused(status, text) => refused(status, &text),
            Self::Method(allow) => refused(405, "Method not allowed").header("Allow", allow),
            Self::Limited(text, seconds) => refused(429, text).header("Retry-After", seconds.to_string()),
            Self::Other(answer) => *answer,
            Self::Crash(cause) => {
                let mut answer = refused(500, "Internal server error");
                answer.cause = Some(cause);
                answer
            }
        }
    }
}

/// A JSON answer, without an envelope.
pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    Answer::empty(status).header("Content-Type", "application/json").body(body.to_string())
}

/// A success.
pub(super) fn success(status: u16, data: &Value) -> Answer {
    json_answer(status, &json!({"success": true, "data": data, "error": null, "metadata": null}))
}

/// One page of a list.
pub(super) fn list(data: &[Value], page: u64, limit: u32, total: u64) -> Answer {
    let metadata = json!({"page": page, "limit": limit, "total": total});
    json_answer(200, &json!({"success": true, "data": data, "error": null, "metadata": metadata}))
}

/// The answer to a request whose handling failed.
pub(super) fn crash(cause: String, _: Option<&str>) -> Answer {
    Problem::Crash(cause).answer().header("Cache-Control", "no-store")
}

/// A time that may be missing.
pub(super) fn optional_time(time: Option<time::OffsetDateTime>) -> Value {
    time.map_or(Value::Null, |time| json!(timestamp(time)))
}
