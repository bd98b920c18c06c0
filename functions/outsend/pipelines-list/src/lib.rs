//! `GET /api/pipelines`: the caller's pipelines, newest first, each with its last run (outsend 14.5).

use std::collections::HashMap;

use shared::{
    BoxFuture,
    http::Response,
    model::{Job, JobId, Pipeline, PipelineRun, UserId},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        authentication::known_user,
        envelope::{Problem, json_answer},
        fields::Paging,
        pipelines::view,
        request_context::RequestContext,
    },
    store::StoreError,
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<KnownPage> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, known_page, |cx, caller, known| {
        Box::pin(list(cx, caller, known))
    });

/// A page: pipelines with their last runs, as their jobs say that they are.
type Page = Vec<(Pipeline, PipelineRun)>;

/// The page of the user whom this process knows by the credential, if it knows one.
type KnownPage = Result<Option<(UserId, Page)>, StoreError>;

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
    let pipelines: Vec<_> = page.iter().map(|(pipeline, run)| view(pipeline, run, None)).collect();
    Ok(json_answer(200, &pipelines))
}

/// The jobs that run are looked at, of which a user has few; what waits is as the runs have it.
async fn page(cx: &RequestContext, user: UserId, paging: Paging) -> Result<Page, StoreError> {
    let store = cx.context.store();
    let mut page = store.pipelines_page(user, paging.offset, paging.limit).await?;
    let running: Vec<JobId> = page.iter().flat_map(|(_, run)| run.running_jobs()).collect();
    if running.is_empty() {
        return Ok(page);
    }
    let jobs: HashMap<JobId, Job> = store.jobs_by_id(&running).await?;
    for (_, run) in &mut page {
        *run = run.shown(&running, &jobs);
    }
    Ok(page)
}

fn paging(cx: &RequestContext) -> Result<Paging, Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 500, 500, &mut faults);
    if faults.is_empty() { Ok(paging) } else { Err(Problem::Invalid(faults)) }
}
