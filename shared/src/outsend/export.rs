//! The personal export (outsend 6.4): all that is kept of a user, without secrets and their hashes.

use serde_json::{Value, json};

use super::{
    access::Access,
    account::{timestamp, user_object},
    endpoint::answer,
    envelope::{Problem, json_answer},
    jobs::job_object,
    keys::key_object,
    registry::thread_object,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    store::JobFilter,
};

/// Jobs that are read at a time.
const STEP: u32 = 100;

/// `GET /api/auth/export`
#[must_use]
pub fn export(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(export_now(cx)))
}

async fn export_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(Access::SESSION).await?.account;
    let store = cx.context.store();
    let (sessions, keys) = futures_util::future::join(
        store.sessions_of(&account.user, cx.now),
        store.keys_of_user(account.user.id, cx.now),
    )
    .await;
    let sessions: Vec<_> = sessions?
        .iter()
        .map(
            |session| json!({"created_at": timestamp(session.created_at), "expires_at": timestamp(session.expires_at)}),
        )
        .collect();
    let keys: Vec<_> = keys?.iter().map(key_object).collect();
    let mut jobs: Vec<Value> = Vec::new();
    loop {
        let page = store.jobs_page(account.user.id, &JobFilter::default(), (jobs.len() as u64, STEP), cx.now).await?;
        let end = page.len() < STEP as usize;
        jobs.extend(page.iter().map(|job| job_object(job, cx.now)));
        if end {
            break;
        }
    }
    let threads: Vec<_> = store.threads(account.user.id).await?.iter().map(thread_object).collect();
    // an account has nothing of the other kinds before the operations that make them are there
    let body = json!({
        "exported_at": timestamp(cx.now),
        "user": user_object(&account),
        "sessions": sessions,
        "api_keys": keys,
        "jobs": jobs,
        "pipelines": [],
        "veilles": [],
        "webhooks": [],
        "events": [],
        "feedback": threads,
    });
    let day: String = timestamp(cx.now).chars().take(10).filter(char::is_ascii_digit).collect();
    let name = format!("attachment; filename=\"outsend-export-{}-{day}.json\"", account.user.number);
    Ok(json_answer(200, &body).header("Content-Disposition", name))
}
