//! `GET /api/outreach/queue`: a page of the drafts, oldest first (openscouter 14.2).

use shared::{
    http::Response,
    model::StudyId,
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, OWNING, Scope, Viewer},
        envelope::Problem,
        outreach::{OutreachView, addresses},
        paging::Paging,
        request_context::RequestContext,
    },
    store::OutreachScope,
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(OWNING).tokens(Scope::Read);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(list(cx, caller)));

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let (query, store) = (&cx.request.query, cx.context.store());
    let paging = Paging::read(query)?;
    let scope = match (caller.viewer(), query.last("jobId").map(StudyId::from_wire)) {
        // an id that matches nothing (openscouter 2.2)
        (_, Some(None)) | (Viewer::Tester(_), _) => return Ok(paging.empty_list()),
        (Viewer::Admin, None) => OutreachScope::All,
        (Viewer::Admin, Some(Some(study))) => OutreachScope::Study(study),
        (Viewer::Owner(organization), None) => OutreachScope::Organization(organization),
        (Viewer::Owner(organization), Some(Some(study))) => {
            if store.study(organization, study).await?.is_none() {
                return Ok(paging.empty_list());
            }
            OutreachScope::Study(study)
        }
    };
    let page = store.outreach_page(scope, paging.offset(), paging.limit).await?;
    let addresses = addresses(cx, caller.viewer(), &page.members).await?;
    let rows: Vec<_> =
        page.members.iter().map(|message| OutreachView::of(message, addresses.get(&message.tester))).collect();
    Ok(paging.list(&rows, page.total))
}
