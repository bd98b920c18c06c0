//! The next tokens of a connection for its refresh token.

use shared::{
    http::Response,
    model::{AccessToken, ClientId, Connection, Presented},
    openscouter::{
        envelope::Problem,
        oauth::{Form, client, end_connection, read_token, refusal, scopes},
        request_context::RequestContext,
    },
    secret::{HandleKey, new_handle},
};

use crate::grant::{ACCESS_SECONDS, REFRESH_LENGTH, REFRESH_PREFIX, check_resource, holder, invalid_grant, tokens};

/// Access tokens of a connection that work at a time; the oldest of more stop working.
const MAX_ACCESS: usize = 20;

pub(crate) async fn exchange(cx: &RequestContext, form: &Form) -> Result<Response, Problem> {
    let token = form.required("refresh_token")?;
    let client = client(cx, form).await?;
    let (id, hash) = read_token(REFRESH_PREFIX, token).ok_or_else(invalid_grant)?;
    let rule = |connection| rotate(cx, form, (client, token, &hash), connection);
    let rotated = cx.context.store().update_connection(id, &|connection| Box::pin(rule(connection))).await;
    rotated.map_err(|error| error.or_missing(invalid_grant))
}

/// The connection with its next tokens, and the answer with them.
async fn rotate(
    cx: &RequestContext,
    form: &Form,
    (client, token, hash): (ClientId, &str, &str),
    mut connection: Connection,
) -> Result<(Connection, Response), Problem> {
    if connection.client != client {
        return Err(invalid_grant());
    }
    let grace = cx.context.settings().openscouter.refresh_grace;
    let presented = connection.refresh.presented(hash, cx.now, grace);
    // anybody can make one up that names the connection
    let issued = || connection.mark.as_ref().is_some_and(|mark| mark.made(REFRESH_PREFIX, token));
    if presented == Presented::Exhausted || (presented == Presented::Other && !issued()) {
        return Err(invalid_grant());
    }
    if presented == Presented::Other {
        end_connection(cx, &connection, "refresh token used twice").await?;
        return Err(invalid_grant());
    }
    if connection.refresh_expires_at <= cx.now {
        return Err(invalid_grant());
    }
    if !connection.lives_for(&holder(cx, connection.user).await?.user) {
        return Err(invalid_grant());
    }
    check_resource(cx, form, &connection.audience)?;
    let draft = match &*scopes(form.optional("scope")) {
        [] => connection.draft,
        ["read"] => false,
        ["read", "draft"] | ["draft", "read"] if connection.draft => true,
        _ => return Err(refusal(400, "invalid_scope", "the scope may only be narrowed")),
    };
    let now = cx.now.unix_timestamp();
    let (access, access_hash) = new_handle("osat_", connection.id.as_bytes())?;
    let mark = match connection.mark.take() {
        Some(mark) => mark,
        None => HandleKey::generate()?,
    };
    let (refresh, refresh_hash) = mark.new_handle(REFRESH_PREFIX, connection.id.as_bytes())?;
    connection.mark = Some(mark);
    connection.access.retain(|access| now < access.end);
    let surplus = (connection.access.len() + 1).saturating_sub(MAX_ACCESS);
    connection.access.drain(..surplus);
    connection.access.push(AccessToken { hash: access_hash, end: now + ACCESS_SECONDS, draft });
    connection.refresh.issue(hash, refresh_hash, cx.now);
    connection.refresh_expires_at = cx.now + REFRESH_LENGTH;
    Ok((connection, tokens(&access, &refresh, draft)))
}
