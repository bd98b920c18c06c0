//! `DELETE /api/api-keys/{key_id}`: revokes an API key (outsend 6.5).

use shared::{
    http::Response,
    model::Action,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::object,
        messages::Detail,
        request_context::RequestContext,
    },
    ulid,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::SESSION, |cx, caller| Box::pin(revoke(cx, caller)));

async fn revoke(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let user = &caller.account.user;
    object(&cx.request, false)?;
    let digits = cx.path("key_id").strip_prefix("key_").map(str::to_ascii_lowercase);
    let digits = digits.and_then(|digits| ulid::decode_lower(&digits)).ok_or(Detail::NoKey)?;
    let id = format!("key_{}", ulid::encode(&digits));
    let mut audit = cx.record(Action::TokenRevoked, user);
    audit.object = Some(id.clone());
    let revoked = cx.context.store().revoke_user_key(user.id, &id, Some(&audit)).await?;
    if revoked { Ok(done()) } else { Err(Detail::NoKey.into()) }
}
