//! API tokens (openscouter 3.4, 8).

use serde_json::{Value, json};

use super::{
    access::OWNERS,
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::{Fields, as_text},
    format::timestamp,
    paging::Paging,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, ApiToken, Role, TokenId, TokenScopes},
    secret::new_handle,
    store::KeyCreation,
};

/// Most live tokens of an organization.
const CAP: usize = 50;

/// A token on the wire; `plain` only in the answer that made it.
pub fn token_object(token: &ApiToken, plain: Option<&str>) -> Value {
    let mut object = json!({
        "tokenId": token.id.wire(),
        "name": token.name,
        "scopes": token.scopes.names(),
    });
    if let Some(plain) = plain {
        object["token"] = json!(plain);
    }
    object["lastFour"] = json!(token.last_four);
    object["createdAt"] = json!(timestamp(token.created_at));
    object["expiresAt"] = optional_time(token.expires_at);
    object["lastUsedAt"] = optional_time(token.last_used_at);
    object
}

/// `POST /api/tokens`
#[must_use]
pub fn create_token(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNERS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &["token"], async {
        let name = fields.text("name", 1, 80)?;
        let scopes = read_scopes(&fields)?;
        let expires_at = fields.optional_future("expiresAt", cx.now)?;
        let user = &caller.account.user;
        if scopes.admin && user.role != Role::Admin {
            return Err(Problem::forbidden("Missing scope: admin"));
        }
        let id = TokenId::at(cx.now);
        let (plain, hash) = new_handle("osc_", id.as_bytes())?;
        let token = ApiToken {
            id,
            hash,
            last_four: plain.chars().skip(plain.len().saturating_sub(4)).collect(),
            name,
            scopes,
            creator: user.id,
            organization: user.organization,
            created_at: cx.now,
            expires_at,
            last_used_at: None,
        };
        let detail = json!({"scopes": token.scopes.names()});
        let audit = cx.record(Action::TokenIssued, Some(user), Some(id.wire()), detail);
        match cx.context.store().create_token(&token, CAP, &audit).await? {
            KeyCreation::CapReached => Err(Problem::invalid("name", "organization already has 50 tokens")),
            KeyCreation::Created => Ok(success(201, &token_object(&token, Some(&plain)))),
        }
    })
    .await
}

fn read_scopes(fields: &Fields) -> Result<TokenScopes, Problem> {
    let mut scopes = TokenScopes::default();
    for (position, value) in fields.array("scopes", 1, 3)?.iter().enumerate() {
        let field = format!("scopes[{position}]");
        let before = scopes;
        if !scopes.add(as_text(&field, value)?.trim()) {
            return Err(Problem::invalid(&field, "must be one of: read, write, admin"));
        }
        if scopes == before {
            return Err(Problem::invalid("scopes", "must not contain duplicates"));
        }
    }
    Ok(scopes)
}

/// `GET /api/tokens`
#[must_use]
pub fn list_tokens(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(OWNERS).await?;
            let paging = Paging::read(&cx.request.query)?;
            let store = cx.context.store();
            let page = store.tokens_page(caller.sees(), paging.offset(), paging.limit, cx.now).await?;
            let rows: Vec<_> = page.members.iter().map(|token| token_object(token, None)).collect();
            Ok(paging.list(&rows, page.total))
        })
    })
}

/// `DELETE /api/tokens/:id`
#[must_use]
pub fn delete_token(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_now(cx)))
}

async fn delete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNERS).await?;
    let missing = || Problem::not_found("Token");
    let id = TokenId::from_wire(cx.path_id()).ok_or_else(missing)?;
    let store = cx.context.store();
    let token = store.api_token(id).await?.filter(|token| token.works_at(cx.now)).ok_or_else(missing)?;
    if caller.sees().is_some_and(|organization| organization != token.organization) {
        return Err(missing());
    }
    let audit = cx.record(Action::TokenRevoked, Some(&caller.account.user), Some(id.wire()), json!({}));
    if !store.revoke_token(&token, Some(&audit)).await? {
        return Err(missing());
    }
    Ok(success(200, &json!({"tokenId": id.wire(), "revokedAt": timestamp(cx.now)})))
}
