//! Answers of the dialect (outsend 3.1).

use serde::Serialize;

use super::messages::{Detail, Fault};
use crate::{attempts::AttemptError, http::Response, model::Locale, password::PasswordError, store::StoreError};

/// Everything that can go wrong with a request (outsend 3).
#[derive(Debug)]
pub enum Problem {
    /// A row of the catalogue.
    Detail(Detail),
    /// 422 with its fields.
    Invalid(Vec<(String, Fault)>),
    /// 500 with the cause for the log.
    Crash(String),
}

impl From<Detail> for Problem {
    fn from(detail: Detail) -> Self {
        Self::Detail(detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Crash(error.to_string())
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        Self::Crash(error.to_string())
    }
}

impl From<AttemptError> for Problem {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::TooMany(seconds) => Detail::Rate(seconds).into(),
            AttemptError::Store(error) => error.into(),
            AttemptError::Password(error) => error.into(),
        }
    }
}

impl From<getrandom::Error> for Problem {
    fn from(error: getrandom::Error) -> Self {
        Self::Crash(error.to_string())
    }
}

impl Problem {
    /// 501: an operation that is there and does nothing yet.
    #[must_use]
    pub const fn not_implemented() -> Self {
        Self::Detail(Detail::NotImplemented)
    }

    /// The answer, its texts in `language` (outsend 2.5, 3.1).
    #[must_use]
    pub fn answer(self, language: Locale) -> Response {
        let (status, detail, errors) = match &self {
            Self::Detail(detail) => (detail.status(), detail.text(language), None),
            Self::Crash(_) => (500, Detail::Server.text(language), None),
            Self::Invalid(faults) => {
                let error = |(field, fault): &(String, Fault)| FieldError {
                    field: field.clone(),
                    message: fault.text(language),
                };
                let detail = match language {
                    Locale::En => "Validation failed.",
                    Locale::Fr => "Données invalides.",
                };
                (422, detail.to_owned(), Some(faults.iter().map(error).collect()))
            }
        };
        let body = Refusal { detail, errors };
        let mut answer = json_answer(status, &body).header("Content-Language", language.as_str());
        match self {
            Self::Detail(Detail::Rate(seconds) | Detail::StreamsHeld { seconds, .. }) => {
                answer = answer.header("Retry-After", seconds.to_string())
            }
            Self::Detail(Detail::Upstream) => answer = answer.header("Retry-After", "60"),
            Self::Detail(Detail::Method(allow)) => answer = answer.header("Allow", allow),
            Self::Crash(cause) => answer.cause = Some(cause),
            _ => {}
        }
        answer
    }
}

/// The body of a refusal (outsend 3.1).
#[derive(Serialize)]
struct Refusal {
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
}

/// What is wrong with a field of the body or the query.
#[derive(Serialize)]
struct FieldError {
    field: String,
    message: String,
}

/// The body of an answer that has nothing more to say.
#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// `{"ok": true}`: it was done.
#[must_use]
pub fn done() -> Response {
    json_answer(200, &Done { ok: true })
}

/// An answer in JSON.
#[must_use]
pub fn json_answer(status: u16, body: &impl Serialize) -> Response {
    respond(status, serde_json::to_string(body))
}

fn respond(status: u16, body: Result<String, serde_json::Error>) -> Response {
    match body {
        Ok(body) => Response::empty(status)
            .header("Content-Type", "application/json")
            .header("Cache-Control", "no-store")
            .body(body),
        Err(error) => crash(error.to_string(), None),
    }
}

/// The answer to a request whose handling failed.
#[must_use]
pub fn crash(cause: String, accept_language: Option<&str>) -> Response {
    Problem::Crash(cause).answer(Locale::preferred(accept_language))
}
