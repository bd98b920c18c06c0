//! Sign-up, the own account, verification of addresses, lost passwords (openscouter 7).

use serde_json::{Value, json};

use super::{
    access::{CredentialKind, SELF_READER},
    endpoint::answer,
    envelope::{Problem, json_answer, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
    session::redeem,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{
        Account, Connection, Email, Organization, OrganizationId, Plan, Role, TokenKind, User, UserId, WorkItem,
        WorkKind,
    },
    password,
    store::{ChangeWith, CurrentUser, SignUp, UserUpdate},
    ulid,
};

/// "user" (openscouter 7).
pub fn user_object(account: &Account) -> Value {
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
fn mail(cx: &RequestContext, kind: WorkKind, email: &Email) -> Result<WorkItem, Problem> {
    Ok(WorkItem { id: ulid::generate(cx.now)?, kind, subject: email.as_str().to_owned(), attempt: 0 })
}

/// `POST /api/auth/sign-up`
#[must_use]
pub fn sign_up(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.anonymous().await?;
            let fields = Fields::read(&cx.request)?;
            cx.idempotent(&cx.request.source_ip, &[], sign_up_now(cx, &fields)).await
        })
    })
}

/// A new user with an organization; of a tester and an admin the organization is a private one.
pub async fn new_account(
    cx: &RequestContext,
    role: Role,
    email: Email,
    name: String,
    organization_name: String,
) -> Result<Account, Problem> {
    let organization = Organization {
        id: OrganizationId::at(cx.now),
        name: organization_name,
        plan: Plan::Free,
        billing_exempt: cx.context.settings().billing_exempt,
        created_at: cx.now,
    };
    let number = cx.context.store().next_user_number().await?;
    let user = User::new((UserId::at(cx.now), number), email, name, role, organization.id, cx.now);
    Ok(Account { user, organization })
}

async fn sign_up_now(cx: &RequestContext, fields: &Fields) -> Result<Response, Problem> {
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
    let store = cx.context.store();
    // whether the address is known or not: one look-up, one number, one write
    let known = store.account_by_email(&email).await?;
    let mut account = new_account(cx, role, email, name, organization_name).await?;
    account.user.password = Some(hash);
    let email = &account.user.email;
    let again = |known: &Account| if known.user.verified { WorkKind::AddressTaken } else { WorkKind::ScouterVerify };
    match known {
        Some(known) => store.queue(&mail(cx, again(&known), email)?, cx.now).await?,
        None => {
            let welcome = mail(cx, WorkKind::ScouterVerify, email)?;
            let with = ChangeWith { work: Some((welcome, cx.now)), ..ChangeWith::default() };
            if store.sign_up(&account.user, &account.organization, with).await? == SignUp::EmailTaken
                && let Some(known) = store.account_by_email(email).await?
            {
                // somebody was faster
                store.queue(&mail(cx, again(&known), email)?, cx.now).await?;
            }
        }
    }
    Ok(success(202, &json!({"status": "verification_sent", "email": email.as_str()})))
}

/// Queues a mail for whoever has the address; who that is, is found out when it is made, so that every answer
/// costs the same.
fn mail_to_named(context: Context, request: Request, kind: WorkKind) -> BoxFuture<'static, Response> {
    answer(context, request, move |cx| {
        Box::pin(async move {
            cx.anonymous().await?;
            let email = Fields::read(&cx.request)?.email("email")?;
            cx.context.store().queue(&mail(cx, kind, &email)?, cx.now).await?;
            Ok(success(202, &json!({"status": "accepted"})))
        })
    })
}

/// `POST /api/auth/resend-verification`
#[must_use]
pub fn resend_verification(context: Context, request: Request) -> BoxFuture<'static, Response> {
    mail_to_named(context, request, WorkKind::ScouterVerify)
}

/// `POST /api/auth/forgot-password`
#[must_use]
pub fn forgot_password(context: Context, request: Request) -> BoxFuture<'static, Response> {
    mail_to_named(context, request, WorkKind::ScouterReset)
}

/// `POST /api/auth/magic-link`
#[must_use]
pub fn magic_link(context: Context, request: Request) -> BoxFuture<'static, Response> {
    mail_to_named(context, request, WorkKind::MagicLink)
}

/// `POST /api/auth/verify-email`
#[must_use]
pub fn verify_email(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(verify_email_now(cx)))
}

async fn verify_email_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let token = Fields::read(&cx.request)?.secret("token")?;
    redeem(cx, &token, &[TokenKind::ScouterVerify], &|current| {
        Box::pin(async move {
            let mut user = current.account.user;
            user.verified = true;
            Ok(UserUpdate::change(user, ChangeWith::default(), ()))
        })
    })
    .await?;
    Ok(success(200, &json!({"verified": true})))
}

/// `POST /api/auth/reset-password`
#[must_use]
pub fn reset_password(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(reset_password_now(cx)))
}

async fn reset_password_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let fields = Fields::read(&cx.request)?;
    let token = fields.secret("token")?;
    fields.new_password("password", None)?;
    redeem(cx, &token, &[TokenKind::ScouterReset], &|current| Box::pin(reset(&fields, current))).await?;
    Ok(success(200, &json!({"reset": true})))
}

async fn reset(fields: &Fields, current: CurrentUser) -> Result<UserUpdate<()>, Problem> {
    let mut user = current.account.user;
    let password = fields.new_password("password", Some(&user.email))?;
    user.password = Some(password::hash(password).await?);
    user.verified = true;
    // ends every session, family and access token
    user.generation += 1;
    Ok(UserUpdate::change(user, ChangeWith::default(), ()))
}

/// `GET /api/auth/me`
#[must_use]
pub fn me(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(SELF_READER).await?;
            let mut user = user_object(&caller.account);
            match &caller.credential {
                CredentialKind::Jwt(_) | CredentialKind::Test(_) => {}
                CredentialKind::Token(token) => {
                    user["credential"] = json!({"kind": "token", "scopes": token.scopes.names()})
                }
                CredentialKind::Connection(_, draft) => {
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
pub fn jwks(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.anonymous().await?;
            let keys = cx.context.settings().openscouter.keys.to_json();
            Ok(json_answer(200, &keys).header("Cache-Control", "public, max-age=300"))
        })
    })
}
