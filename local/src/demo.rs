//! What a first start finds: an organization with studies and a key.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use shared::{
    context::Context,
    model::{ApiKey, ApiKeyId, Organization, OrganizationId, Plan, Scope, Status, Study, StudyId, Task},
    secret::PlainKey,
};
use time::Duration;

use crate::engine::EngineError;

/// A new organization.
///
/// # Errors
/// When the store fails.
pub async fn create_organization(context: &Context, name: &str, plan: Plan) -> Result<Organization, EngineError> {
    let created_at = context.clock().now();
    let organization = Organization { id: OrganizationId::generate(), name: name.to_owned(), plan, created_at };
    context.store().create_organization(&organization).await?;
    Ok(organization)
}

/// A new key of an organization, and its text, which is not stored.
///
/// # Errors
/// When the store fails.
pub async fn create_key(
    context: &Context,
    organization: &Organization,
    name: &str,
    scopes: &[Scope],
    expires_at: Option<time::OffsetDateTime>,
) -> Result<(ApiKey, PlainKey), EngineError> {
    let plain = PlainKey::generate()?;
    let key = ApiKey {
        id: ApiKeyId::generate(),
        hash: plain.hash(),
        prefix: plain.display_prefix().to_owned(),
        name: name.to_owned(),
        organization: organization.id,
        scopes: if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes.to_vec() },
        created_at: context.clock().now(),
        expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    context.store().create_key(&key, organization.plan).await?;
    Ok((key, plain))
}

/// The demo organization and its key, made at the first start. `kept` is the file in which a laptop
/// keeps the demo's key, since the store has only its hash.
///
/// # Errors
/// When the store or the file fails.
pub async fn seed(context: &Context, kept: Option<&Path>) -> Result<(OrganizationId, PlainKey), EngineError> {
    const NAME: &str = "Demo";
    if let Some(key) = kept.and_then(|file| PlainKey::parse(std::fs::read_to_string(file).ok()?.trim()))
        && let Some(found) = context.store().key_by_hash(&key.hash()).await?
    {
        return Ok((found.key.organization, key));
    }
    let organization = create_organization(context, NAME, Plan::Free).await?;
    context.store().create_studies(&studies(context, organization.id)).await?;
    let (_, plain) = create_key(context, &organization, "demo", &[], None).await?;
    if let Some(file) = kept {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(file)?;
        file.write_all(plain.reveal().as_bytes())?;
    }
    Ok((organization.id, plain))
}

fn studies(context: &Context, organization: OrganizationId) -> Vec<Study> {
    let now = context.clock().now();
    let names = [
        ("Checkout walk-through", Status::Open),
        ("Onboarding of new teams", Status::Paused),
        ("Search results, round two", Status::InProgress),
        ("Pricing page", Status::Draft),
        ("Help centre", Status::Closed),
    ];
    let study = |(position, (name, status)): (i64, (&str, Status))| {
        let at = now - Duration::hours(position + 1);
        Study {
            id: StudyId::generate(),
            organization,
            name: name.to_owned(),
            status,
            paused_from: (status == Status::Paused).then_some(Status::Open),
            completion_url: None,
            target_url: Some("https://example.com/".to_owned()),
            tasks: vec![Task { title: "Find what you came for".to_owned() }],
            created_at: at,
            updated_at: at,
            version: 1,
        }
    };
    (0..).zip(names).map(study).collect()
}
