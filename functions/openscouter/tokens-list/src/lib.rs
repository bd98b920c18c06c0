//! `GET /api/tokens`: the live API tokens (openscouter 8).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNERS},
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
        tokens::TokenView,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNERS, |cx, caller| Box::pin(list(cx, caller)));

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let paging = Paging::read(&cx.request.query)?;
    let store = cx.context.store();
    let page = store.tokens_page(caller.sees(), paging.offset(), paging.limit, cx.now).await?;
    let rows: Vec<_> = page.members.iter().map(TokenView::of).collect();
    Ok(paging.list(&rows, page.total))
}
