//! The token and the revocation endpoint (openscouter 8.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::Duration;
use uuid::Uuid;

use super::{Form, audiences, is_verifier, refusal};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{AccessToken, Account, Action, ClientId, Connection, ConnectionId, UserId},
    openscouter::{
        endpoint::answer,
        envelope::{Problem, json_answer},
        request_context::RequestContext,
    },
    secret::{constant_time_eq, new_handle, read_handle},
    store::Exchange,
};

const ACCESS_SECONDS: i64 = 3_600;
const REFRESH_LENGTH: Duration = Duration::days(30);
/// Access tokens of a connection that work at a time; the oldest of more stop working.
const MAX_ACCESS: usize = 20;

fn invalid_grant() -> Problem {
    refusal(400, "invalid_grant", "the grant is unknown, expired, used or another client's")
}

/// `POST /api/oauth/token`
#[must_use]
pub fn oauth_token(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.anonymous().await?;
            let form = Form::read(&cx.request)?;
            match form.required("grant_type")? {
                "authorization_code" => exchange_code(cx, &form).await,
                "refresh_token" => exchange_refresh(cx, &form).await,
                _ => Err(refusal(400, "unsupported_grant_type", "authorization_code and refresh_token are supported")),
            }
        })
    })
}

/// The client that a form names.
async fn client(cx: &RequestContext, form: &Form) -> Result<ClientId, Problem> {
    let unknown = || refusal(401, "invalid_client", "there is no such client");
    let id = ClientId::from_wire(form.required("client_id")?).ok_or_else(unknown)?;
    cx.context.store().oauth_client(id, cx.now).await?.map(|client| client.id).ok_or_else(unknown)
}

/// The account behind a grant, unless it may not use it any more.
async fn holder(cx: &RequestContext, user: UserId) -> Result<Account, Problem> {
    let account = cx.context.store().account(user).await?;
    account.filter(|account| account.user.active).ok_or_else(invalid_grant)
}

/// The connection that a token of this prefix names, and the token's hash.
fn named(prefix: &str, token: &str) -> Option<(ConnectionId, String)> {
    read_handle(prefix, token).map(|(id, hash)| (ConnectionId::from_uuid(Uuid::from_bytes(id)), hash))
}

async fn end(cx: &RequestContext, connection: &Connection, why: &str) -> Result<(), Problem> {
    let audit = cx.record(Action::ConnectionRevoked, None, Some(connection.id.wire()), json!({"reason": why}));
    cx.context.store().end_connection(connection, Some(&audit)).await?;
    Ok(())
}

/// Checks that a form's `resource`, if there is one, is what the grant is for.
fn check_resource(cx: &RequestContext, form: &Form, audience: &str) -> Result<(), Problem> {
    match form.optional("resource") {
        Some(resource) if resource != audience || !audiences(cx).iter().any(|known| known == resource) => {
            Err(refusal(400, "invalid_target", "resource is not what was asked for"))
        }
        _ => Ok(()),
    }
}

async fn exchange_code(cx: &RequestContext, form: &Form) -> Result<Response, Problem> {
    let code = form.required("code")?;
    let redirect_uri = form.required("redirect_uri")?;
    let client = client(cx, form).await?;
    let verifier = form.required("code_verifier")?;
    let store = cx.context.store();
    let (id, hash) = named("osac_", code).ok_or_else(invalid_grant)?;
    let code = store.oauth_code(id).await?.filter(|code| constant_time_eq(&code.hash, &hash) && code.client == client);
    let code = code.ok_or_else(invalid_grant)?;
    if code.used {
        if let Some(connection) = store.connection(id).await? {
            end(cx, &connection, "code used twice").await?;
        }
        return Err(invalid_grant());
    }
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let proven = is_verifier(verifier) && constant_time_eq(&challenge, &code.challenge);
    if !proven || code.redirect_uri != redirect_uri || code.expires_at <= cx.now {
        return Err(invalid_grant());
    }
    check_resource(cx, form, &code.audience)?;
    let account = holder(cx, code.user).await?;
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
            end: cx.now.unix_timestamp() + ACCESS_SECONDS,
            draft: code.draft,
        }],
        refresh: refresh_hash,
        refresh_expires_at: cx.now + REFRESH_LENGTH,
        created_at: cx.now,
        last_used_at: None,
        version: 1,
    };
    let detail = json!({"scope": Connection::scope(code.draft), "audience": code.audience});
    let audit = cx.record(Action::ConnectionCreated, Some(&account.user), Some(id.wire()), detail);
    match store.connect_client(&code, &connection, &audit).await? {
        Exchange::Done => Ok(tokens(&access, &refresh, code.draft)),
        Exchange::Used => {
            if let Some(connection) = store.connection(id).await? {
                end(cx, &connection, "code used twice").await?;
            }
            Err(invalid_grant())
        }
    }
}

fn tokens(access: &str, refresh: &str, draft: bool) -> Response {
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

async fn exchange_refresh(cx: &RequestContext, form: &Form) -> Result<Response, Problem> {
    let token = form.required("refresh_token")?;
    let client = client(cx, form).await?;
    let (id, hash) = named("osrt_", token).ok_or_else(invalid_grant)?;
    let rule = |connection: Connection| {
        let of_client = (connection.client == client).then_some(connection);
        rotate(cx, form, &hash, of_client)
    };
    let rotated = cx.context.store().update_connection(id, &|connection| Box::pin(rule(connection))).await;
    rotated.map_err(|error| error.or_missing(invalid_grant))
}

/// A connection with the next tokens, and the answer with them.
async fn rotate(
    cx: &RequestContext,
    form: &Form,
    hash: &str,
    connection: Option<Connection>,
) -> Result<(Connection, Response), Problem> {
    let mut connection = connection.ok_or_else(invalid_grant)?;
    if !constant_time_eq(&connection.refresh, hash) {
        end(cx, &connection, "refresh token used twice").await?;
        return Err(invalid_grant());
    }
    if connection.refresh_expires_at <= cx.now {
        return Err(invalid_grant());
    }
    holder(cx, connection.user).await?;
    check_resource(cx, form, &connection.audience)?;
    let draft = match form.optional("scope") {
        None => connection.draft,
        Some("read") => false,
        Some("read draft" | "draft read") if connection.draft => true,
        Some(_) => return Err(refusal(400, "invalid_scope", "the scope may only be narrowed")),
    };
    let now = cx.now.unix_timestamp();
    let (access, access_hash) = new_handle("osat_", connection.id.as_bytes())?;
    let (refresh, refresh_hash) = new_handle("osrt_", connection.id.as_bytes())?;
    connection.access.retain(|access| now < access.end);
    let surplus = (connection.access.len() + 1).saturating_sub(MAX_ACCESS);
    connection.access.drain(..surplus);
    connection.access.push(AccessToken { hash: access_hash, end: now + ACCESS_SECONDS, draft });
    connection.refresh = refresh_hash;
    connection.refresh_expires_at = cx.now + REFRESH_LENGTH;
    Ok((connection, tokens(&access, &refresh, draft)))
}

/// `POST /api/oauth/revoke`
#[must_use]
pub fn oauth_revoke(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.anonymous().await?;
            let form = Form::read(&cx.request)?;
            let token = form.required("token")?;
            let client = client(cx, &form).await?;
            if let Some((id, hash)) = named("osat_", token).or_else(|| named("osrt_", token))
                && let Some(connection) = cx.context.store().connection(id).await?
                && connection.client == client
                && (constant_time_eq(&connection.refresh, &hash)
                    || connection.access.iter().any(|known| constant_time_eq(&known.hash, &hash)))
            {
                end(cx, &connection, "revoked by the client").await?;
            }
            Ok(Response::empty(200))
        })
    })
}
