//! Organizations, people and keys that an operator makes.

use shared::{
    context::Context,
    model::{ApiKey, ApiKeyId, Email, Organization, OrganizationId, Plan, Role, Scope, User, UserId},
    names, password,
    secret::{PlainKey, new_token},
    store::{ChangeWith, SignUp},
};

use crate::embedded_store::EngineError;

/// Checks a name that others see.
fn check_name(name: &str) -> Result<(), EngineError> {
    names::check(name).map_err(|fault| format!("{name:?} is not a name: {fault:?}").into())
}

/// A new organization.
///
/// # Errors
/// When the store fails.
pub async fn create_organization(context: &Context, name: &str, plan: Plan) -> Result<Organization, EngineError> {
    check_name(name)?;
    let organization = new_organization(context, name, plan);
    context.store().create_organization(&organization).await?;
    Ok(organization)
}

/// An organization that is not stored yet.
pub(crate) fn new_organization(context: &Context, name: &str, plan: Plan) -> Organization {
    let created_at = context.clock().now();
    let billing_exempt = context.settings().billing_exempt;
    Organization { id: OrganizationId::at(created_at), name: name.to_owned(), plan, billing_exempt, created_at }
}

/// A new person with a verified address, in an organization that is made with it; `None` when the address is taken.
///
/// # Errors
/// When the password or the name is none that a sign-up takes; when the store fails.
pub async fn create_person(
    context: &Context,
    organization: &Organization,
    role: Role,
    (email, name): (&Email, &str),
    password: &str,
) -> Result<Option<User>, EngineError> {
    if let Err(weakness) = password::check_new(password, email.is(password)) {
        return Err(format!("the password is none: {weakness:?}").into());
    }
    check_name(name)?;
    let store = context.store();
    let now = context.clock().now();
    let number = store.next_user_number().await?;
    let mut user = User::new((UserId::at(now), number), email.clone(), name.to_owned(), role, organization.id, now);
    user.password = Some(password::hash(password.to_owned()).await?);
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
    let key = keep_key(context, organization, (name, &plain), scopes, expires_at).await?;
    Ok((key, plain))
}

/// Keeps a key of an organization by the name and the text that are given.
///
/// # Errors
/// When the store fails.
pub async fn keep_key(
    context: &Context,
    organization: &Organization,
    (name, plain): (&str, &PlainKey),
    scopes: &[Scope],
    expires_at: Option<time::OffsetDateTime>,
) -> Result<ApiKey, EngineError> {
    check_name(name)?;
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
    Ok(key)
}
