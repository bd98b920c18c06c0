//! `POST /api/sessions/:id/analyze`: agent 2 works on a completed session (openscouter 10.2, 12.1).

use shared::{
    clock::epoch_millis,
    http::Response,
    model::{AgentJob, AgentKind, TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        agents::{STREAMS, check_approved, order_on_session, session_job},
        envelope::Problem,
        fields::Fields,
        request_context::RequestContext,
        test_sessions::{seen, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(analyze(cx, caller)));

async fn analyze(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let session = seen(cx, &caller, cx.path("id")).await?;
        check_approved(cx, &caller, AgentKind::Analyst, session.study, session.id.wire()).await?;
        order_on_session(cx, session, &|current: &TestSession| {
            if current.status != TestStatus::Completed {
                return Err(wrong_state(current, "completed"));
            }
            let cutoff = epoch_millis(current.completed_at.unwrap_or(cx.now));
            let job = session_job(cx, &caller, AgentKind::Analyst, current);
            Ok(AgentJob { cutoff, streams: STREAMS.map(str::to_owned).to_vec(), ..job })
        })
        .await
    })
    .await
}
