//! One-time tokens that a mail brought (outsend 6.1, 6.2).

use super::{envelope::Problem, limits::Policy, messages::Detail, request_context::RequestContext};
use crate::{
    BoxFuture,
    model::TokenKind,
    secret::sha256_hex,
    store::{CurrentUser, Rule, UserLookup, UserUpdate},
};

/// Uses of tokens from an address of the network (outsend 5.1).
const TOKEN: Policy = Policy::new("token", 10, 900);

/// Counts a request that brings a token for its address (outsend 5.1).
///
/// # Errors
/// 429 when the address is over the limit; when the store fails.
pub fn count(cx: &RequestContext) -> BoxFuture<'_, Result<(), Problem>> {
    cx.check_rate_limit(TOKEN, format!("outsend/token/{}", cx.address()))
}

/// Uses a token of `kind` up for a change of its user, which `rule` makes. Blanks around it were pasted with it. Of two uses at a time one finds it gone.
///
/// # Errors
/// 400 when the token is unknown, used or expired; what the rule says; when the store fails.
pub fn redeem<'a, T: Send + 'a>(
    cx: &'a RequestContext,
    token: &'a str,
    kind: &'a TokenKind,
    rule: &'a Rule<'a, CurrentUser, UserUpdate<T>, Problem>,
) -> BoxFuture<'a, Result<T, Problem>> {
    Box::pin(async move {
        let lookup = UserLookup::Token { hash: sha256_hex(token.trim().as_bytes()), kinds: std::slice::from_ref(kind) };
        let updated = cx.context.store().update_user(lookup, cx.now, rule).await;
        updated.map_err(|error| error.or_missing(|| Detail::TokenInvalid.into()))
    })
}
