//! `GET /api/connections`: the OAuth connections (openscouter 8).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNERS},
        connections::ConnectionView,
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNERS, |cx, caller| Box::pin(list(cx, caller)));

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let paging = Paging::read(&cx.request.query)?;
    let store = cx.context.store();
    let page = store.connections_page(caller.sees(), paging.offset(), paging.limit, cx.now).await?;
    let rows: Vec<_> = page.members.iter().map(ConnectionView::of).collect();
    Ok(paging.list(&rows, page.total))
}
