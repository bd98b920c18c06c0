//! The token and the revocation endpoint (openscouter 8.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::Duration;
use uuid::Uuid;

use super::{Form, audiences, authorize::is_verifier, refusal};
use crate::{
    api::{
        Answer, ApiRequest,
        openscouter::{
            call::{Call, answer},
            envelope::{Problem, json_answer},
        },
    },
    context::Context,
    model::{AccessToken, Account, Action, ClientId, Connection, ConnectionId, UserId},
    secret::{new_handle, read_handle, same},
    serve::BoxFuture,
    store::Exchange,
};

const ACCESS_SECONDS: i64 = 3_600;
const REFRESH_LENGTH: Duration = Duration::days(30);
/// Access tokens of a connection that work at a time; the oldest of more stop working.
const MOST_ACCESS: usize = 20;
/// Attempts of a change that somebody else's change got in the way of.
const MOST_ATTEMPTS: u32 = 5;

fn invalid_grant() -> Problem {
    refusal(400, "invalid_grant", "the grant is unknown, expired, used or another client's")
}

/// `POST /api/oauth/token`
#[must_use]
pub fn oauth_token(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            call.anonymous().await?;
            let form = Form::read(&call.request)?;
            match form.required("grant_type")? {
                "authorization_code" => exchange_code(call, &form).await,
                "refresh_token" => exchange_refresh(call, &form).await,
                _ => Err(refusal(400, "unsupported_grant_type", "authorization_code and refresh_token are supported")),
            }
        })
    })
}

/// The client that a form names.
async fn client(call: &Call, form: &Form) -> Result<ClientId, Problem> {
    let unknown = || refusal(401, "invalid_client", "there is no such client");
    let id = ClientId::from_wire(form.required("client_id")?).ok_or_else(unknown)?;
    call.context.store().oauth_client(id, call.now).await?.map(|client| client.id).ok_or_else(unknown)
}

/// The account behind a grant, unless it may not use it any more.
async fn holder(call: &Call, user: UserId) -> Result<Account, Problem> {
    let account = call.context.store().account(user).await?;
    account.filter(|account| account.user.active).ok_or_else(invalid_grant)
}

/// The connection that a token of this prefix names, and the token's hash.
fn named(prefix: &str, token: &str) -> Option<(ConnectionId, String)> {
    read_handle(prefix, token).map(|(id, hash)| (ConnectionId::from_uuid(Uuid::from_bytes(id)), hash))
}

async fn end(call: &Call, connection: &Connection, why: &str) -> Result<(), Problem> {
    let audit = call.record(Action::ConnectionRevoked, None, Some(connection.id.wire()), json!({"reason": why}));
    call.context.store().end_connection(connection, Some(&audit)).await?;
    Ok(())
}

/// Checks that a form's `resource`, if there is one, is what the grant is for.
fn check_resource(call: &Call, form: &Form, audience: &str) -> Result<(), Problem> {
    match form.optional("resource") {
        Some(resource) if resource != audience || !audiences(call).iter().any(|known| known == resource) => {
            Err(refusal(400, "invalid_target", "resource is not what was asked for"))
        }
        _ => Ok(()),
    }
}

async fn exchange_code(call: &Call, form: &Form) -> Result<Answer, Problem> {
    let code = form.required("code")?;
    let redirect_uri = form.required("redirect_uri")?;
    let client = client(call, form).await?;
    let verifier = form.required("code_verifier")?;
    let store = call.context.store();
    let (id, hash) = named("osac_", code).ok_or_else(invalid_grant)?;
    let code = store.oauth_code(id).await?.filter(|code| same(&code.hash, &hash) && code.client == client);
    let code = code.ok_or_else(invalid_grant)?;
    if code.used {
        if let Some(connection) = store.connection(id).await? {
            end(call, &connection, "code used twice").await?;
        }
        return Err(invalid_grant());
    }
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let proven = is_verifier(verifier) && same(&challenge, &code.challenge);
    if !proven || code.redirect_uri != redirect_uri || code.expires_at <= call.now {
        return Err(invalid_grant());
    }
    check_resource(call, form, &code.audience)?;
    let account = holder(call, code.user).await?;
    let (access, access_hash) = new_handle("osat_", id.as_bytes())?;
    let (refresh, refresh_hash) = new_handle("osrt_", id.as_bytes())?;
    let connection = Connection {
        id,
        user: code.user,
        organization: code.organization,
        client,
        client_name: code.client_name.clone(),
        draft: code.draft,
        audience: code.audience.clone(),
        access: vec![AccessToken {
            hash: access_hash,
            end: call.now.unix_timestamp() + ACCESS_SECONDS,
            draft: code.draft,
        }],
        refresh: refresh_hash,
        refresh_expires_at: call.now + REFRESH_LENGTH,
        created_at: call.now,
        last_used_at: None,
        version: 1,
    };
    let detail = json!({"scope": Connection::scope(code.draft), "audience": code.audience});
    let audit = call.record(Action::ConnectionCreated, Some(&account.user), Some(id.wire()), detail);
    match store.connect_client(&code, &connection, &audit).await? {
        Exchange::Done => Ok(tokens(&access, &refresh, code.draft)),
        Exchange::Used => {
            if let Some(connection) = store.connection(id).await? {
                end(call, &connection, "code used twice").await?;
            }
            Err(invalid_grant())
        }
    }
}

fn tokens(access: &str, refresh: &str, draft: bool) -> Answer {
    json_answer(
        200,
        &json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": refresh,
            "scope": Connection::scope(draft),
        }),
    )
    .header("Cache-Control", "no-store")
}

async fn exchange_refresh(call: &Call, form: &Form) -> Result<Answer, Problem> {
    let token = form.required("refresh_token")?;
    let client = client(call, form).await?;
    let store = call.context.store();
    let (id, hash) = named("osrt_", token).ok_or_else(invalid_grant)?;
    for _ in 0..MOST_ATTEMPTS {
        let connection = store.connection(id).await?.filter(|connection| connection.client == client);
        let mut connection = connection.ok_or_else(invalid_grant)?;
        if !same(&connection.refresh, &hash) {
            end(call, &connection, "refresh token used twice").await?;
            return Err(invalid_grant());
        }
        if connection.refresh_expires_at <= call.now {
            return Err(invalid_grant());
        }
        holder(call, connection.user).await?;
        check_resource(call, form, &connection.audience)?;
        let draft = match form.optional("scope") {
            None => connection.draft,
            Some("read") => false,
            Some("read draft" | "draft read") if connection.draft => true,
            Some(_) => return Err(refusal(400, "invalid_scope", "the scope may only be narrowed")),
        };
        let now = call.now.unix_timestamp();
        let (access, access_hash) = new_handle("osat_", id.as_bytes())?;
        let (refresh, refresh_hash) = new_handle("osrt_", id.as_bytes())?;
        connection.access.retain(|access| now < access.end);
        let surplus = (connection.access.len() + 1).saturating_sub(MOST_ACCESS);
        connection.access.drain(..surplus);
        connection.access.push(AccessToken { hash: access_hash, end: now + ACCESS_SECONDS, draft });
        connection.refresh = refresh_hash;
        connection.refresh_expires_at = call.now + REFRESH_LENGTH;
        if store.rotate_connection(&connection).await? == Exchange::Done {
            return Ok(tokens(&access, &refresh, draft));
        }
    }
    Err(Problem::Crash("the connection kept changing".to_owned()))
}

/// `POST /api/oauth/revoke`
#[must_use]
pub fn oauth_revoke(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            call.anonymous().await?;
            let form = Form::read(&call.request)?;
            let token = form.required("token")?;
            let client = client(call, &form).await?;
            if let Some((id, hash)) = named("osat_", token).or_else(|| named("osrt_", token))
                && let Some(connection) = call.context.store().connection(id).await?
                && connection.client == client
                && (same(&connection.refresh, &hash) || connection.access.iter().any(|known| same(&known.hash, &hash)))
            {
                end(call, &connection, "revoked by the client").await?;
            }
            Ok(Answer::empty(200))
        })
    })
}
