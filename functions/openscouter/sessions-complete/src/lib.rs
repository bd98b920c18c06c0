//! `POST /api/sessions/:id/complete`: ends a session (openscouter 5.2, 10.3).

use serde::Serialize;
use time::OffsetDateTime;

use shared::{
    http::Response,
    model::{TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{ANY_WRITER_OR_TEST, Caller},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
        test_sessions::{LEEWAY, seen, update, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_WRITER_OR_TEST, |cx, caller| Box::pin(complete(cx, caller)));

/// A session that ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Completed {
    session_id: String,
    status: &'static str,
    completed_at: Option<String>,
}

async fn complete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path("id")).await?;
    let rule = |session: &TestSession| {
        // the first answer stands, whatever is sent later
        if session.status == TestStatus::Completed {
            return Ok(None);
        }
        let at = end_of(cx, &fields, session)?;
        if !session.status.is_running() {
            return Err(wrong_state(session, "active or paused"));
        }
        Ok(Some(session.completed(at, false)))
    };
    let session = update(cx, session, &rule).await?;
    let view = Completed {
        session_id: session.id.wire(),
        status: session.status.as_str(),
        completed_at: session.completed_at.map(timestamp),
    };
    Ok(success(200, &view))
}

/// When the session ended, as the body says; else now. It is kept as it is, and printed in whole seconds.
fn end_of(cx: &RequestContext, fields: &Fields, session: &TestSession) -> Result<OffsetDateTime, Problem> {
    let at = fields.optional_time("completedAt")?.unwrap_or(cx.now);
    if at < session.created_at {
        return Err(Problem::invalid("completedAt", "must not be before startedAt"));
    }
    if at > cx.now + LEEWAY {
        return Err(Problem::invalid("completedAt", "must not be in the future"));
    }
    Ok(at)
}
