//! API keys on the wire (outsend 6.5).

use serde::Serialize;

use super::format::timestamp;
use crate::model::UserKey;

/// `ApiKey` (outsend 6.5): what may be shown of a key after its creation.
#[derive(Debug, Serialize)]
pub struct KeyView<'a> {
    id: &'a str,
    name: &'a str,
    prefix: &'a str,
    scopes: Vec<&'static str>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

/// The `ApiKey` of a stored key.
#[must_use]
pub fn view(key: &UserKey) -> KeyView<'_> {
    let scopes = [(key.reads, "read"), (key.writes, "write")];
    KeyView {
        id: &key.id,
        name: &key.name,
        prefix: &key.prefix,
        scopes: scopes.into_iter().filter(|(has, _)| *has).map(|(_, scope)| scope).collect(),
        created_at: timestamp(key.created_at),
        expires_at: key.expires_at.map(timestamp),
        // the use is kept by its minute, which can have begun before
        last_used_at: key.last_used_at.map(|at| timestamp(at.max(key.created_at))),
    }
}
