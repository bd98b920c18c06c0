//! `PATCH /api/jobs/:id`: a study's fields change; it pauses or goes on (openscouter 5.1, 9.4).

mod merge;

use serde_json::Value;
use shared::{
    http::Response,
    model::{Payment, Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, CredentialKind, DRAFTERS},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{
            self, billing_exempt, body::Changes, check_paid, owned_with_progress, view::study_view, wrong_state,
        },
    },
};

use self::merge::merged;

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), DRAFTERS, |cx, caller| Box::pin(update(cx, caller)));

async fn update(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let (study, progress) = owned_with_progress(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
    let only_drafts = matches!(caller.credential, CredentialKind::Connection(..));
    // what goes on must be paid for, as what is launched
    let exempt = study.details.payment.is_settled() || billing_exempt(cx, &caller, &study).await?;
    let rule = |current: &Study| patched(cx, &fields, current, (only_drafts, progress.sessions > 0, exempt));
    let was = study.status;
    let study = studies::update(cx, study, &rule).await?;
    if was == Status::Paused && study.status == Status::Open {
        // a session that began meanwhile moves it on
        cx.context.store().follow_sessions(study.id, cx.now).await?;
        let (study, progress) = owned_with_progress(cx, caller.viewer(), Some(study.id)).await?;
        return Ok(success(200, &study_view(cx, &study, progress)));
    }
    Ok(success(200, &study_view(cx, &study, progress)))
}

/// The study that a PATCH makes of `current`; `None` when it changes nothing.
fn patched(
    cx: &RequestContext,
    fields: &Fields,
    current: &Study,
    (only_drafts, began, exempt): (bool, bool, bool),
) -> Result<Option<Study>, Problem> {
    let merged = merged(fields, current)?;
    let changes = Changes::read(&merged, Some(current))?;
    let wanted = wanted_status(&merged, current)?;
    let mut next = current.changed_at(cx.now);
    changes.apply(&mut next, cx.now);
    let same =
        |next: &Study| Study { updated_at: current.updated_at, version: current.version, ..next.clone() } == *current;
    // what a draft's credential may change is a draft (openscouter 4)
    if only_drafts && current.status != Status::Draft {
        return Err(wrong_state(current, "draft"));
    }
    // who sends back what was read asks for nothing, whatever the study's state is
    if wanted.is_none() && same(&next) {
        return Ok(None);
    }
    if matches!(current.status, Status::Completed | Status::Closed) {
        return Err(wrong_state(current, "draft, open, in_progress or paused"));
    }
    check_locked(current, &next)?;
    let to = match wanted {
        None => None,
        Some(wanted) => moved(current, wanted, began)?,
    };
    if let Some(to) = to {
        if to.is_active() {
            check_paid(current, exempt)?;
        }
        let version = next.version;
        next = next.moved_to(to, cx.now);
        next.version = version;
    }
    Ok((!same(&next)).then_some(next))
}

/// The state that a body asks for; `None` when it names the one that the study has.
fn wanted_status(fields: &Fields, current: &Study) -> Result<Option<Status>, Problem> {
    if fields.given("status")?.and_then(Value::as_str).is_some_and(|sent| sent.trim() == current.status.as_str()) {
        return Ok(None);
    }
    let wanted = fields.given("status")?.map(|_| {
        fields.choice("status", "open, paused", |name| {
            [Status::Open, Status::Paused].into_iter().find(|status| status.as_str() == name)
        })
    });
    wanted.transpose()
}

/// The state that a PATCH moves a study to; `None` when it is there already, so that a repeated call succeeds.
fn moved(current: &Study, wanted: Status, began: bool) -> Result<Option<Status>, Problem> {
    match (wanted, current.status) {
        (Status::Paused, Status::Open | Status::InProgress) => Ok(Some(Status::Paused)),
        (Status::Paused, Status::Paused) | (Status::Open, Status::Open | Status::InProgress) => Ok(None),
        (Status::Open, Status::Paused) if began || current.paused_from == Some(Status::InProgress) => {
            Ok(Some(Status::InProgress))
        }
        (Status::Open, Status::Paused) => Ok(Some(Status::Open)),
        (Status::Open, _) => Err(wrong_state(current, "paused")),
        _ => Err(wrong_state(current, "open or in_progress")),
    }
}

/// Refuses changes that come too late (openscouter 9.4).
fn check_locked(current: &Study, next: &Study) -> Result<(), Problem> {
    let (before, after) = (&current.details, &next.details);
    let fewer = after.targeting.tester_count < before.targeting.tester_count;
    if current.status != Status::Draft {
        let (t, u, s, r) = (&before.targeting, &after.targeting, &before.settings, &after.settings);
        let changed = [
            ("prototypeUrl", current.target_url != next.target_url),
            ("prototypeType", before.prototype_type != after.prototype_type),
            ("tasks", current.tasks != next.tasks),
            ("targeting.countries", t.countries != u.countries),
            ("targeting.ageRange", t.age_range != u.age_range),
            ("targeting.devices", t.devices != u.devices),
            ("targeting.languages", t.languages != u.languages),
            ("targeting.testerCount", fewer),
            ("targeting.ndCategories", t.nd_categories != u.nd_categories),
            ("abTest", before.ab_test != after.ab_test),
            ("compensation", before.compensation != after.compensation),
            ("settings.requireThinkAloud", s.require_think_aloud != r.require_think_aloud),
            ("settings.recordScreen", s.record_screen != r.record_screen),
            ("settings.recordFacial", s.record_facial != r.record_facial),
            ("settings.recordVoice", s.record_voice != r.record_voice),
            ("settings.maxDurationMinutes", s.max_duration_minutes != r.max_duration_minutes),
        ];
        if let Some((name, _)) = changed.iter().find(|(_, changed)| *changed) {
            return Err(Problem::invalid(name, "cannot be changed after launch"));
        }
    } else if matches!(before.payment, Payment::Pending | Payment::Paid) {
        let count = before.targeting.tester_count != after.targeting.tester_count;
        let changed = [("targeting.testerCount", count), ("compensation", before.compensation != after.compensation)];
        if let Some((name, _)) = changed.iter().find(|(_, changed)| *changed) {
            return Err(Problem::invalid(name, "cannot be changed after payment"));
        }
    }
    Ok(())
}
