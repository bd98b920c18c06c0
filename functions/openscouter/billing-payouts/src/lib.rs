//! `GET /api/billing/payouts`: a page of the payouts that the caller may see, newest first (openscouter 2.7, 16.1).

use shared::{
    http::{Response, query::Query},
    model::{PayoutStatus, Role, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, Scope, Viewer},
        envelope::Problem,
        paging::Paging,
        payouts::PayoutRow,
        request_context::RequestContext,
    },
    store::PayoutFilter,
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(&[Role::Business, Role::Tester, Role::Admin]).tokens(Scope::Read);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(list(cx, caller)));

/// The states, as a refused filter names them.
const STATES: &str = "pending, processing, paid, failed";

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let Some(filter) = visible(cx, &caller, query).await? else { return Ok(paging.empty_list()) };
    let page = cx.context.store().payouts_page(&filter, paging.offset(), paging.limit).await?;
    let rows: Vec<_> = page.members.iter().map(PayoutRow::new).collect();
    Ok(paging.list(&rows, page.total))
}

/// What the query asks for, as far as the caller may see it (openscouter 3.8); `None` when that is nothing.
async fn visible(cx: &RequestContext, caller: &Caller, query: &Query) -> Result<Option<PayoutFilter>, Problem> {
    let status = match query.last("status") {
        None => None,
        Some(text) => {
            let status = PayoutStatus::parse(text);
            Some(status.ok_or_else(|| Problem::invalid("status", &format!("must be one of: {STATES}")))?)
        }
    };
    let study = match query.last("jobId").map(StudyId::from_wire) {
        Some(None) => return Ok(None),
        study => study.flatten(),
    };
    let asked = PayoutFilter { study, status, ..PayoutFilter::default() };
    match caller.viewer() {
        Viewer::Admin => Ok(Some(asked)),
        Viewer::Owner(organization) => {
            // a list of a study is its organization's
            if let Some(study) = study
                && cx.context.store().study(organization, study).await?.is_none()
            {
                return Ok(None);
            }
            Ok(Some(PayoutFilter { organization: Some(organization), ..asked }))
        }
        Viewer::Tester(own) => Ok(Some(PayoutFilter { tester: Some(own), ..asked })),
    }
}
