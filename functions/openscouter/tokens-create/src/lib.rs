//! `POST /api/tokens`: a new API token (openscouter 3.4, 8).

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, ApiToken, Role, TokenId, TokenScopes},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNERS},
        envelope::{Problem, success},
        fields::{Fields, as_text},
        request_context::RequestContext,
        tokens::TokenView,
    },
    secret::new_handle,
    store::KeyCreation,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNERS, |cx, caller| Box::pin(create(cx, caller)));

/// Most live tokens of an organization.
const MAX_TOKENS: usize = 50;

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &["token"], issue(cx, &caller, &fields)).await
}

async fn issue(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Response, Problem> {
    let name = fields.text("name", 1, 80)?;
    let scopes = read_scopes(fields)?;
    let expires_at = fields.optional_future("expiresAt", cx.now)?;
    let user = &caller.account.user;
    if !user.verified {
        return Err(Problem::forbidden("Email address not verified"));
    }
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
        generation: user.credential_generation,
        created_at: cx.now,
        expires_at,
        last_used_at: None,
    };
    let detail = json!({"scopes": token.scopes.names()});
    let audit = cx.record(Action::TokenIssued, Some(user), Some(id.wire()), detail);
    match cx.context.store().create_token(&token, MAX_TOKENS, &audit).await? {
        KeyCreation::CapReached => Err(Problem::invalid("name", "organization already has 50 tokens")),
        KeyCreation::Created => Ok(success(201, &TokenView::of(&token).with_plain(&plain))),
    }
}

fn read_scopes(fields: &Fields) -> Result<TokenScopes, Problem> {
    let mut scopes = TokenScopes::default();
    for (index, value) in fields.array("scopes", 1, 3)?.iter().enumerate() {
        let field = format!("scopes[{index}]");
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
