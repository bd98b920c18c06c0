//! Errors of the dialect: one enum, one mapping to status, code and text (outset 4.2).

use serde::Serialize;

use super::{
    negotiation::NegotiationError,
    rendering::{COMPACT, Rendering},
};
use crate::{http::Response, model::Scope, store::StoreError};

/// What is wrong with one member, or with the request when `field` is none: one entry of the envelope's list
/// (outset 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member.
    pub field: Option<&'static str>,
    /// The text.
    pub detail: String,
    /// What clients key on.
    pub code: &'static str,
}

impl FieldError {
    /// An error of a member.
    #[must_use]
    pub fn of(field: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field), detail: detail.into(), code }
    }

    /// An error of the request as a whole.
    #[must_use]
    pub fn general(code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: None, detail: detail.into(), code }
    }
}

/// The body of every refusal (outset 4.1).
#[derive(Serialize)]
struct Envelope {
    status: &'static str,
    errors: Vec<FieldError>,
}

/// Everything that can go wrong with a request (outset 4.2).
#[derive(Debug)]
pub enum Problem {
    /// 400 with its fields.
    Invalid(Vec<FieldError>),
    /// 400 parse_error; the text after the prefix.
    Unparsable(String),
    /// 401, no usable credentials sent.
    NotAuthenticated,
    /// 401, credentials that do not work.
    AuthenticationFailed,
    /// 403.
    PermissionDenied(Scope),
    /// 404.
    NotFound,
    /// 404 of a page number.
    InvalidPage,
    /// 405 with the method.
    MethodNotAllowed(String),
    /// 406.
    NotAcceptable,
    /// 409.
    IdempotencyInProgress,
    /// 412 with the current tag.
    PreconditionFailed(String),
    /// 413.
    TooLarge,
    /// 415 with the media type as received.
    UnsupportedMediaType(String),
    /// 422.
    IdempotencyKeyReused,
    /// 429 with the seconds to wait.
    Throttled(u32),
    /// 500 with the cause for the log.
    Crash(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Crash(error.to_string())
    }
}

impl From<NegotiationError> for Problem {
    fn from(error: NegotiationError) -> Self {
        match error {
            NegotiationError::NotFound => Self::NotFound,
            NegotiationError::NotAcceptable => Self::NotAcceptable,
        }
    }
}

const CHALLENGE: &str = "Api-Key";

impl Problem {
    /// Status, code and text; [`Problem::Invalid`] has its own list.
    fn row(&self) -> (u16, &'static str, String) {
        let fixed = |status, code, text: &str| (status, code, text.to_owned());
        match self {
            Self::Invalid(_) => fixed(400, "invalid", ""),
            Self::Unparsable(cause) => (400, "parse_error", format!("JSON parse error - {cause}")),
            Self::NotAuthenticated => fixed(401, "not_authenticated", "Authentication credentials were not provided."),
            Self::AuthenticationFailed => fixed(401, "authentication_failed", "Incorrect authentication credentials."),
            Self::PermissionDenied(_) => {
                fixed(403, "permission_denied", "You do not have permission to perform this action.")
            }
            Self::NotFound => fixed(404, "not_found", "Not found."),
            Self::InvalidPage => fixed(404, "not_found", "Invalid page."),
            Self::MethodNotAllowed(method) => (405, "method_not_allowed", format!("Method \"{method}\" not allowed.")),
            Self::NotAcceptable => fixed(406, "not_acceptable", "Could not satisfy the request Accept header."),
            Self::IdempotencyInProgress => {
                fixed(409, "idempotency_in_progress", "A request with this Idempotency-Key is still in progress.")
            }
            Self::PreconditionFailed(_) => {
                fixed(412, "precondition_failed", "The study has changed since it was read.")
            }
            Self::TooLarge => fixed(413, "request_too_large", "Request body is too large."),
            Self::UnsupportedMediaType(media) => {
                (415, "unsupported_media_type", format!("Unsupported media type \"{media}\" in request."))
            }
            Self::IdempotencyKeyReused => {
                fixed(422, "idempotency_key_reused", "This Idempotency-Key was used with a different request.")
            }
            Self::Throttled(seconds) => {
                let unit = if *seconds == 1 { "second" } else { "seconds" };
                (429, "throttled", format!("Request was throttled. Expected available in {seconds} {unit}."))
            }
            Self::Crash(_) => fixed(500, "error", "A server error occurred."),
        }
    }

    fn body(&self) -> Envelope {
        let errors = match self {
            Self::Invalid(errors) => errors.clone(),
            _ => {
                let (_, code, detail) = self.row();
                vec![FieldError::general(code, detail)]
            }
        };
        Envelope { status: "error", errors }
    }

    /// The answer in the envelope, rendered as the request asked (outset 9).
    #[must_use]
    pub fn answer(self, rendering: Rendering) -> Response {
        let (status, _, _) = self.row();
        let mut answer = json_answer(status, &self.body(), rendering).header("Cache-Control", "no-store");
        match &self {
            Self::NotAuthenticated | Self::AuthenticationFailed => {
                answer = answer.header("WWW-Authenticate", CHALLENGE);
            }
            Self::IdempotencyInProgress => answer = answer.header("Retry-After", "1"),
            Self::Throttled(seconds) => answer = answer.header("Retry-After", seconds.to_string()),
            Self::PreconditionFailed(tag) => answer = answer.header("ETag", tag.clone()),
            _ => {}
        }
        answer.cause = match self {
            Self::Crash(cause) => Some(cause),
            Self::PermissionDenied(scope) => Some(format!("key lacks {}", scope.as_str())),
            _ => None,
        };
        answer
    }
}

/// A JSON answer.
#[must_use]
pub fn json_answer(status: u16, view: &impl Serialize, rendering: Rendering) -> Response {
    Response::empty(status).header("Content-Type", "application/json").body(rendering.write(view))
}

/// The answer to a request whose handling failed (outset 4.3).
#[must_use]
pub fn crash(cause: String) -> Response {
    Problem::Crash(cause).answer(COMPACT)
}
