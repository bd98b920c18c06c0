//! `GET /api/admin/approvals`: approvals, newest first (openscouter 17).

use shared::{
    http::Response,
    model::StudyId,
    openscouter::{
        self, Endpoint, access::ADMINS, approvals::approval_view, envelope::Problem, paging::Paging,
        request_context::RequestContext,
    },
    store::ApprovalFilter,
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, _| Box::pin(list(cx)));

async fn list(cx: &RequestContext) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let active = match query.last("active") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Problem::bad("active: must be a boolean")),
    };
    let study = query.last("jobId").map(StudyId::from_wire);
    if study == Some(None) {
        return Ok(paging.empty_list());
    }
    let filter = ApprovalFilter { study: study.flatten(), active };
    let page = cx.context.store().approvals_page(filter, paging.offset(), paging.limit, cx.now).await?;
    let rows: Vec<_> = page.members.iter().map(approval_view).collect();
    Ok(paging.list(&rows, page.total))
}
