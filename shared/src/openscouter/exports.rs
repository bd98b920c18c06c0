//! Exports of all that is kept of a person (openscouter 18).

use serde::{Deserialize, Serialize};

use super::{envelope::Problem, request_context::RequestContext};
use crate::model::ExportId;

/// What the address of an export carries: signed, so that it needs no other credential.
#[derive(Debug, Deserialize, Serialize)]
pub struct DownloadClaims {
    /// The address that it is for, without its query.
    pub aud: String,
    /// Whose export it is: the user's id.
    pub sub: String,
    /// When the address stops working, in seconds since the Unix epoch.
    pub exp: i64,
}

/// The address of an export's content, without the token that it needs.
#[must_use]
pub fn download_address(cx: &RequestContext, export: ExportId) -> String {
    format!("{}/api/me/exports/{}/download", cx.base(), export.wire())
}

/// 404: the person has no such export.
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Export")
}
