//! Sign-up, log-in, log-out, the own account, change of password (outsend 6.2).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    access::Access,
    authentication,
    endpoint::answer,
    envelope::{Problem, json_answer},
    fields::{Fields, object},
    limits::{LOGIN, PASSWORD_CHANGE, RESEND, RESET, SIGN_UP, TOKEN, tier},
    messages::{Detail, Fault},
    request_context::{RequestContext, SESSION_LENGTH},
};
use crate::{
    BoxFuture,
    config::{Captcha, ExposeSecret as _},
    context::Context,
    http::{Request, Response},
    http_client,
    model::{
        Account, Action, Email, Locale, Organization, OrganizationId, Plan, Role, Session, TokenKind, User, UserId,
        WorkItem, WorkKind,
    },
    password,
    secret::{new_token, sha256_hex},
    store::{ChangeWith, Credential, Principal, SignUp, Token},
    ulid,
};

const SECONDS: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// Most characters of a captcha's answer.
const MAX_CAPTCHA: usize = 8_192;
/// Attempts of a change that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 5;

/// A time on the wire (outsend 2.2).
pub fn timestamp(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC).format(SECONDS).unwrap_or_default()
}

pub fn user_object(account: &Account) -> Value {
    let user = &account.user;
    json!({
        "id": user.number,
        "email": user.email.as_str(),
        "name": user.name,
        "email_verified": user.verified,
        "is_active": user.active,
        "plan": account.organization.plan.as_str(),
        "locale": user.locale.as_str(),
        "created_at": timestamp(user.created_at),
        "workspace": {
            "id": format!("ws_{}", ulid::encode(user.organization.as_bytes())),
            "name": account.organization.name,
        },
    })
}

fn account_answer(account: &Account) -> Response {
    json_answer(200, &json!({"ok": true, "user": user_object(account)}))
}

/// A new session of `user`, and the cookie's value.
fn new_session(user: &User, now: OffsetDateTime) -> Result<(Session, String), Problem> {
    let (value, hash) = new_token("")?;
    let session = Session {
        hash,
        user: user.id,
        organization: user.organization,
        generation: user.generation,
        created_at: now,
        expires_at: now + SESSION_LENGTH,
    };
    Ok((session, value))
}

/// `POST /api/auth/signup`
#[must_use]
pub fn sign_up(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(sign_up_now(cx)))
}

async fn sign_up_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.same_site()?;
    cx.check_rate_limit(SIGN_UP, &format!("outsend/signup/{}", cx.address())).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.parsed("email", Email::parse);
    let password = fields.new_password("password");
    let settings = cx.context.settings();
    let invitation = if settings.outsend.invite_only { fields.trimmed("invitation_code", 1, 64) } else { None };
    fields.accepted("accept_responsibility");
    let captcha = match &settings.outsend.captcha {
        Some(_) => fields.optional_trimmed("hcaptcha_token", 0, MAX_CAPTCHA),
        None => None,
    };
    let name = fields.optional_trimmed("name", 1, 120);
    let locale = match fields.optional_trimmed("locale", 0, 120) {
        None => None,
        Some(text) => {
            let locale = Locale::parse(&text);
            if locale.is_none() {
                fields.fault("locale", Fault::OneOf("en, fr"));
            }
            locale
        }
    };
    fields.finish()?;
    let (Some(email), Some(password)) = (email, password) else {
        return Err(Problem::Crash("fields read without a fault are missing".to_owned()));
    };
    if let Some(checker) = &settings.outsend.captcha {
        check_captcha(cx, checker, captcha.filter(|answer| !answer.is_empty())).await?;
    }
    let invitation = invitation.map(|code| sha256_hex(code.as_bytes()));
    let hash = password::hash(password).await?;
    let name = name.unwrap_or_else(|| email.local_part().to_owned());
    let store = cx.context.store();
    let organization = Organization {
        id: OrganizationId::at(cx.now),
        name: name.clone(),
        plan: Plan::Free,
        billing_exempt: cx.context.settings().billing_exempt,
        created_at: cx.now,
    };
    let number = store.next_user_number().await?;
    let mut user = User::new((UserId::at(cx.now), number), email, name, Role::Business, organization.id, cx.now);
    user.password = Some(hash);
    user.locale = locale.unwrap_or(cx.language);
    let (session, cookie) = new_session(&user, cx.now)?;
    let welcome = new_work(cx, WorkKind::Welcome, &user.email)?;
    let audit = cx.record(Action::SignIn, &user, json!({"dialect": "outsend"}));
    let with = ChangeWith {
        session: Some(&session),
        work: Some((&welcome, cx.now)),
        audit: Some(&audit),
        invitation: invitation.as_deref(),
        ..ChangeWith::default()
    };
    match store.sign_up(&user, &organization, with).await? {
        SignUp::NotInvited => Err(Detail::SignUpRefused.into()),
        SignUp::EmailTaken => {
            // the owner of the address is told, and nobody else
            let notice = new_work(cx, WorkKind::AddressTaken, &user.email)?;
            store.queue(&notice, cx.now).await?;
            Err(Detail::SignUpRefused.into())
        }
        SignUp::Created => {
            let account = Account { user, organization };
            Ok(account_answer(&account).header("Set-Cookie", cx.set_cookie(&cookie)))
        }
    }
}

/// Asks the captcha's provider about an answer (outsend 6.3).
async fn check_captcha(cx: &RequestContext, checker: &Captcha, answer: Option<String>) -> Result<(), Problem> {
    let Some(answer) = answer else { return Err(Detail::Captcha.into()) };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let remote = encode(&cx.request.source_ip);
    let body =
        format!("secret={}&response={}&remoteip={remote}", encode(checker.secret.expose_secret()), encode(&answer));
    let media = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let sent = http_client::send("POST", checker.url.clone(), vec![media], body).await;
    let (_, answer) = sent.map_err(|cause| Problem::Crash(format!("captcha: {cause}")))?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if answer.get("success") == Some(&Value::Bool(true)) { Ok(()) } else { Err(Detail::Captcha.into()) }
}

/// `POST /api/auth/login`
#[must_use]
pub fn login(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(login_now(cx)))
}

/// The address that a body names, before anything of it is checked (outsend 5.2).
fn peeked_email(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let email = body.get("email").and_then(Value::as_str).unwrap_or_default();
    sha256_hex(email.trim().to_lowercase().as_bytes())
}

async fn login_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.same_site()?;
    let bucket = format!("outsend/login/{}/{}", cx.address(), peeked_email(&cx.request));
    cx.check_rate_limit(LOGIN, &bucket).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.trimmed("email", 1, Email::LONGEST);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let store = cx.context.store();
    // what is no address is looked up like one that nobody has
    let email = Email::from_stored(email.unwrap_or_default().to_lowercase());
    let account = store.account_by_email(&email).await?;
    let stored = account.as_ref().and_then(|account| account.user.password.clone());
    let right = password::check(password.unwrap_or_default(), stored).await?;
    let Some(account) = account.filter(|_| right) else { return Err(Detail::BadCredentials.into()) };
    if !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    let (session, cookie) = new_session(&account.user, cx.now)?;
    let audit = cx.record(Action::SignIn, &account.user, json!({"dialect": "outsend"}));
    store.sign_in(ChangeWith { session: Some(&session), audit: Some(&audit), ..ChangeWith::default() }).await?;
    Ok(account_answer(&account).header("Set-Cookie", cx.set_cookie(&cookie)))
}

/// `POST /api/auth/logout`
#[must_use]
pub fn logout(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(logout_now(cx)))
}

async fn logout_now(cx: &RequestContext) -> Result<Response, Problem> {
    let store = cx.context.store();
    let hash = cx.cookie().and_then(|value| authentication::session_hash(&value));
    let holder = match &hash {
        Some(hash) => store.principal(Credential::Session(hash), cx.now).await?,
        None => None,
    };
    match &holder {
        Some(Principal::Session(session, account)) => {
            cx.same_site()?;
            cx.check_rate_limit(tier(account.organization.plan), &format!("outsend/user/{}", account.user.id)).await?;
            object(&cx.request, false)?;
            let audit = cx.record(Action::SignOut, &account.user, json!({"dialect": "outsend"}));
            store.end_session(&session.hash, &audit).await?;
        }
        _ => {
            authentication::check_address_limit(cx).await?;
            object(&cx.request, false)?;
        }
    }
    Ok(json_answer(200, &json!({"ok": true})).header("Set-Cookie", cx.set_cookie("")))
}

/// `GET /api/auth/me`
#[must_use]
pub fn me(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(me_now(cx)))
}

async fn me_now(cx: &RequestContext) -> Result<Response, Problem> {
    let store = cx.context.store();
    let early = async {
        match super::authentication::known_user(cx) {
            Some(user) => store.requests_used(user, cx.now).await.map(|used| Some((user, used))),
            None => Ok(None),
        }
    };
    let (caller, early) = futures_util::future::join(cx.caller(Access::ANY), early).await;
    let account = caller?.account;
    let used = match early? {
        Some((user, used)) if user == account.user.id => used,
        _ => store.requests_used(account.user.id, cx.now).await?,
    };
    let (start, end) = month_of(cx.now).ok_or_else(|| Problem::Crash("no month".to_owned()))?;
    let quota = json!({
        "ef_used": super::jobs::ef(used),
        "ef_limit": store.quota(account.organization.plan).map(super::jobs::ef),
        "period_start": timestamp(start),
        "period_end": timestamp(end),
    });
    Ok(json_answer(200, &json!({"ok": true, "user": user_object(&account), "quota": quota})))
}

/// The UTC calendar month of `now`: its first instant and that of the next.
fn month_of(now: OffsetDateTime) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let start = now.date().replace_day(1).ok()?;
    let next = (start + time::Duration::days(32)).replace_day(1).ok()?;
    Some((start.midnight().assume_utc(), next.midnight().assume_utc()))
}

/// `POST /api/auth/password/change`
#[must_use]
pub fn change_password(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(change_password_now(cx)))
}

async fn change_password_now(cx: &RequestContext) -> Result<Response, Problem> {
    let access = Access::ACTIVE_SESSION;
    let mut account = cx.caller(access.under(PASSWORD_CHANGE)).await?.account;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let current = fields.text("current_password", 1, 128);
    let new = fields.new_password("new_password");
    if new.is_some() && new == current {
        fields.fault("new_password", Fault::Format);
    }
    fields.finish()?;
    let (current, new) = (current.unwrap_or_default(), new.unwrap_or_default());
    let hash = password::hash(new).await?;
    for _ in 0..MAX_ATTEMPTS {
        if !password::check(current.clone(), account.user.password.clone()).await? {
            return Err(Detail::WrongPassword.into());
        }
        let mut user = account.user.clone();
        user.password = Some(hash.clone());
        user.generation += 1;
        let (session, cookie) = new_session(&user, cx.now)?;
        let notice = new_work(cx, WorkKind::PasswordChanged, &user.email)?;
        let with = ChangeWith { session: Some(&session), work: Some((&notice, cx.now)), ..ChangeWith::default() };
        if cx.context.store().change_user(&user, with).await? {
            account.user = user;
            return Ok(account_answer(&account).header("Set-Cookie", cx.set_cookie(&cookie)));
        }
        let again = cx.context.store().account_by_email(&account.user.email).await?;
        account = again.ok_or(Detail::AuthRequired)?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `DELETE /api/auth/account`
#[must_use]
pub fn delete_account(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_account_now(cx)))
}

async fn delete_account_now(cx: &RequestContext) -> Result<Response, Problem> {
    let mut account = cx.caller(Access::SESSION).await?.account;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let password = password.unwrap_or_default();
    let store = cx.context.store();
    for _ in 0..MAX_ATTEMPTS {
        let user = &account.user;
        if !password::check(password.clone(), user.password.clone()).await? {
            return Err(Detail::WrongPassword.into());
        }
        let audit = cx.record(Action::ErasureCompleted, user, json!({"dialect": "outsend"}));
        if store.delete_account(user, &audit, cx.now).await? {
            // the work does it again if this does not come to its end
            if let Err(error) = store.erase_slice(user.id, user.organization, cx.now).await {
                tracing::warn!(cause = %error, "an account's removal is left to the work");
            }
            return Ok(json_answer(200, &json!({"ok": true})).header("Set-Cookie", cx.set_cookie("")));
        }
        account = store.account_by_email(&account.user.email).await?.ok_or(Detail::AuthRequired)?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// Work that concerns an address, due at once.
fn new_work(cx: &RequestContext, kind: WorkKind, email: &Email) -> Result<WorkItem, Problem> {
    Ok(WorkItem { id: ulid::generate(cx.now)?, kind, subject: email.as_str().to_owned(), attempt: 0 })
}

/// `POST /api/auth/password/reset-request`
#[must_use]
pub fn request_reset(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(request_reset_now(cx)))
}

async fn request_reset_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.check_rate_limit(RESET, &format!("outsend/reset/{}/{}", cx.address(), peeked_email(&cx.request))).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.parsed("email", Email::parse);
    fields.finish()?;
    if let Some(email) = email {
        // whether anybody has the address is found out when the mail is made, so every answer costs the same
        cx.context.store().queue(&new_work(cx, WorkKind::Reset, &email)?, cx.now).await?;
    }
    Ok(json_answer(200, &json!({"ok": true})))
}

/// The account of a one-time token, and the token.
async fn redeemable(cx: &RequestContext, plain: &str, kind: TokenKind) -> Result<(Account, Token), Problem> {
    let store = cx.context.store();
    let token = store.token(&sha256_hex(plain.as_bytes()), kind, cx.now).await?;
    let token = token.ok_or(Detail::TokenInvalid)?;
    let account = store.account_by_email(&token.email).await?;
    let account = account.filter(|account| account.user.id == token.user).ok_or(Detail::TokenInvalid)?;
    Ok((account, token))
}

/// Uses a token up for a change of its user; of two uses at a time one finds the token gone.
async fn redeem(
    cx: &RequestContext,
    plain: &str,
    (mut account, mut token): (Account, Token),
    change: impl Fn(&mut User),
) -> Result<(), Problem> {
    for _ in 0..MAX_ATTEMPTS {
        let mut user = account.user;
        change(&mut user);
        if cx.context.store().change_user(&user, ChangeWith { token: Some(&token), ..ChangeWith::default() }).await? {
            return Ok(());
        }
        (account, token) = redeemable(cx, plain, token.kind).await?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `POST /api/auth/password/reset`
#[must_use]
pub fn reset_password(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(reset_password_now(cx)))
}

async fn reset_password_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.check_rate_limit(TOKEN, &format!("outsend/token/{}", cx.address())).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128);
    let new = fields.new_password("new_password");
    fields.finish()?;
    let (token, new) = (token.unwrap_or_default(), new.unwrap_or_default());
    let found = redeemable(cx, &token, TokenKind::Reset).await?;
    let hash = password::hash(new).await?;
    redeem(cx, &token, found, |user| {
        user.password = Some(hash.clone());
        user.generation += 1;
        user.verified = true;
    })
    .await?;
    Ok(json_answer(200, &json!({"ok": true})))
}

/// `POST /api/auth/verify-email`
#[must_use]
pub fn verify_email(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(verify_email_now(cx)))
}

async fn verify_email_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.check_rate_limit(TOKEN, &format!("outsend/token/{}", cx.address())).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128);
    fields.finish()?;
    let token = token.unwrap_or_default();
    let found = redeemable(cx, &token, TokenKind::Verify).await?;
    redeem(cx, &token, found, |user| user.verified = true).await?;
    Ok(json_answer(200, &json!({"ok": true})))
}

/// `POST /api/auth/resend-verification`
#[must_use]
pub fn resend_verification(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(resend_verification_now(cx)))
}

async fn resend_verification_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(Access::ACTIVE.under(RESEND)).await?.account;
    object(&cx.request, false)?;
    if account.user.verified {
        return Err(Detail::AlreadyVerified.into());
    }
    let work = new_work(cx, WorkKind::Verify, &account.user.email)?;
    cx.context.store().queue(&work, cx.now).await?;
    Ok(json_answer(200, &json!({"ok": true})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months() {
        let at = |text: &str| OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap();
        let (start, end) = month_of(at("2026-12-31T23:59:59Z")).unwrap();
        assert_eq!((timestamp(start), timestamp(end)), ("2026-12-01T00:00:00Z".into(), "2027-01-01T00:00:00Z".into()));
        let (start, end) = month_of(at("2028-02-01T00:00:00Z")).unwrap();
        assert_eq!((timestamp(start), timestamp(end)), ("2028-02-01T00:00:00Z".into(), "2028-03-01T00:00:00Z".into()));
    }
}
