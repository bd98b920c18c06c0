//! Answers of the dialect (openscouter 2.3, 2.4).

use serde_json::{Value, json};

use super::format::timestamp;
use crate::{http::Response, jwt, password::PasswordError, store::StoreError};

/// Everything that can go wrong with a request.
#[derive(Debug)]
pub enum Problem {
    /// A status and its text.
    Refused(u16, String),
    /// 405 with the methods that there are.
    Method(String),
    /// 429 with the seconds to wait.
    Limited(&'static str, u32),
    /// An answer of another form (openscouter 8.1).
    Other(Box<Response>),
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
crash_from!(StoreError, PasswordError, getrandom::Error, jwt::Malformed);

impl Problem {
    pub fn unauthorized(text: &str) -> Self {
        Self::Refused(401, text.to_owned())
    }

    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Refused(403, text.into())
    }

    pub fn not_found(object: &str) -> Self {
        Self::Refused(404, format!("{object} not found"))
    }

    pub fn bad(text: impl Into<String>) -> Self {
        Self::Refused(400, text.into())
    }

    /// 422 for a field, or for a whole state when `field` is empty.
    pub fn invalid(field: &str, reason: &str) -> Self {
        Self::Refused(422, if field.is_empty() { reason.to_owned() } else { format!("{field}: {reason}") })
    }

    pub fn answer(self) -> Response {
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
pub fn json_answer(status: u16, body: &Value) -> Response {
    Response::empty(status).header("Content-Type", "application/json").body(body.to_string())
}

/// A success.
pub fn success(status: u16, data: &Value) -> Response {
    json_answer(status, &json!({"success": true, "data": data, "error": null, "metadata": null}))
}

/// One page of a list.
pub fn list(data: &[Value], page: u64, limit: u32, total: u64) -> Response {
    let metadata = json!({"page": page, "limit": limit, "total": total});
    json_answer(200, &json!({"success": true, "data": data, "error": null, "metadata": metadata}))
}

/// The answer to a request whose handling failed.
pub fn crash(cause: String, _: Option<&str>) -> Response {
    Problem::Crash(cause).answer().header("Cache-Control", "no-store")
}

/// A time that may be missing.
pub fn optional_time(time: Option<time::OffsetDateTime>) -> Value {
    time.map_or(Value::Null, |time| json!(timestamp(time)))
}
