//! `GET /api/auth/export`: all that is kept of the caller, without secrets and their hashes (outsend 6.4).

use serde::Serialize;
use serde_json::value::RawValue;

use shared::{
    http::Response,
    model::{Conversation, Job, Pipeline, PipelineRun, Session, UserId, Veille, VeilleRun},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        events::Envelope,
        feedback::{ThreadView, whole},
        format::timestamp,
        jobs::{self, JobView},
        keys::{self, KeyView},
        pipelines::{PipelineView, view},
        request_context::RequestContext,
        users::{self, UserView},
        veilles::{self, RunView, VeilleView},
        webhooks::{self, WebhookView},
    },
    store::JobFilter,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::SESSION, |cx, caller| Box::pin(export(cx, caller)));

/// Events that are read at a time.
const EVENTS: usize = 500;
/// Jobs and threads that are read at a time.
const PAGE_LENGTH: u32 = 100;

/// The personal export (outsend 6.4).
#[derive(Serialize)]
struct Export<'a> {
    exported_at: String,
    user: UserView<'a>,
    sessions: Vec<SessionView>,
    api_keys: Vec<KeyView<'a>>,
    jobs: Vec<JobView<'a>>,
    pipelines: Vec<PipelineView<'a>>,
    veilles: Vec<VeilleWithRuns<'a>>,
    webhooks: Vec<WebhookView<'a>>,
    events: Vec<Envelope>,
    feedback: Vec<ThreadView<'a>>,
}

/// A veille, a deleted one too, with all of its runs.
#[derive(Serialize)]
struct VeilleWithRuns<'a> {
    #[serde(flatten)]
    veille: VeilleView<'a>,
    runs: Vec<RunView<'a>>,
}

impl<'a> VeilleWithRuns<'a> {
    fn new((veille, runs): &'a (Veille, Vec<VeilleRun>)) -> Self {
        Self { veille: veilles::view(veille), runs: runs.iter().map(veilles::run_view).collect() }
    }
}

/// A session, without its hash.
#[derive(Serialize)]
struct SessionView {
    created_at: String,
    expires_at: String,
}

impl SessionView {
    fn new(session: &Session) -> Self {
        Self { created_at: timestamp(session.created_at), expires_at: timestamp(session.expires_at) }
    }
}

async fn export(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let account = &caller.account;
    let store = cx.context.store();
    let (sessions, keys) =
        futures_util::future::join(store.sessions_of(&account.user, cx.now), store.keys_of_user(&account.user, cx.now))
            .await;
    let (sessions, keys) = (sessions?, keys?);
    let jobs = all_jobs(cx, account.user.id).await?;
    let threads = all_threads(cx, account.user.id).await?;
    let webhooks = store.webhooks(account.user.id).await?;
    let events = all_events(cx, account.user.id).await?;
    let pipelines = all_pipelines(cx, account.user.id).await?;
    let veilles = all_veilles(cx, account.user.id).await?;
    let body = Export {
        exported_at: timestamp(cx.now),
        user: users::view(account),
        sessions: sessions.iter().map(SessionView::new).collect(),
        api_keys: keys.iter().map(keys::view).collect(),
        jobs: jobs.iter().map(|job| jobs::view(job, cx.now)).collect(),
        pipelines: pipelines.iter().map(|(pipeline, run, text)| view(pipeline, run, Some(text))).collect(),
        veilles: veilles.iter().map(VeilleWithRuns::new).collect(),
        webhooks: webhooks.iter().map(webhooks::view).collect(),
        events,
        feedback: threads.iter().map(whole).collect(),
    };
    let day: String = timestamp(cx.now).chars().take(10).filter(char::is_ascii_digit).collect();
    let name = format!("attachment; filename=\"outsend-export-{}-{day}.json\"", account.user.number);
    Ok(json_answer(200, &body).header("Content-Disposition", name))
}

/// All pipelines, each with its last run and its definition.
async fn all_pipelines(
    cx: &RequestContext,
    user: UserId,
) -> Result<Vec<(Pipeline, PipelineRun, Box<RawValue>)>, Problem> {
    let store = cx.context.store();
    let (mut pipelines, mut position) = (Vec::new(), 0);
    loop {
        let page = store.pipelines_page(user, position, PAGE_LENGTH).await?;
        let last = page.len() < PAGE_LENGTH as usize;
        position += u64::from(PAGE_LENGTH);
        for (pipeline, run) in page {
            let open = run.open_jobs();
            let run = run.shown(&open, &store.jobs_by_id(&open).await?);
            // one that was deleted meanwhile is left out
            if let Some(text) = store.definition(pipeline.id).await? {
                let text = RawValue::from_string(text).map_err(|error| Problem::Crash(error.to_string()))?;
                pipelines.push((pipeline, run, text));
            }
        }
        if last {
            return Ok(pipelines);
        }
    }
}

async fn all_veilles(cx: &RequestContext, user: UserId) -> Result<Vec<(Veille, Vec<VeilleRun>)>, Problem> {
    let store = cx.context.store();
    let mut veilles = Vec::new();
    for veille in store.every_veille(user).await? {
        let mut runs = Vec::new();
        loop {
            let page = store.veille_runs(&veille, runs.len() as u64, PAGE_LENGTH).await?;
            let last = page.runs.len() < PAGE_LENGTH as usize;
            runs.extend(page.runs);
            if last {
                break;
            }
        }
        veilles.push((veille, runs));
    }
    Ok(veilles)
}

async fn all_jobs(cx: &RequestContext, user: UserId) -> Result<Vec<Job>, Problem> {
    let store = cx.context.store();
    let mut jobs = Vec::new();
    loop {
        let page = store.jobs_page(user, &JobFilter::default(), (jobs.len() as u64, PAGE_LENGTH), cx.now).await?;
        let last = page.len() < PAGE_LENGTH as usize;
        jobs.extend(page);
        if last {
            return Ok(jobs);
        }
    }
}

async fn all_threads(cx: &RequestContext, user: UserId) -> Result<Vec<Conversation>, Problem> {
    let store = cx.context.store();
    let mut threads = Vec::new();
    for offset in (0..).step_by(PAGE_LENGTH as usize) {
        let page = store.threads_page(user, offset, PAGE_LENGTH).await?;
        for thread in &page.members {
            threads.extend(store.conversation(thread.id).await?);
        }
        if offset + u64::from(PAGE_LENGTH) >= page.total {
            break;
        }
    }
    Ok(threads)
}

async fn all_events(cx: &RequestContext, user: UserId) -> Result<Vec<Envelope>, Problem> {
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let page = cx.context.store().events_after(user, after, &[], EVENTS, cx.now).await?;
        after = page.next;
        let end = page.events.is_empty() || !page.has_more;
        for event in &page.events {
            events.push(Envelope::of(event).map_err(|error| Problem::Crash(error.to_string()))?);
        }
        if end {
            return Ok(events);
        }
    }
}
