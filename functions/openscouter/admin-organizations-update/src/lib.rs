//! `PATCH /api/admin/organizations/:id`: plan and exemption (openscouter 17).

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, OrganizationId, Plan},
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::{Problem, success},
        fields::Fields,
        organizations::OrganizationView,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(update(cx, caller)));

async fn update(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let missing = || Problem::not_found("Organization");
    let id = OrganizationId::from_wire(cx.path("id")).ok_or_else(missing)?;
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
    let exempt = fields.optional_flag("billingExempt")?;
    if plan.is_none() && exempt.is_none() {
        return Ok(success(200, &OrganizationView::of(&organization)));
    }
    let detail = json!({"plan": plan.map(Plan::as_str), "billingExempt": exempt});
    let audit = cx.record(Action::OrganizationChanged, Some(&caller.account.user), Some(id.wire()), detail);
    let changed = store.change_organization(id, plan, exempt, &audit).await?.ok_or_else(missing)?;
    Ok(success(200, &OrganizationView::of(&changed)))
}
