//! What a first start finds: an organization with studies and a key.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    context::Context,
    model::{
        Action, ApiKey, ApiKeyId, AuditEntry, Email, Organization, OrganizationId, Plan, Role, Scope, Status, Study,
        StudyId, Task, User, UserId, UserKey,
    },
    secret::{PlainKey, new_token},
    store::{ChangeWith, SignUp},
};
use time::Duration;

use crate::{embedded_store::EngineError, private};

/// A new organization.
///
/// # Errors
/// When the store fails.
pub async fn create_organization(context: &Context, name: &str, plan: Plan) -> Result<Organization, EngineError> {
    let organization = new_organization(context, name, plan);
    context.store().create_organization(&organization).await?;
    Ok(organization)
}

fn new_organization(context: &Context, name: &str, plan: Plan) -> Organization {
    let created_at = context.clock().now();
    let billing_exempt = context.settings().billing_exempt;
    Organization { id: OrganizationId::at(created_at), name: name.to_owned(), plan, billing_exempt, created_at }
}

/// A new person with a verified address, in an organization that is made with it; `None` when the address is taken.
///
/// # Errors
/// When the store fails.
pub async fn create_person(
    context: &Context,
    organization: &Organization,
    role: Role,
    (email, name): (&Email, &str),
    password: &str,
) -> Result<Option<User>, EngineError> {
    let store = context.store();
    let now = context.clock().now();
    let number = store.next_user_number().await?;
    let mut user = User::new((UserId::at(now), number), email.clone(), name.to_owned(), role, organization.id, now);
    user.password = Some(shared::password::hash(password.to_owned()).await?);
    user.verified = true;
    let made = store.sign_up(&user, organization, ChangeWith::default()).await?;
    Ok((made == SignUp::Created).then_some(user))
}

/// A new admin, in an organization of its own, and the password, which is not stored; `None` when the address is taken.
///
/// # Errors
/// When the store fails.
pub async fn create_admin(context: &Context, email: &Email, name: &str) -> Result<Option<(User, String)>, EngineError> {
    let organization = new_organization(context, name, Plan::Free);
    let (password, _) = new_token("")?;
    let user = create_person(context, &organization, Role::Admin, (email, name), &password).await?;
    Ok(user.map(|user| (user, password)))
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
    /// A tester, verified; where an older version made the demo there is none.
    #[serde(default)]
    pub tester: Option<DemoTester>,
}

/// The demo's tester.
#[derive(Clone, Deserialize, Serialize)]
pub struct DemoTester {
    /// Address, verified.
    pub email: String,
    /// Password.
    pub password: String,
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
    let organization = new_organization(context, "Demo", Plan::Free);
    let account = create_account(context, &organization).await?;
    if account.is_none() {
        context.store().create_organization(&organization).await?;
    }
    context.store().create_studies(&studies(context, organization.id)).await?;
    let (_, outset_key) = create_key(context, &organization, "demo", &[], None).await?;
    if let Some((key_file, account_file)) = kept {
        if let Some(account) = &account {
            private::write(account_file, &serde_json::to_vec(account)?)?;
        }
        private::write(key_file, outset_key.reveal().as_bytes())?;
    }
    Ok(Demo { organization: organization.id, outset_key, account })
}

/// Creates the demo's organization with its person; `None` when the address is taken.
async fn create_account(context: &Context, organization: &Organization) -> Result<Option<DemoAccount>, EngineError> {
    let email = Email::from_stored("demo@example.com".to_owned());
    let (password, _) = new_token("")?;
    let user = create_person(context, organization, Role::Business, (&email, "Demo"), &password).await?;
    let Some(user) = user else { return Ok(None) };
    let now = organization.created_at;
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
    let audit = AuditEntry::of_operator(Action::TokenIssued, Some(key.id.clone()), json!({"dialect": "outsend"}), now);
    context.store().create_user_key(&key, 1, &audit).await?;
    let tester = Email::from_stored("tester@example.com".to_owned());
    let own = new_organization(context, "Demo tester", Plan::Free);
    let (tester_password, _) = new_token("")?;
    let made = create_person(context, &own, Role::Tester, (&tester, "Demo tester"), &tester_password).await?;
    let tester = made.map(|user| DemoTester { email: user.email.as_str().to_owned(), password: tester_password });
    Ok(Some(DemoAccount { email: email.as_str().to_owned(), password, outsend_key, tester }))
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
            tasks: vec![Task::titled("Find what you came for")],
            details: shared::model::Details::default(),
            created_at: at,
            updated_at: at,
            version: 1,
        }
    };
    (0..).zip(names).map(study).collect()
}
