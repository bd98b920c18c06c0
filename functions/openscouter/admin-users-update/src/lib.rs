//! `PATCH /api/admin/users/:id`: suspends, and lifts a suspension (openscouter 17).

use std::future::ready;

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Standing, User, UserId},
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
    },
    store::{ChangeWith, CurrentUser, UserLookup, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(update(cx, caller)));

/// A user's status (openscouter 17).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    user_id: String,
    status: &'static str,
}

async fn update(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let missing = || Problem::not_found("User");
    let id = UserId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let rule = |current: CurrentUser| set_status(cx, &caller.account.user, &fields, current.account.user);
    let store = cx.context.store();
    let updated = store.update_user(UserLookup::Id(id), cx.now, &|current| Box::pin(ready(rule(current)))).await;
    let status = updated.map_err(|error| error.or_missing(missing))?;
    Ok(success(200, &StatusView { user_id: id.wire(), status: status.as_str() }))
}

/// The user with the status that was asked for.
fn set_status(
    cx: &RequestContext,
    admin: &User,
    fields: &Fields,
    mut user: User,
) -> Result<UserUpdate<Standing>, Problem> {
    if fields.has("status") && fields.optional("status").is_none() {
        return Err(Problem::invalid("status", "must not be null"));
    }
    let active = fields.choice("status", "active, suspended", |name| match name {
        "active" => Some(true),
        "suspended" => Some(false),
        _ => None,
    })?;
    if user.id == admin.id {
        return Err(Problem::invalid("status", "must not be the own account"));
    }
    if active && user.standing() == Standing::Pending {
        return Err(Problem::invalid("", "User is pending, expected active or suspended"));
    }
    if !user.set_active(active) {
        return Ok(UserUpdate::keep(ChangeWith::default(), user.standing()));
    }
    let standing = user.standing();
    let detail = json!({"status": standing.as_str()});
    let audit = cx.record(Action::UserStatusChanged, Some(admin), Some(user.id.wire()), detail);
    let with = ChangeWith { audit: Some(audit), ..ChangeWith::default() };
    Ok(UserUpdate::change(user, with, standing))
}
