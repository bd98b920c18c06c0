//! Organizations as administrators see them (openscouter 17).

use serde::Serialize;

use super::format::timestamp;
use crate::model::Organization;

/// An organization (openscouter 17).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationView<'a> {
    organization_id: String,
    name: &'a str,
    plan: &'static str,
    billing_exempt: bool,
    created_at: String,
}

impl<'a> OrganizationView<'a> {
    /// The view of an organization.
    #[must_use]
    pub fn of(organization: &'a Organization) -> Self {
        Self {
            organization_id: organization.id.wire(),
            name: &organization.name,
            plan: organization.plan.as_str(),
            billing_exempt: organization.billing_exempt,
            created_at: timestamp(organization.created_at),
        }
    }
}
