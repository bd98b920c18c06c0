//! Users as several endpoints see and change them (openscouter 7).

use serde::Serialize;

use super::{
    envelope::{Problem, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    http::Response,
    model::{Account, Email, Organization, OrganizationId, Plan, Role, TokenKind, User, UserId, WorkItem, WorkKind},
    secret::sha256_hex,
    store::{CurrentUser, Rule, UserLookup, UserUpdate},
};

/// "user" (openscouter 7).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    user_id: String,
    email: String,
    full_name: String,
    role: &'static str,
    status: &'static str,
    email_verified: bool,
    organization: Option<WorkspaceView>,
    created_at: String,
}

/// The organization of a business user (openscouter 7).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceView {
    organization_id: String,
    name: String,
    plan: &'static str,
    billing_exempt: bool,
}

impl UserView {
    /// The view of an account; the private organization of a tester or an admin is not shown.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let (user, organization) = (&account.user, &account.organization);
        let organization = (user.role == Role::Business).then(|| WorkspaceView {
            organization_id: organization.id.wire(),
            name: organization.name.clone(),
            plan: organization.plan.as_str(),
            billing_exempt: organization.billing_exempt,
        });
        Self {
            user_id: user.id.wire(),
            email: user.email.as_str().to_owned(),
            full_name: user.name.clone(),
            role: user.role.as_str(),
            status: user.standing().as_str(),
            email_verified: user.verified,
            organization,
            created_at: timestamp(user.created_at),
        }
    }
}

/// A new user with an organization, neither of them stored yet; of a tester and an admin the organization is a
/// private one (openscouter 7).
///
/// # Errors
/// When the store, which gives the user's number, fails.
pub fn new_account(
    cx: &RequestContext,
    role: Role,
    email: Email,
    name: String,
    organization_name: String,
) -> BoxFuture<'_, Result<Account, Problem>> {
    Box::pin(async move {
        let organization = Organization {
            id: OrganizationId::at(cx.now),
            name: organization_name,
            plan: Plan::Free,
            billing_exempt: cx.context.settings().billing_exempt,
            created_at: cx.now,
        };
        let number = cx.context.store().next_user_number().await?;
        let mut user = User::new((UserId::at(cx.now), number), email, name, role, organization.id, cx.now);
        user.locale = cx.language();
        Ok(Account { user, organization })
    })
}

/// The work that sends a mail to an address, due at once.
#[must_use]
pub fn mail(cx: &RequestContext, kind: WorkKind, email: &Email) -> WorkItem {
    WorkItem::mail(kind, email, &cx.request.audit_id)
}

/// Queues a mail for whoever has the body's address, and answers 202 (openscouter 7). Who that is, is found out when
/// the mail is made, so that every answer costs the same.
///
/// # Errors
/// 422 when the body names no address, and when the store fails.
pub fn queue_mail(cx: &RequestContext, kind: WorkKind) -> BoxFuture<'_, Result<Response, Problem>> {
    #[derive(Serialize)]
    struct Accepted {
        status: &'static str,
    }
    Box::pin(async move {
        let email = Fields::read(&cx.request)?.email("email")?;
        cx.context.store().queue(&mail(cx, kind, &email), cx.now).await?;
        Ok(success(202, &Accepted { status: "accepted" }))
    })
}

/// Updates the user of a one-time token of one of `kinds`, and uses the token up (openscouter 7). Blanks around
/// it were pasted with it.
///
/// # Errors
/// 422 when the token does not work, and what `rule` says.
pub async fn redeem<'a, T: Send + 'a>(
    cx: &'a RequestContext,
    token: &str,
    kinds: &'a [TokenKind],
    rule: &'a Rule<'a, CurrentUser, UserUpdate<T>, Problem>,
) -> Result<T, Problem> {
    let lookup = UserLookup::Token { hash: sha256_hex(token.trim().as_bytes()), kinds };
    let updated = cx.context.store().update_user(lookup, cx.now, rule).await;
    updated.map_err(|error| error.or_missing(|| Problem::invalid("token", "is invalid or expired")))
}
