//! OAuth connections on the wire (openscouter 8).

use serde::Serialize;

use super::format::timestamp;
use crate::model::Connection;

/// An OAuth connection (openscouter 8).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView<'a> {
    connection_id: String,
    client_name: &'a str,
    organization_id: String,
    scopes: Vec<&'static str>,
    audience: &'a str,
    created_at: String,
    last_used_at: Option<String>,
}

impl<'a> ConnectionView<'a> {
    /// The view of a connection.
    #[must_use]
    pub fn of(connection: &'a Connection) -> Self {
        Self {
            connection_id: connection.id.wire(),
            client_name: &connection.client_name,
            organization_id: connection.organization.wire(),
            scopes: Connection::scope(connection.draft).split(' ').collect(),
            audience: &connection.audience,
            created_at: timestamp(connection.created_at),
            // the use is kept by its minute, which can have begun before
            last_used_at: connection.last_used_at.map(|at| timestamp(at.max(connection.created_at))),
        }
    }
}
