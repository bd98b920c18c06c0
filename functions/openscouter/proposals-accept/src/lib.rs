//! `POST /api/proposals/:id/accept`: the tester takes part, and gets a test token (openscouter 3.6, 14.1).

use serde::Serialize;
use shared::{
    http::Response,
    model::Standing,
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        proposals::{missing, visible, wrong_state},
        request_context::RequestContext,
        studies::{self, view::app_url},
    },
    secret::new_test_token,
    store::{Acceptance, Accepted},
};
use time::Duration;

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
    let (proposal, tester) = (visible(cx, caller.viewer()).await?, &caller.account.user);
    let status = proposal.status_at(cx.now);
    if status != shared::model::ProposalStatus::Sent {
        return Err(wrong_state(status, "sent"));
    }
    if tester.standing() != Standing::Active {
        return Err(Problem::invalid("", &format!("Tester is {}, expected active", tester.standing().as_str())));
    }
    let store = cx.context.store();
    let study = store.linked_study(proposal.study).await?.ok_or_else(studies::missing)?;
    let (plain, hash) = new_test_token()?;
    let places = study.details.targeting.tester_count;
    let remind_after = Duration::hours(study.details.settings.reminder_after_hours.into());
    let acceptance = Acceptance { id: proposal.id, tester, token_hash: &hash, places, remind_after };
    match store.accept_proposal(acceptance, cx.now).await? {
        Accepted::Done(proposal, token) => Ok(success(
            200,
            &AcceptedView {
                proposal_id: proposal.id.wire(),
                status: proposal.status.as_str(),
                job_id: proposal.study.wire(),
                test_url: format!("{}/test#token={plain}", app_url(cx)),
                test_token: plain,
                test_token_expires_at: timestamp(token.expires_at),
            },
        )),
        Accepted::Missing => Err(missing()),
        Accepted::Stands(status) => Err(wrong_state(status, "sent")),
        Accepted::Full => Err(Problem::invalid("", "Study has no free places")),
    }
}
