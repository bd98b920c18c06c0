//! Users on the wire, and the mails that they get (outsend 6.1).

use serde::Serialize;

use super::{envelope::json_answer, format::timestamp, request_context::RequestContext};
use crate::{
    http::Response,
    model::{Account, Email, WorkItem, WorkKind},
    ulid,
};

/// The user object (outsend 6.1).
#[derive(Debug, Serialize)]
pub struct UserView<'a> {
    id: u64,
    email: &'a str,
    name: &'a str,
    email_verified: bool,
    is_active: bool,
    plan: &'static str,
    locale: &'static str,
    created_at: String,
    workspace: Workspace<'a>,
}

/// The user's organization, as this API names it.
#[derive(Debug, Serialize)]
struct Workspace<'a> {
    id: String,
    name: &'a str,
}

/// The user object of an account (outsend 6.1).
#[must_use]
pub fn view(account: &Account) -> UserView<'_> {
    let user = &account.user;
    UserView {
        id: user.number,
        email: user.email.as_str(),
        name: &user.name,
        email_verified: user.verified,
        is_active: user.active,
        plan: account.organization.plan.as_str(),
        locale: user.locale.as_str(),
        created_at: timestamp(user.created_at),
        workspace: Workspace {
            id: format!("ws_{}", ulid::encode(user.organization.as_bytes())),
            name: &account.organization.name,
        },
    }
}

/// The account answer (outsend 6.1).
#[derive(Serialize)]
struct AccountAnswer<'a> {
    ok: bool,
    user: UserView<'a>,
}

/// The account answer (outsend 6.1), with the cookie of the session that was opened for it.
#[must_use]
pub fn account_answer(cx: &RequestContext, account: &Account, cookie: &str) -> Response {
    json_answer(200, &AccountAnswer { ok: true, user: view(account) }).header("Set-Cookie", cx.set_cookie(cookie))
}

/// The work that sends a mail to `email`, due at once (outsend 6.2).
#[must_use]
pub fn mail_work(cx: &RequestContext, kind: WorkKind, email: &Email) -> WorkItem {
    WorkItem::mail(kind, email, &cx.request.audit_id)
}
