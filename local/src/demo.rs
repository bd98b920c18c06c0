//! What a first start finds: an organization with studies and a key.

use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};
use shared::{
    context::Context,
    model::{
        ApiKey, ApiKeyId, Email, Locale, Organization, OrganizationId, Plan, Scope, Session, Status, Study, StudyId,
        Task, User, UserId, UserKey, Work, WorkKind,
    },
    secret::{PlainKey, new_token},
    store::SignUp,
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

/// What a first start makes, and what a later one finds again.
#[derive(Debug)]
pub struct Demo {
    /// The organization.
    pub organization: OrganizationId,
    /// Its Outset key.
    pub outset_key: PlainKey,
    /// Its person; `None` where an older version made the organization, or the file with the password is gone.
    pub account: Option<DemoAccount>,
}

/// The demo's person: all of it is made at random, and stored as hashes.
#[derive(Clone, Deserialize, Serialize)]
pub struct DemoAccount {
    /// Address, verified.
    pub email: String,
    /// Password.
    pub password: String,
    /// An Outsend API key with both scopes.
    pub outsend_key: String,
}

impl std::fmt::Debug for DemoAccount {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DemoAccount({}, …)", self.email)
    }
}

/// The demo organization with its key and its person, made at the first start. `kept` names the files in which a
/// laptop keeps the key and the person's password, since the store has only hashes.
///
/// # Errors
/// When the store or a file fails.
pub async fn seed(context: &Context, kept: Option<(&Path, &Path)>) -> Result<Demo, EngineError> {
    if let Some((key_file, account_file)) = kept
        && let Some(key) = std::fs::read_to_string(key_file).ok().and_then(|text| PlainKey::parse(text.trim()))
        && let Some(found) = context.store().key_by_hash(&key.hash()).await?
    {
        let account = std::fs::read(account_file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Ok(Demo { organization: found.key.organization, outset_key: key, account });
    }
    let organization = Organization {
        id: OrganizationId::generate(),
        name: "Demo".to_owned(),
        plan: Plan::Free,
        created_at: context.clock().now(),
    };
    let account = create_account(context, &organization).await?;
    if account.is_none() {
        context.store().create_organization(&organization).await?;
    }
    context.store().create_studies(&studies(context, organization.id)).await?;
    let (_, outset_key) = create_key(context, &organization, "demo", &[], None).await?;
    if let Some((key_file, account_file)) = kept {
        if let Some(account) = &account {
            keep(account_file, &serde_json::to_vec(account)?)?;
        }
        keep(key_file, outset_key.reveal().as_bytes())?;
    }
    Ok(Demo { organization: organization.id, outset_key, account })
}

/// Writes a file that only its owner may read.
fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600).open(file)?.write_all(bytes)
}

/// Creates the demo's organization with its person; `None` when the address is taken.
async fn create_account(context: &Context, organization: &Organization) -> Result<Option<DemoAccount>, EngineError> {
    const EMAIL: &str = "demo@example.com";
    let (store, now) = (context.store(), organization.created_at);
    let email = Email::from_stored(EMAIL.to_owned());
    let (password, _) = new_token("")?;
    let user = User {
        id: UserId::generate(),
        number: store.next_user_number().await?,
        email: email.clone(),
        name: "Demo".to_owned(),
        password: Some(shared::password::hash(password.clone()).await?),
        verified: true,
        active: true,
        locale: Locale::En,
        organization: organization.id,
        generation: 0,
        created_at: now,
        version: 1,
    };
    // a sign-up opens a session; nobody has this one's cookie
    let (_, hash) = new_token("")?;
    let session = Session {
        hash,
        user: user.id,
        organization: organization.id,
        generation: 0,
        created_at: now,
        expires_at: now + Duration::minutes(1),
    };
    let welcome = Work { id: shared::ulid::generate(now)?, kind: WorkKind::Welcome, email, attempt: 0 };
    if store.sign_up(&user, organization, &session, &welcome).await? == SignUp::EmailTaken {
        return Ok(None);
    }
    let (outsend_key, hash) = new_token("osk_")?;
    let key = UserKey {
        id: format!("key_{}", shared::ulid::generate(now)?),
        hash,
        prefix: outsend_key.chars().take(12).collect(),
        name: "demo".to_owned(),
        user: user.id,
        organization: organization.id,
        reads: true,
        writes: true,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    store.create_user_key(&key, 1, now).await?;
    Ok(Some(DemoAccount { email: EMAIL.to_owned(), password, outsend_key }))
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
