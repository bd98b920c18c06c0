//! Answers of the dialect (outsend 3.1).

use serde::Serialize;
use serde_json::json;

use super::messages::{Detail, Fault};
use crate::{http::Response, model::Locale, password::PasswordError, store::StoreError};

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

impl From<getrandom::Error> for Problem {
    fn from(error: getrandom::Error) -> Self {
        Self::Crash(error.to_string())
    }
}

impl Problem {
    pub fn answer(self, language: Locale) -> Response {
        let (status, body) = match &self {
            Self::Detail(detail) => (detail.status(), json!({"detail": detail.text(language)})),
            Self::Crash(_) => (500, json!({"detail": Detail::Server.text(language)})),
            Self::Invalid(faults) => {
                let errors: Vec<_> = faults
                    .iter()
                    .map(|(field, fault)| json!({"field": field, "message": fault.text(language)}))
                    .collect();
                let detail = match language {
                    Locale::En => "Validation failed.",
                    Locale::Fr => "Données invalides.",
                };
                (422, json!({"detail": detail, "errors": errors}))
            }
        };
        let mut answer = json_answer(status, &body).header("Content-Language", language.as_str());
        match self {
            Self::Detail(Detail::Rate(seconds)) => answer = answer.header("Retry-After", seconds.to_string()),
            Self::Detail(Detail::Method(allow)) => answer = answer.header("Allow", allow),
            Self::Crash(cause) => answer.cause = Some(cause),
            _ => {}
        }
        answer
    }
}

/// A JSON answer.
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
pub fn crash(cause: String, accept_language: Option<&str>) -> Response {
    Problem::Crash(cause).answer(super::messages::language(accept_language))
}
