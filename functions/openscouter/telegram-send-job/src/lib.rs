//! `POST /api/telegram/send-job`: who matches a study is told of it in Telegram (openscouter 15).

use serde::Serialize;
use shared::{
    http::Response,
    model::{Study, StudyId, Targeting, Wanted},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{self, owned_study, wrong_state},
    },
    store::Candidates,
};

/// The states in which a study takes proposals.
const OPEN: &str = "open or in_progress";
/// Testers who are proposed by one call, the best first; the next call goes on with the next best.
const MAX_SENT: usize = 200;

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(send(cx, caller)));

/// What became of a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Handed {
    job_id: String,
    sent: usize,
    skipped: usize,
    failed: usize,
}

async fn send(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("jobId", 1, usize::MAX)?;
        let by_segment = fields.optional_flag("filterBySegment")?.unwrap_or(true);
        let study = owned_study(cx, caller.viewer(), StudyId::from_wire(&id)).await?;
        if !study.status.is_active() {
            return Err(wrong_state(&study, OPEN));
        }
        let handed = hand_over(cx, &study, &targeting(&study, by_segment)).await?;
        Ok(success(202, &handed))
    })
    .await
}

/// Whom the study looks for, or anybody of its countries.
fn targeting(study: &Study, by_segment: bool) -> Targeting {
    let whole = study.details.targeting.clone();
    if by_segment { whole } else { Targeting { countries: whole.countries, ..Targeting::default() } }
}

/// Proposes the study to who can be told; work tells them.
async fn hand_over(cx: &RequestContext, study: &Study, targeting: &Targeting) -> Result<Handed, Problem> {
    let wanted = Wanted {
        targeting,
        year: u32::try_from(cx.now.year()).unwrap_or_default(),
        consent_version: &cx.context.settings().openscouter.consent_version,
    };
    let store = cx.context.store();
    let found = store.reachable_testers(study.id, &wanted).await?;
    let reachable = found.testers.len();
    let best: Vec<_> = found.testers.into_iter().map(|(tester, _)| tester).take(MAX_SENT).collect();
    let asked = best.len();
    let proposed = store.propose(study, &wanted, Candidates::Named(best), (true, cx.now)).await?;
    let sent = proposed.made.len();
    if proposed.shut && sent == 0 && asked > 0 {
        let now = store.linked_study(study.id).await?.ok_or_else(studies::missing)?;
        return Err(wrong_state(&now, OPEN));
    }
    // who was taken meanwhile
    let taken = proposed.skipped.len();
    Ok(Handed {
        job_id: study.id.wire(),
        sent,
        skipped: found.others + taken,
        failed: reachable.saturating_sub(sent + taken),
    })
}
