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
    // what the caller ended with all others goes off the list by work
    let live = page.members.iter().filter(|token| token.lives_for(&caller.account.user));
    let rows: Vec<_> = live.map(TokenView::of).collect();
    let ended = page.members.len() - rows.len();
    Ok(paging.list(&rows, page.total.saturating_sub(ended as u64)))
}
