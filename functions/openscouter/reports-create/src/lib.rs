//! `POST /api/reports`: agent 3 reports on a session (openscouter 12.4, 13).

use shared::{
    http::Response,
    model::{AgentKind, TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        agents::{blocked, check_approved, order_on_session, session_job},
        envelope::Problem,
        fields::Fields,
        request_context::RequestContext,
        test_sessions::seen,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(create(cx, caller)));

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("sessionId", 1, usize::MAX)?;
        let session = seen(cx, &caller, &id).await?;
        check_approved(cx, &caller, AgentKind::Report, session.study, session.id.wire()).await?;
        if session.status != TestStatus::Confirmed {
            let problem = Problem::invalid("", "Session notes are not confirmed");
            let gate = (session.id.wire(), "notes_confirmed");
            return Err(blocked(cx, &caller, AgentKind::Report, gate, problem).await);
        }
        order_on_session(cx, session, &|current: &TestSession| Ok(session_job(cx, &caller, AgentKind::Report, current)))
            .await
    })
    .await
}
