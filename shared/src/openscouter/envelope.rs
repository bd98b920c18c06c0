//! Answers of the dialect (openscouter 2.3, 2.4).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{attempts::AttemptError, http::Response, jwt, password::PasswordError, store::StoreError};

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

impl From<AttemptError> for Problem {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::TooMany(seconds) => Self::Limited("Too many attempts", seconds),
            AttemptError::Store(error) => error.into(),
            AttemptError::Password(error) => error.into(),
        }
    }
}

impl Problem {
    /// 401, with a challenge.
    #[must_use]
    pub fn unauthorized(text: &str) -> Self {
        Self::Refused(401, text.to_owned())
    }

    /// 403.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Refused(403, text.into())
    }

    /// 404 for an object of this name.
    #[must_use]
    pub fn not_found(object: &str) -> Self {
        Self::Refused(404, format!("{object} not found"))
    }

    /// 400.
    pub fn bad(text: impl Into<String>) -> Self {
        Self::Refused(400, text.into())
    }

    /// 422 for a field, or for a whole state when `field` is empty.
    #[must_use]
    pub fn invalid(field: &str, reason: &str) -> Self {
        Self::Refused(422, if field.is_empty() { reason.to_owned() } else { format!("{field}: {reason}") })
    }

    /// 501: an operation that is there and does nothing yet.
    #[must_use]
    pub fn not_implemented() -> Self {
        Self::Refused(501, "Not implemented".to_owned())
    }

    /// The answer that says so (openscouter 2.4).
    #[must_use]
    pub fn answer(self) -> Response {
        let refused = |status: u16, text: &str| {
            let body = Envelope { success: false, data: None, error: Some(text), metadata: None };
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

/// The envelope of every answer but those of the RFCs (openscouter 2.3).
#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    data: Option<&'a RawValue>,
    error: Option<&'a str>,
    metadata: Option<Metadata>,
}

/// Where a page stands in its list (openscouter 2.7).
#[derive(Serialize)]
struct Metadata {
    page: u64,
    limit: u32,
    total: u64,
}

fn text(body: &impl Serialize) -> Result<Box<RawValue>, Problem> {
    serde_json::value::to_raw_value(body).map_err(|error| Problem::Crash(error.to_string()))
}

fn respond(status: u16, body: Result<Box<RawValue>, Problem>) -> Response {
    match body {
        Ok(body) => Response::empty(status)
            .header("Content-Type", "application/json")
            .body(String::from(Box::<str>::from(body))),
        Err(problem) => problem.answer(),
    }
}

fn enveloped(status: u16, data: Result<Box<RawValue>, Problem>, metadata: Option<Metadata>) -> Response {
    let body = data.and_then(|data| text(&Envelope { success: true, data: Some(&data), error: None, metadata }));
    respond(status, body)
}

/// A JSON answer, without an envelope.
pub fn json_answer(status: u16, body: &impl Serialize) -> Response {
    respond(status, text(body))
}

/// A success with its data (openscouter 2.3).
pub fn success(status: u16, data: &impl Serialize) -> Response {
    enveloped(status, text(data), None)
}

/// One page of a list of `total` rows (openscouter 2.7).
pub(super) fn list(rows: &[impl Serialize], page: u64, limit: u32, total: u64) -> Response {
    enveloped(200, text(&rows), Some(Metadata { page, limit, total }))
}

/// The answer to a request whose handling failed.
#[must_use]
pub fn crash(cause: String, _: Option<&str>) -> Response {
    Problem::Crash(cause).answer().header("Cache-Control", "no-store")
}
