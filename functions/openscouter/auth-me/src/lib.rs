//! `GET /api/auth/me`: who is calling (openscouter 7).

use serde::Serialize;

use shared::{
    http::Response,
    model::Connection,
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Access, Caller, CredentialKind},
        envelope::{Problem, success},
        request_context::RequestContext,
        users::UserView,
    },
};

/// Who may call (openscouter 4).
const ACCESS: Access = ANY_READER.or_pending();

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(me(cx, caller)));

/// "user", and what a credential that is no sign-in may do (openscouter 7).
#[derive(Serialize)]
struct MeView {
    #[serde(flatten)]
    user: UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<CredentialView>,
}

#[derive(Serialize)]
struct CredentialView {
    kind: &'static str,
    scopes: Vec<&'static str>,
}

async fn me(_: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let credential = match &caller.credential {
        CredentialKind::Jwt(_) | CredentialKind::Test(_) => None,
        CredentialKind::Token(token) => Some(CredentialView { kind: "token", scopes: token.scopes.names() }),
        CredentialKind::Connection(_, draft) => {
            let scopes = Connection::scope(*draft).split(' ').collect();
            Some(CredentialView { kind: "oauth", scopes })
        }
    };
    Ok(success(200, &MeView { user: UserView::of(&caller.account), credential }))
}
