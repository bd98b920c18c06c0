//! API tokens on the wire (openscouter 8).

use serde::Serialize;

use super::format::timestamp;
use crate::model::ApiToken;

/// An API token (openscouter 8).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView<'a> {
    token_id: String,
    name: &'a str,
    scopes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    last_four: &'a str,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

impl<'a> TokenView<'a> {
    /// The view of a token, without its plain text.
    #[must_use]
    pub fn of(token: &'a ApiToken) -> Self {
        Self {
            token_id: token.id.wire(),
            name: &token.name,
            scopes: token.scopes.names(),
            token: None,
            last_four: &token.last_four,
            created_at: timestamp(token.created_at),
            expires_at: token.expires_at.map(timestamp),
            // the use is kept by its minute, which can have begun before
            last_used_at: token.last_used_at.map(|at| timestamp(at.max(token.created_at))),
        }
    }

    /// The same with its plain text, which only the answer that made it shows.
    #[must_use]
    pub fn with_plain(self, plain: &'a str) -> Self {
        Self { token: Some(plain), ..self }
    }
}
