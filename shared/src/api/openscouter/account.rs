//! Sign-up, the own account, verification of addresses, lost passwords (openscouter 7).

use serde_json::{Value, json};

use super::{
    auth::{SELF_READER, Used},
    call::{Call, answer},
    envelope::{Problem, json_answer, success},
    fields::Fields,
    session::redeemable,
    text::timestamp,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{
        Account, Connection, Email, Organization, OrganizationId, Plan, Role, TokenKind, User, UserId, Work, WorkKind,
    },
    password,
    serve::BoxFuture,
    store::{ChangeWith, SignUp},
    ulid,
};

/// Attempts of a change that somebody else's change got in the way of.
const MOST_ATTEMPTS: u32 = 5;

/// "user" (openscouter 7).
pub(super) fn user_object(account: &Account) -> Value {
    let (user, organization) = (&account.user, &account.organization);
    let organization = (user.role == Role::Business).then(|| {
        json!({
            "organizationId": organization.id.wire(),
            "name": organization.name,
            "plan": organization.plan.as_str(),
            "billingExempt": organization.billing_exempt,
        })
    });
    json!({
        "userId": user.id.wire(),
        "email": user.email.as_str(),
        "fullName": user.name,
        "role": user.role.as_str(),
        "status": user.standing().as_str(),
        "emailVerified": user.verified,
        "organization": organization,
        "createdAt": timestamp(user.created_at),
    })
}

/// A mail that is due at once.
fn mail(call: &Call, kind: WorkKind, email: &Email) -> Result<Work, Problem> {
    Ok(Work { id: ulid::generate(call.now)?, kind, subject: email.as_str().to_owned(), attempt: 0 })
}

/// `POST /api/auth/sign-up`
#[must_use]
pub fn sign_up(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            call.anonymous().await?;
            let fields = Fields::read(&call.request)?;
            call.once(&call.request.source_ip, &[], sign_up_now(call, &fields)).await
        })
    })
}

/// A new user with an organization; of a tester and an admin the organization is a private one.
pub(super) async fn new_account(
    call: &Call,
    role: Role,
    email: Email,
    name: String,
    organization_name: String,
) -> Result<Account, Problem> {
    let organization = Organization {
        id: OrganizationId::at(call.now),
        name: organization_name,
        plan: Plan::Free,
        billing_exempt: call.context.settings().billing_exempt,
        created_at: call.now,
    };
    let number = call.context.store().next_user_number().await?;
    let user = User::new((UserId::at(call.now), number), email, name, role, organization.id, call.now);
    Ok(Account { user, organization })
}

async fn sign_up_now(call: &Call, fields: &Fields) -> Result<Answer, Problem> {
    let role =
        fields.choice("role", "business, tester", |name| Role::parse(name).filter(|role| *role != Role::Admin))?;
    let email = fields.email("email")?;
    let password = fields.new_password("password", Some(&email))?;
    let name = fields.text("fullName", 1, 120)?;
    let organization_name = match role {
        Role::Business => fields.text("companyName", 1, 160)?,
        Role::Tester | Role::Admin => name.clone(),
    };
    let hash = password::hash(password).await?;
    let store = call.context.store();
    // whether the address is known or not: one look-up, one number, one write
    let known = store.account_by_email(&email).await?;
    let mut account = new_account(call, role, email, name, organization_name).await?;
    account.user.password = Some(hash);
    let email = &account.user.email;
    let again = |known: &Account| if known.user.verified { WorkKind::AddressTaken } else { WorkKind::ScouterVerify };
    match known {
        Some(known) => store.queue(&mail(call, again(&known), email)?, call.now).await?,
        None => {
            let welcome = mail(call, WorkKind::ScouterVerify, email)?;
            let with = ChangeWith { work: Some((&welcome, call.now)), ..ChangeWith::default() };
            if store.sign_up(&account.user, &account.organization, with).await? == SignUp::EmailTaken
                && let Some(known) = store.account_by_email(email).await?
            {
                // somebody was faster
                store.queue(&mail(call, again(&known), email)?, call.now).await?;
            }
        }
    }
    Ok(success(202, &json!({"status": "verification_sent", "email": email.as_str()})))
}

/// Queues a mail for whoever has the address; who that is, is found out when it is made, so that every answer
/// costs the same.
fn mail_to_named(context: Context, request: ApiRequest, kind: WorkKind) -> BoxFuture<'static, Answer> {
    answer(context, request, move |call| {
        Box::pin(async move {
            call.anonymous().await?;
            let email = Fields::read(&call.request)?.email("email")?;
            call.context.store().queue(&mail(call, kind, &email)?, call.now).await?;
            Ok(success(202, &json!({"status": "accepted"})))
        })
    })
}

/// `POST /api/auth/resend-verification`
#[must_use]
pub fn resend_verification(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    mail_to_named(context, request, WorkKind::ScouterVerify)
}

/// `POST /api/auth/forgot-password`
#[must_use]
pub fn forgot_password(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    mail_to_named(context, request, WorkKind::ScouterReset)
}

/// `POST /api/auth/magic-link`
#[must_use]
pub fn magic_link(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    mail_to_named(context, request, WorkKind::MagicLink)
}

/// `POST /api/auth/verify-email`
#[must_use]
pub fn verify_email(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(verify_email_now(call)))
}

async fn verify_email_now(call: &Call) -> Result<Answer, Problem> {
    call.anonymous().await?;
    let plain = Fields::read(&call.request)?.secret("token")?;
    for _ in 0..MOST_ATTEMPTS {
        let (mut account, token) = redeemable(call, &plain, &[TokenKind::ScouterVerify]).await?;
        account.user.verified = true;
        let with = ChangeWith { token: Some(&token), ..ChangeWith::default() };
        if call.context.store().change_user(&account.user, with).await? {
            return Ok(success(200, &json!({"verified": true})));
        }
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `POST /api/auth/reset-password`
#[must_use]
pub fn reset_password(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(reset_password_now(call)))
}

async fn reset_password_now(call: &Call) -> Result<Answer, Problem> {
    call.anonymous().await?;
    let fields = Fields::read(&call.request)?;
    let plain = fields.secret("token")?;
    fields.new_password("password", None)?;
    let mut hash = None;
    for _ in 0..MOST_ATTEMPTS {
        let (mut account, token) = redeemable(call, &plain, &[TokenKind::ScouterReset]).await?;
        if hash.is_none() {
            let password = fields.new_password("password", Some(&account.user.email))?;
            hash = Some(password::hash(password).await?);
        }
        let user = &mut account.user;
        user.password.clone_from(&hash);
        user.verified = true;
        // ends every session, family and access token
        user.generation += 1;
        let with = ChangeWith { token: Some(&token), ..ChangeWith::default() };
        if call.context.store().change_user(user, with).await? {
            return Ok(success(200, &json!({"reset": true})));
        }
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `GET /api/auth/me`
#[must_use]
pub fn me(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(SELF_READER).await?;
            let mut user = user_object(&caller.account);
            match &caller.used {
                Used::Jwt(_) | Used::Test(_) => {}
                Used::Token(token) => user["credential"] = json!({"kind": "token", "scopes": token.scopes.names()}),
                Used::Connection(_, draft) => {
                    let scopes: Vec<_> = Connection::scope(*draft).split(' ').collect();
                    user["credential"] = json!({"kind": "oauth", "scopes": scopes});
                }
            }
            Ok(success(200, &user))
        })
    })
}

/// `GET /api/auth/jwks`, `GET /.well-known/jwks.json`
#[must_use]
pub fn jwks(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            call.anonymous().await?;
            let keys = call.context.settings().openscouter.keys.to_json();
            Ok(json_answer(200, &keys).header("Cache-Control", "public, max-age=300"))
        })
    })
}
