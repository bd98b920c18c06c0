//! A new connection for an authorization code.

use serde_json::json;

use shared::{
    http::Response,
    model::{AccessToken, Action, Connection, ConnectionId, OAuthCode, RefreshTokens, User},
    openscouter::{
        envelope::Problem,
        oauth::{Form, challenge, client, end_connection, is_verifier, read_token},
        request_context::RequestContext,
    },
    secret::{HandleKey, constant_time_eq, new_handle},
    store::Exchange,
};

use crate::grant::{ACCESS_SECONDS, REFRESH_LENGTH, REFRESH_PREFIX, check_resource, holder, invalid_grant, tokens};

pub(crate) async fn exchange(cx: &RequestContext, form: &Form) -> Result<Response, Problem> {
    let code = form.required("code")?;
    let redirect_uri = form.required("redirect_uri")?;
    let client = client(cx, form).await?;
    let verifier = form.required("code_verifier")?;
    let store = cx.context.store();
    let (id, hash) = read_token("osac_", code).ok_or_else(invalid_grant)?;
    let code = store.oauth_code(id).await?.filter(|code| constant_time_eq(&code.hash, &hash) && code.client == client);
    let code = code.ok_or_else(invalid_grant)?;
    if code.used {
        return Err(used_twice(cx, id).await?);
    }
    let proven = is_verifier(verifier) && constant_time_eq(&challenge(verifier), &code.challenge);
    if !proven || code.redirect_uri != redirect_uri || code.expires_at <= cx.now {
        return Err(invalid_grant());
    }
    check_resource(cx, form, &code.audience)?;
    let account = holder(cx, code.user).await?;
    if account.user.generation != code.generation {
        return Err(invalid_grant());
    }
    let (access, access_hash) = new_handle("osat_", id.as_bytes())?;
    let mark = HandleKey::generate()?;
    let (refresh, refresh_hash) = mark.new_handle(REFRESH_PREFIX, id.as_bytes())?;
    let connection = new_connection(cx, (&code, &account.user), access_hash, (refresh_hash, mark));
    let detail = json!({"scope": Connection::scope(code.draft), "audience": code.audience});
    let audit = cx.record(Action::ConnectionCreated, Some(&account.user), Some(id.wire()), detail);
    match store.connect_client(&code, &connection, &audit).await? {
        Exchange::Done => Ok(tokens(&access, &refresh, code.draft)),
        Exchange::Used => Err(used_twice(cx, id).await?),
    }
}

/// Ends the connection of a code that was used before (openscouter 8.1).
async fn used_twice(cx: &RequestContext, id: ConnectionId) -> Result<Problem, Problem> {
    if let Some(connection) = cx.context.store().connection(id).await? {
        end_connection(cx, &connection, "code used twice").await?;
    }
    Ok(invalid_grant())
}

fn new_connection(
    cx: &RequestContext,
    (code, user): (&OAuthCode, &User),
    access: String,
    (refresh, mark): (String, HandleKey),
) -> Connection {
    Connection {
        id: code.connection,
        user: code.user,
        organization: code.organization,
        client: code.client,
        client_name: code.client_name.clone(),
        draft: code.draft,
        audience: code.audience.clone(),
        access: vec![AccessToken { hash: access, end: cx.now.unix_timestamp() + ACCESS_SECONDS, draft: code.draft }],
        refresh: RefreshTokens::first(refresh),
        mark: Some(mark),
        generation: user.credential_generation,
        refresh_expires_at: cx.now + REFRESH_LENGTH,
        created_at: cx.now,
        last_used_at: None,
        version: 1,
    }
}
