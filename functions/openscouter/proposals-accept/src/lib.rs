//! `POST /api/proposals/:id/accept`: the tester takes part, and gets a test token (openscouter 3.6, 14.1).

use std::time::Duration;

use serde::Serialize;
use shared::{
    http::Response,
    model::ProposalId,
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        proposals::{
            answers::{self, AnswerError, Participation},
            missing,
        },
        request_context::RequestContext,
        telegram,
    },
};

/// How long the answer waits for Telegram.
const TELEGRAM_TIME: Duration = Duration::from_secs(2);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(accept(cx, caller)));

/// What was accepted. The token is told this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedView {
    proposal_id: String,
    status: &'static str,
    job_id: String,
    test_token: String,
    test_token_expires_at: String,
    test_url: String,
}

async fn accept(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &["testToken", "testUrl"], take(cx, &caller)).await
}

async fn take(cx: &RequestContext, caller: &Caller) -> Result<Response, Problem> {
    let id = ProposalId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let accepted = answers::accept(cx, &caller.account.user, id, None).await.map_err(AnswerError::problem)?;
    tell(cx, caller, &accepted).await;
    let Participation { proposal, token, plain, url, .. } = accepted;
    Ok(success(
        200,
        &AcceptedView {
            proposal_id: proposal.id.wire(),
            status: proposal.status.as_str(),
            job_id: proposal.study.wire(),
            test_token: plain,
            test_token_expires_at: timestamp(token.expires_at),
            test_url: url,
        },
    ))
}

/// Sends the link to the test to a tester who has linked Telegram, too. What has been accepted is, whatever comes of it.
async fn tell(cx: &RequestContext, caller: &Caller, accepted: &Participation) {
    if cx.context.settings().telegram.token.is_none() {
        return;
    }
    let user = &caller.account.user;
    let text = telegram::test_link(user.locale, &accepted.study, &accepted.url);
    let sent = tokio::time::timeout(TELEGRAM_TIME, telegram::tell(&cx.context, user.id, &text, &[])).await;
    match sent {
        Ok(Ok(_) | Err(telegram::Untold::NotLinked)) => {}
        Ok(Err(error)) => tracing::warn!(cause = %error, "link to a test not sent"),
        Err(_) => tracing::warn!("link to a test not sent in time"),
    }
}
