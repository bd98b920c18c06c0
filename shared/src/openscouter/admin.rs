//! Administration of accounts: audit trail, organizations, users (openscouter 17).

use std::future::ready;

use serde_json::{Value, json};

use super::{
    access::ADMINS,
    endpoint::answer,
    envelope::{Problem, success},
    fields::{Fields, time_parameter},
    format::timestamp,
    paging::Paging,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, AuditEntry, Organization, OrganizationId, Plan, Role, Standing, User, UserId},
    store::{AuditFilter, ChangeWith, CurrentUser, UserLookup, UserUpdate},
};

/// Most characters of anything's id.
const LONGEST_ID: usize = 64;

fn entry_object(entry: &AuditEntry) -> Value {
    json!({
        "auditId": entry.id.wire(),
        "action": entry.action.as_str(),
        "actorId": entry.actor.map(|actor| actor.wire()),
        "actorRole": entry.role.map(Role::as_str),
        "objectId": entry.object,
        "detail": entry.detail,
        "requestId": entry.request_id,
        "at": timestamp(entry.at),
    })
}

/// `GET /api/admin/audit`
#[must_use]
pub fn list_audit(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_audit_now(cx)))
}

async fn list_audit_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.caller(ADMINS).await?;
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let (from, to) = (time_parameter(query, "from")?, time_parameter(query, "to")?);
    let action = match query.last("action") {
        None => None,
        Some(name) => {
            let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
            let action = Action::parse(name);
            Some(action.ok_or_else(|| Problem::invalid("action", &format!("must be one of: {}", names.join(", "))))?)
        }
    };
    // an id that matches nothing gives an empty page (openscouter 2.2)
    let actor = query.last("actorId").map(UserId::from_wire);
    let object = query.last("objectId").map(str::to_owned);
    let no_id = object.as_ref().is_some_and(|object| object.len() > LONGEST_ID);
    let page = if actor == Some(None) || no_id {
        (0, Vec::new())
    } else {
        let filter = AuditFilter { action, actor: actor.flatten(), object, from, to };
        let page = cx.context.store().audit_page(&filter, paging.offset(), paging.limit).await?;
        (page.total, page.members)
    };
    let rows: Vec<_> = page.1.iter().map(entry_object).collect();
    Ok(paging.list(&rows, page.0))
}

fn organization_object(organization: &Organization) -> Value {
    json!({
        "organizationId": organization.id.wire(),
        "name": organization.name,
        "plan": organization.plan.as_str(),
        "billingExempt": organization.billing_exempt,
        "createdAt": timestamp(organization.created_at),
    })
}

/// `GET /api/admin/organizations`
#[must_use]
pub fn list_organizations(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.caller(ADMINS).await?;
            let paging = Paging::read(&cx.request.query)?;
            let page = cx.context.store().organizations_page(paging.offset(), paging.limit).await?;
            let rows: Vec<_> = page.members.iter().map(organization_object).collect();
            Ok(paging.list(&rows, page.total))
        })
    })
}

/// `PATCH /api/admin/organizations/:id`
#[must_use]
pub fn update_organization(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(update_organization_now(cx)))
}

async fn update_organization_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ADMINS).await?;
    let fields = Fields::read(&cx.request)?;
    let missing = || Problem::not_found("Organization");
    let id = OrganizationId::from_wire(cx.path_id()).ok_or_else(missing)?;
    let store = cx.context.store();
    let organization = store.organization(id).await?.ok_or_else(missing)?;
    for name in ["plan", "billingExempt"] {
        if fields.has(name) && fields.optional(name).is_none() {
            return Err(Problem::invalid(name, "must not be null"));
        }
    }
    let plan = match fields.optional("plan") {
        None => None,
        Some(_) => Some(fields.choice("plan", "free, pro", Plan::parse)?),
    };
    let exempt = match fields.optional("billingExempt") {
        None => None,
        Some(_) => Some(fields.flag("billingExempt")?),
    };
    if plan.is_none() && exempt.is_none() {
        return Ok(success(200, &organization_object(&organization)));
    }
    let detail = json!({"plan": plan.map(Plan::as_str), "billingExempt": exempt});
    let audit = cx.record(Action::OrganizationChanged, Some(&caller.account.user), Some(id.wire()), detail);
    let changed = store.change_organization(id, plan, exempt, &audit).await?.ok_or_else(missing)?;
    Ok(success(200, &organization_object(&changed)))
}

/// `PATCH /api/admin/users/:id`
#[must_use]
pub fn update_user(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(update_user_now(cx)))
}

async fn update_user_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ADMINS).await?;
    let fields = Fields::read(&cx.request)?;
    let missing = || Problem::not_found("User");
    let id = UserId::from_wire(cx.path_id()).ok_or_else(missing)?;
    let store = cx.context.store();
    let rule = |current: CurrentUser| set_status(cx, &caller.account.user, &fields, current.account.user);
    let updated = store.update_user(UserLookup::Id(id), cx.now, &|current| Box::pin(ready(rule(current)))).await;
    let user = updated.map_err(|error| error.or_missing(missing))?;
    Ok(success(200, &json!({"userId": id.wire(), "status": user.standing().as_str()})))
}

/// A user with the status that was asked for.
fn set_status(cx: &RequestContext, admin: &User, fields: &Fields, mut user: User) -> Result<UserUpdate<User>, Problem> {
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
    if user.active == active {
        return Ok(UserUpdate::keep(ChangeWith::default(), user));
    }
    user.active = active;
    if !active {
        // ends every session, family and access token
        user.generation += 1;
    }
    let detail = json!({"status": user.standing().as_str()});
    let audit = cx.record(Action::UserStatusChanged, Some(admin), Some(user.id.wire()), detail);
    let with = ChangeWith { audit: Some(audit), ..ChangeWith::default() };
    Ok(UserUpdate::change(user.clone(), with, user))
}
