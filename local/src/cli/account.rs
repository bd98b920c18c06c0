//! `outscout account`: what an operator changes of people's accounts.

use std::future::ready;

use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{Action, AuditEntry, Email, Plan, Standing, User},
    store::{ChangeWith, CurrentUser, StoreError, UpdateError, UserLookup, UserUpdate},
};

use super::{
    arguments::{AccountCommand, AccountStatus, PlanName},
    commands::{finish, open},
    output::Failed,
};

pub(super) async fn account(command: AccountCommand) -> Result<(), Failed> {
    let AccountCommand::Update { email, status, plan, common } = command;
    let session = open(&common).await?;
    let done = update(&session.context, &email, status, plan).await;
    finish(session, &common, done).await
}

async fn update(
    context: &Context,
    email: &str,
    status: Option<AccountStatus>,
    plan: Option<PlanName>,
) -> Result<Value, Failed> {
    let store = context.store();
    let unknown = || Failed::NotFound(format!("no account {email}"));
    let known = store.account_by_email(&Email::typed(email)).await?.ok_or_else(unknown)?;
    let (user, mut organization) = (known.user, known.organization);
    let mut standing = user.standing();
    if let Some(status) = status {
        standing = set_status(context, &user, status == AccountStatus::Active).await?.ok_or_else(unknown)?;
    }
    if let Some(plan) = plan {
        let plan = Plan::from(plan);
        let (detail, id) = (json!({"plan": plan.as_str()}), organization.id);
        let now = context.clock().now();
        let audit = AuditEntry::of_operator(Action::OrganizationChanged, Some(id.wire()), detail, now);
        organization = store.change_organization(id, Some(plan), None, &audit).await?.ok_or_else(unknown)?;
    }
    Ok(json!({
        "userId": user.id.wire(),
        "email": user.email.as_str(),
        "status": standing.as_str(),
        "plan": organization.plan.as_str(),
    }))
}

/// Suspends a user, or lifts that; `None` when there is none any more.
async fn set_status(context: &Context, user: &User, active: bool) -> Result<Option<Standing>, Failed> {
    let now = context.clock().now();
    let rule = |CurrentUser { account, .. }: CurrentUser| {
        let mut user = account.user;
        if !user.set_active(active) {
            return Ok(UserUpdate::keep(ChangeWith::default(), user.standing()));
        }
        let standing = user.standing();
        let detail = json!({"status": standing.as_str()});
        let audit = AuditEntry::of_operator(Action::UserStatusChanged, Some(user.id.wire()), detail, now);
        let with = ChangeWith { audit: Some(audit), ..ChangeWith::default() };
        Ok::<_, StoreError>(UserUpdate::change(user, with, standing))
    };
    let lookup = UserLookup::Id(user.id);
    match context.store().update_user(lookup, now, &|current| Box::pin(ready(rule(current)))).await {
        Ok(standing) => Ok(Some(standing)),
        Err(UpdateError::NotFound) => Ok(None),
        Err(UpdateError::Refused(error) | UpdateError::Store(error)) => Err(error.into()),
    }
}
