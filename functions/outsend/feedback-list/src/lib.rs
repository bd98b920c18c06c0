//! `GET /api/feedback`: the caller's threads, what changed last first (outsend 17).

use serde::Serialize;

use shared::{
    BoxFuture,
    http::Response,
    model::{Thread, UserId},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        authentication::known_user,
        envelope::{Problem, json_answer},
        feedback::{ThreadView, view},
        fields::Paging,
        request_context::RequestContext,
    },
    store::{Page, StoreError},
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<KnownPage> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, known_page, |cx, caller, known| {
        Box::pin(list(cx, caller, known))
    });

/// The page of the user whom this process knows by the credential, if it knows one.
type KnownPage = Result<Option<(UserId, Page<Thread>)>, StoreError>;

#[derive(Serialize)]
struct Listed<'a> {
    items: Vec<ThreadView<'a>>,
    total: u64,
    limit: u32,
    offset: u64,
}

fn known_page(cx: &RequestContext) -> BoxFuture<'_, KnownPage> {
    Box::pin(async {
        let (Some(user), Ok(paging)) = (known_user(cx), paging(cx)) else { return Ok(None) };
        page(cx, user, paging).await.map(|page| Some((user, page)))
    })
}

async fn list(cx: &RequestContext, caller: Caller, known: KnownPage) -> Result<Response, Problem> {
    let user = caller.account.user.id;
    let paging = paging(cx)?;
    let page = match known? {
        Some((known, page)) if known == user => page,
        _ => page(cx, user, paging).await?,
    };
    let items = page.members.iter().map(view).collect();
    Ok(json_answer(200, &Listed { items, total: page.total, limit: paging.limit, offset: paging.offset }))
}

async fn page(cx: &RequestContext, user: UserId, paging: Paging) -> Result<Page<Thread>, StoreError> {
    cx.context.store().threads_page(user, paging.offset, paging.limit).await
}

/// What the query asks for; 422 when it cannot be read.
fn paging(cx: &RequestContext) -> Result<Paging, Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 100, 50, &mut faults);
    if faults.is_empty() { Ok(paging) } else { Err(Problem::Invalid(faults)) }
}
