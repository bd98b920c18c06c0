//! `POST /api/proposals`: testers are proposed for a study (openscouter 14.1).

use serde::Serialize;
use shared::{
    http::Response,
    model::{StudyId, UserId, Wanted},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::{Fields, as_text},
        proposals::ProposalView,
        request_context::RequestContext,
        studies::{self, owned_study, wrong_state},
    },
    store::Candidates,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(create(cx, caller)));

/// Testers of a call, and how many it is about where it names none.
const MAX_TESTERS: u32 = 100;
const DEFAULT_COUNT: u32 = 10;
/// The states in which a study takes proposals.
const OPEN: &str = "open or in_progress";

/// What became of a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    job_id: String,
    proposals: Vec<ProposalView>,
    skipped: Vec<Skipped>,
}

/// A tester who was named and not proposed: why is nobody's business.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skipped {
    tester_id: String,
    reason: &'static str,
}

/// What was asked for.
struct Asked {
    study: Option<StudyId>,
    candidates: Candidates,
    /// Names that are no tester's id.
    unknown: Vec<String>,
    send: bool,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let asked = read(&fields)?;
        let study = owned_study(cx, caller.viewer(), asked.study).await?;
        if !study.status.is_active() {
            return Err(wrong_state(&study, OPEN));
        }
        let wanted = Wanted {
            targeting: &study.details.targeting,
            year: u32::try_from(cx.now.year()).unwrap_or_default(),
            consent_version: &cx.context.settings().openscouter.consent_version,
        };
        let named = matches!(asked.candidates, Candidates::Named(_));
        let store = cx.context.store();
        let proposed = store.propose(&study, &wanted, asked.candidates, (asked.send, cx.now)).await?;
        if proposed.shut && proposed.made.is_empty() {
            let now = store.linked_study(study.id).await?.ok_or_else(studies::missing)?;
            return Err(wrong_state(&now, OPEN));
        }
        let skipped = proposed.skipped.iter().filter(|_| named).map(UserId::wire).chain(asked.unknown);
        let created = Created {
            job_id: study.id.wire(),
            proposals: proposed.made.iter().map(|proposal| ProposalView::of(proposal, cx.now)).collect(),
            skipped: skipped.map(|tester_id| Skipped { tester_id, reason: "not eligible" }).collect(),
        };
        Ok(success(201, &created))
    })
    .await
}

fn read(fields: &Fields) -> Result<Asked, Problem> {
    let study = fields.text("jobId", 1, usize::MAX)?;
    let (mut testers, mut unknown) = (None, Vec::new());
    if fields.optional("testerIds").is_some() {
        let mut seen: Vec<&str> = Vec::new();
        for (index, value) in fields.array("testerIds", 1, MAX_TESTERS as usize)?.iter().enumerate() {
            let text = as_text(&format!("testerIds[{index}]"), value)?.trim();
            if seen.contains(&text) {
                return Err(Problem::invalid("testerIds", "must not contain duplicates"));
            }
            seen.push(text);
        }
        unknown = seen.iter().filter(|text| UserId::from_wire(text).is_none()).map(|text| (*text).to_owned()).collect();
        testers = Some(seen.into_iter().filter_map(UserId::from_wire).collect());
    }
    let count = fields.optional_integer("count", 1, MAX_TESTERS)?.unwrap_or(DEFAULT_COUNT);
    let send = fields.optional_flag("send")?.unwrap_or(false);
    let candidates = testers.map_or(Candidates::Best(count as usize), Candidates::Named);
    Ok(Asked { study: StudyId::from_wire(&study), candidates, unknown, send })
}
