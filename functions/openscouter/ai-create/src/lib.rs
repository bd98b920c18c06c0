//! `POST /api/ai`: agent 1 looks at a running session (openscouter 12.2).

use time::OffsetDateTime;

use shared::{
    clock::epoch_millis,
    http::Response,
    model::{AgentJob, AgentKind, TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{ANY_WRITER_OR_TEST, Caller},
        agents::{STREAMS, order_on_session, session_job},
        envelope::Problem,
        fields::Fields,
        request_context::RequestContext,
        test_sessions::{LEEWAY, seen, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_WRITER_OR_TEST, |cx, caller| Box::pin(create(cx, caller)));

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("sessionId", 1, usize::MAX)?;
        let streams = streams_of(&fields)?;
        let at = fields.optional_time("snapshotAt")?;
        let session = seen(cx, &caller, &id).await?;
        if let Some(at) = at {
            check_time(cx, &session, at)?;
        }
        let cutoff = epoch_millis(at.unwrap_or(cx.now));
        order_on_session(cx, session, &|current: &TestSession| {
            if current.status != TestStatus::Active {
                return Err(wrong_state(current, "active"));
            }
            let job = session_job(cx, &caller, AgentKind::Snapshot, current);
            Ok(AgentJob { cutoff, streams: streams.clone(), ..job })
        })
        .await
    })
    .await
}

/// The streams that are looked at: those of `includeSignals`, or all.
fn streams_of(fields: &Fields) -> Result<Vec<String>, Problem> {
    if fields.optional("includeSignals").is_none() {
        return Ok(STREAMS.map(str::to_owned).to_vec());
    }
    let reason = format!("must be one of: {}", STREAMS.join(", "));
    fields.names("includeSignals", (1, STREAMS.len()), |name| STREAMS.contains(&name), &reason)
}

/// Refuses a time that is not within the session so far.
fn check_time(cx: &RequestContext, session: &TestSession, at: OffsetDateTime) -> Result<(), Problem> {
    if at < session.created_at {
        return Err(Problem::invalid("snapshotAt", "must not be before startedAt"));
    }
    if at > cx.now + LEEWAY {
        return Err(Problem::invalid("snapshotAt", "must not be in the future"));
    }
    Ok(())
}
