//! Sign-up, log-in, log-out, the own account, change of password (outsend 6.2).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    auth::{self, Gates},
    call::{Call, SESSION_LENGTH, answer},
    envelope::{Problem, json_answer},
    fields::{Fields, object},
    limits::{LOGIN, PASSWORD_CHANGE, RESEND, RESET, SIGN_UP, TOKEN, tier},
    text::{Detail, Fault},
};
use crate::{
    api::{Answer, ApiRequest},
    context::{Captcha, Context},
    http_client,
    model::{
        Account, Action, Email, Locale, Organization, OrganizationId, Plan, Role, Session, TokenKind, User, UserId,
        Work, WorkKind,
    },
    password,
    secret::{new_token, sha256_hex},
    serve::BoxFuture,
    store::{ChangeWith, Credential, Holder, SignUp, Token},
    ulid,
};

const SECONDS: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// Most characters of a captcha's answer.
const MOST_CAPTCHA: usize = 8_192;
/// Attempts of a change that somebody else's change got in the way of.
const MOST_ATTEMPTS: u32 = 5;

/// A time on the wire (outsend 2.2).
pub(super) fn timestamp(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC).format(SECONDS).unwrap_or_default()
}

pub(super) fn user_object(account: &Account) -> Value {
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

fn account_answer(account: &Account) -> Answer {
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
pub fn sign_up(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(sign_up_now(call)))
}

async fn sign_up_now(call: &Call) -> Result<Answer, Problem> {
    call.same_site()?;
    call.charge(SIGN_UP, &format!("outsend/signup/{}", call.address())).await?;
    let mut fields = Fields::new(object(&call.request, true)?);
    let email = fields.parsed("email", Email::parse);
    let password = fields.new_password("password");
    let settings = call.context.settings();
    let invitation = if settings.outsend_invite_only { fields.trimmed("invitation_code", 1, 64) } else { None };
    fields.accepted("accept_responsibility");
    let captcha = match &settings.outsend_captcha {
        Some(_) => fields.optional_trimmed("hcaptcha_token", 0, MOST_CAPTCHA),
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
    if let Some(checker) = &settings.outsend_captcha {
        check_captcha(call, checker, captcha.filter(|answer| !answer.is_empty())).await?;
    }
    let invitation = invitation.map(|code| sha256_hex(code.as_bytes()));
    let hash = password::hash(password).await?;
    let name = name.unwrap_or_else(|| email.local_part().to_owned());
    let store = call.context.store();
    let organization = Organization {
        id: OrganizationId::at(call.now),
        name: name.clone(),
        plan: Plan::Free,
        billing_exempt: call.context.settings().billing_exempt,
        created_at: call.now,
    };
    let number = store.next_user_number().await?;
    let mut user = User::new((UserId::at(call.now), number), email, name, Role::Business, organization.id, call.now);
    user.password = Some(hash);
    user.locale = locale.unwrap_or(call.language);
    let (session, cookie) = new_session(&user, call.now)?;
    let welcome = new_work(call, WorkKind::Welcome, &user.email)?;
    let audit = call.record(Action::SignIn, &user, json!({"dialect": "outsend"}));
    let with = ChangeWith {
        session: Some(&session),
        work: Some((&welcome, call.now)),
        audit: Some(&audit),
        invitation: invitation.as_deref(),
        ..ChangeWith::default()
    };
    match store.sign_up(&user, &organization, with).await? {
        SignUp::NotInvited => Err(Detail::SignUpRefused.into()),
        SignUp::EmailTaken => {
            // the owner of the address is told, and nobody else
            let notice = new_work(call, WorkKind::AddressTaken, &user.email)?;
            store.queue(&notice, call.now).await?;
            Err(Detail::SignUpRefused.into())
        }
        SignUp::Created => {
            let account = Account { user, organization };
            Ok(account_answer(&account).header("Set-Cookie", call.set_cookie(&cookie)))
        }
    }
}

/// Asks the captcha's provider about an answer (outsend 6.3).
async fn check_captcha(call: &Call, checker: &Captcha, answer: Option<String>) -> Result<(), Problem> {
    let Some(answer) = answer else { return Err(Detail::Captcha.into()) };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let remote = encode(&call.request.source_ip);
    let body = format!("secret={}&response={}&remoteip={remote}", encode(&checker.secret), encode(&answer));
    let media = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let sent = http_client::send("POST", checker.url.clone(), vec![media], body).await;
    let (_, answer) = sent.map_err(|cause| Problem::Crash(format!("captcha: {cause}")))?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if answer.get("success") == Some(&Value::Bool(true)) { Ok(()) } else { Err(Detail::Captcha.into()) }
}

/// `POST /api/auth/login`
#[must_use]
pub fn login(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(login_now(call)))
}

/// The address that a body names, before anything of it is checked (outsend 5.2).
fn peeked_email(request: &ApiRequest) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let email = body.get("email").and_then(Value::as_str).unwrap_or_default();
    sha256_hex(email.trim().to_lowercase().as_bytes())
}

async fn login_now(call: &Call) -> Result<Answer, Problem> {
    call.same_site()?;
    let bucket = format!("outsend/login/{}/{}", call.address(), peeked_email(&call.request));
    call.charge(LOGIN, &bucket).await?;
    let mut fields = Fields::new(object(&call.request, true)?);
    let email = fields.trimmed("email", 1, Email::LONGEST);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let store = call.context.store();
    // what is no address is looked up like one that nobody has
    let email = Email::from_stored(email.unwrap_or_default().to_lowercase());
    let account = store.account_by_email(&email).await?;
    let stored = account.as_ref().and_then(|account| account.user.password.clone());
    let right = password::check(password.unwrap_or_default(), stored).await?;
    let Some(account) = account.filter(|_| right) else { return Err(Detail::BadCredentials.into()) };
    if !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    let (session, cookie) = new_session(&account.user, call.now)?;
    let audit = call.record(Action::SignIn, &account.user, json!({"dialect": "outsend"}));
    store.sign_in(ChangeWith { session: Some(&session), audit: Some(&audit), ..ChangeWith::default() }).await?;
    Ok(account_answer(&account).header("Set-Cookie", call.set_cookie(&cookie)))
}

/// `POST /api/auth/logout`
#[must_use]
pub fn logout(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(logout_now(call)))
}

async fn logout_now(call: &Call) -> Result<Answer, Problem> {
    let store = call.context.store();
    let hash = call.cookie().and_then(|value| auth::session_hash(&value));
    let holder = match &hash {
        Some(hash) => store.holder(Credential::Session(hash), call.now).await?,
        None => None,
    };
    match &holder {
        Some(Holder::Session(session, account)) => {
            call.same_site()?;
            call.charge(tier(account.organization.plan), &format!("outsend/user/{}", account.user.id)).await?;
            object(&call.request, false)?;
            let audit = call.record(Action::SignOut, &account.user, json!({"dialect": "outsend"}));
            store.end_session(&session.hash, &audit).await?;
        }
        _ => {
            auth::charge_address(call).await?;
            object(&call.request, false)?;
        }
    }
    Ok(json_answer(200, &json!({"ok": true})).header("Set-Cookie", call.set_cookie("")))
}

/// `GET /api/auth/me`
#[must_use]
pub fn me(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(me_now(call)))
}

async fn me_now(call: &Call) -> Result<Answer, Problem> {
    let store = call.context.store();
    let early = async {
        match super::auth::known_user(call) {
            Some(user) => store.requests_used(user, call.now).await.map(|used| Some((user, used))),
            None => Ok(None),
        }
    };
    let (caller, early) = futures_util::future::join(call.caller(Gates::default(), None), early).await;
    let account = caller?.account;
    let used = match early? {
        Some((user, used)) if user == account.user.id => used,
        _ => store.requests_used(account.user.id, call.now).await?,
    };
    let (start, end) = month_of(call.now).ok_or_else(|| Problem::Crash("no month".to_owned()))?;
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
pub fn change_password(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(change_password_now(call)))
}

async fn change_password_now(call: &Call) -> Result<Answer, Problem> {
    let gates = Gates { session_only: true, active: true, ..Gates::default() };
    let mut account = call.caller(gates, Some(PASSWORD_CHANGE)).await?.account;
    let mut fields = Fields::new(object(&call.request, true)?);
    let current = fields.text("current_password", 1, 128);
    let new = fields.new_password("new_password");
    if new.is_some() && new == current {
        fields.fault("new_password", Fault::Format);
    }
    fields.finish()?;
    let (current, new) = (current.unwrap_or_default(), new.unwrap_or_default());
    let hash = password::hash(new).await?;
    for _ in 0..MOST_ATTEMPTS {
        if !password::check(current.clone(), account.user.password.clone()).await? {
            return Err(Detail::WrongPassword.into());
        }
        let mut user = account.user.clone();
        user.password = Some(hash.clone());
        user.generation += 1;
        let (session, cookie) = new_session(&user, call.now)?;
        let notice = new_work(call, WorkKind::PasswordChanged, &user.email)?;
        let with = ChangeWith { session: Some(&session), work: Some((&notice, call.now)), ..ChangeWith::default() };
        if call.context.store().change_user(&user, with).await? {
            account.user = user;
            return Ok(account_answer(&account).header("Set-Cookie", call.set_cookie(&cookie)));
        }
        let again = call.context.store().account_by_email(&account.user.email).await?;
        account = again.ok_or(Detail::AuthRequired)?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `DELETE /api/auth/account`
#[must_use]
pub fn delete_account(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(delete_account_now(call)))
}

async fn delete_account_now(call: &Call) -> Result<Answer, Problem> {
    let mut account = call.caller(Gates { session_only: true, ..Gates::default() }, None).await?.account;
    let mut fields = Fields::new(object(&call.request, true)?);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let password = password.unwrap_or_default();
    let store = call.context.store();
    for _ in 0..MOST_ATTEMPTS {
        let user = &account.user;
        if !password::check(password.clone(), user.password.clone()).await? {
            return Err(Detail::WrongPassword.into());
        }
        let audit = call.record(Action::ErasureCompleted, user, json!({"dialect": "outsend"}));
        if store.delete_account(user, &audit, call.now).await? {
            // the work does it again if this does not come to its end
            if let Err(error) = store.erase_slice(user.id, user.organization, call.now).await {
                tracing::warn!(cause = %error, "an account's removal is left to the work");
            }
            return Ok(json_answer(200, &json!({"ok": true})).header("Set-Cookie", call.set_cookie("")));
        }
        account = store.account_by_email(&account.user.email).await?.ok_or(Detail::AuthRequired)?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// Work that concerns an address, due at once.
fn new_work(call: &Call, kind: WorkKind, email: &Email) -> Result<Work, Problem> {
    Ok(Work { id: ulid::generate(call.now)?, kind, subject: email.as_str().to_owned(), attempt: 0 })
}

/// `POST /api/auth/password/reset-request`
#[must_use]
pub fn request_reset(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(request_reset_now(call)))
}

async fn request_reset_now(call: &Call) -> Result<Answer, Problem> {
    call.charge(RESET, &format!("outsend/reset/{}/{}", call.address(), peeked_email(&call.request))).await?;
    let mut fields = Fields::new(object(&call.request, true)?);
    let email = fields.parsed("email", Email::parse);
    fields.finish()?;
    if let Some(email) = email {
        // whether anybody has the address is found out when the mail is made, so every answer costs the same
        call.context.store().queue(&new_work(call, WorkKind::Reset, &email)?, call.now).await?;
    }
    Ok(json_answer(200, &json!({"ok": true})))
}

/// The account of a one-time token, and the token.
async fn redeemable(call: &Call, plain: &str, kind: TokenKind) -> Result<(Account, Token), Problem> {
    let store = call.context.store();
    let token = store.token(&sha256_hex(plain.as_bytes()), kind, call.now).await?;
    let token = token.ok_or(Detail::TokenInvalid)?;
    let account = store.account_by_email(&token.email).await?;
    let account = account.filter(|account| account.user.id == token.user).ok_or(Detail::TokenInvalid)?;
    Ok((account, token))
}

/// Uses a token up for a change of its user; of two uses at a time one finds the token gone.
async fn redeem(
    call: &Call,
    plain: &str,
    (mut account, mut token): (Account, Token),
    change: impl Fn(&mut User),
) -> Result<(), Problem> {
    for _ in 0..MOST_ATTEMPTS {
        let mut user = account.user;
        change(&mut user);
        if call.context.store().change_user(&user, ChangeWith { token: Some(&token), ..ChangeWith::default() }).await? {
            return Ok(());
        }
        (account, token) = redeemable(call, plain, token.kind).await?;
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// `POST /api/auth/password/reset`
#[must_use]
pub fn reset_password(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(reset_password_now(call)))
}

async fn reset_password_now(call: &Call) -> Result<Answer, Problem> {
    call.charge(TOKEN, &format!("outsend/token/{}", call.address())).await?;
    let mut fields = Fields::new(object(&call.request, true)?);
    let token = fields.text("token", 1, 128);
    let new = fields.new_password("new_password");
    fields.finish()?;
    let (token, new) = (token.unwrap_or_default(), new.unwrap_or_default());
    let found = redeemable(call, &token, TokenKind::Reset).await?;
    let hash = password::hash(new).await?;
    redeem(call, &token, found, |user| {
        user.password = Some(hash.clone());
        user.generation += 1;
        user.verified = true;
    })
    .await?;
    Ok(json_answer(200, &json!({"ok": true})))
}

/// `POST /api/auth/verify-email`
#[must_use]
pub fn verify_email(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(verify_email_now(call)))
}

async fn verify_email_now(call: &Call) -> Result<Answer, Problem> {
    call.charge(TOKEN, &format!("outsend/token/{}", call.address())).await?;
    let mut fields = Fields::new(object(&call.request, true)?);
    let token = fields.text("token", 1, 128);
    fields.finish()?;
    let token = token.unwrap_or_default();
    let found = redeemable(call, &token, TokenKind::Verify).await?;
    redeem(call, &token, found, |user| user.verified = true).await?;
    Ok(json_answer(200, &json!({"ok": true})))
}

/// `POST /api/auth/resend-verification`
#[must_use]
pub fn resend_verification(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(resend_verification_now(call)))
}

async fn resend_verification_now(call: &Call) -> Result<Answer, Problem> {
    let account = call.caller(Gates { active: true, ..Gates::default() }, Some(RESEND)).await?.account;
    object(&call.request, false)?;
    if account.user.verified {
        return Err(Detail::AlreadyVerified.into());
    }
    let work = new_work(call, WorkKind::Verify, &account.user.email)?;
    call.context.store().queue(&work, call.now).await?;
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
