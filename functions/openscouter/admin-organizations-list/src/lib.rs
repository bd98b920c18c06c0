//! `GET /api/admin/organizations`: all organizations (openscouter 17).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::Problem,
        organizations::OrganizationView,
        paging::Paging,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(list(cx, caller)));

async fn list(cx: &RequestContext, _caller: Caller) -> Result<Response, Problem> {
    let paging = Paging::read(&cx.request.query)?;
    let page = cx.context.store().organizations_page(paging.offset(), paging.limit).await?;
    let rows: Vec<_> = page.members.iter().map(OrganizationView::of).collect();
    Ok(paging.list(&rows, page.total))
}
