//! `GET /api/veille/{id}/runs`: the runs of a veille, newest first, of a deleted one too (outsend 15.2).

use serde::Serialize;

use shared::{
    http::Response,
    model::number_from_path,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::Paging,
        messages::Detail,
        request_context::RequestContext,
        veilles::{RunView, run_view},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(list(cx, caller)));

#[derive(Serialize)]
struct Runs<'a> {
    items: Vec<RunView<'a>>,
    total: u64,
    limit: u32,
    offset: u64,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let id = number_from_path(cx.path("veille")).ok_or(Detail::NoMonitor)?;
    let veille = store.veille(user, id).await?.ok_or(Detail::NoMonitor)?;
    let mut faults = Vec::new();
    let Paging { limit, offset } = Paging::read(&cx.request.query, 500, 50, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let page = store.veille_runs(&veille, offset, limit).await?;
    Ok(json_answer(200, &Runs { items: page.runs.iter().map(run_view).collect(), total: page.total, limit, offset }))
}
