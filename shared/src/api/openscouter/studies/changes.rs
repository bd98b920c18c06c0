//! Changes of studies: their fields and their states (openscouter 5.1, 9.4).

use serde_json::json;

use super::{
    super::{
        auth::{Caller, DRAFTERS, OWNING_WRITERS, Side, Used},
        call::{Call, answer},
        envelope::{Problem, success},
        fields::Fields,
    },
    body::{Changes, locked, merged},
    missing, owned_study, owned_with_progress,
    view::study_object,
    wrong_state,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Payment, Status, Study, StudyId},
    serve::BoxFuture,
    store::{Progress, UpdateError},
};

/// Changes a study as often as somebody else's change gets in the way.
async fn change(
    call: &Call,
    study: Study,
    rule: &(dyn Fn(&Study) -> Result<Option<Study>, Problem> + Send + Sync),
) -> Result<Study, Problem> {
    let (organization, id) = (study.organization, study.id);
    match call.context.store().update_study(organization, id, Some(study), rule).await {
        Ok(study) => Ok(study),
        Err(UpdateError::NotFound) => Err(missing()),
        Err(UpdateError::Refused(problem)) => Err(problem),
        Err(UpdateError::Store(error)) => Err(error.into()),
    }
}

/// `PATCH /api/jobs/:id`
#[must_use]
pub fn update_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(update_now(call)))
}

async fn update_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(DRAFTERS).await?;
    let fields = Fields::read(&call.request)?;
    let (study, progress) = owned_with_progress(call, caller.side(), StudyId::from_wire(call.path_id())).await?;
    let only_drafts = matches!(caller.used, Used::Connection(..));
    let fields = &fields;
    let rule = move |current: &Study| patched(call, fields, current, (only_drafts, progress.sessions > 0));
    let was = study.status;
    let study = change(call, study, &rule).await?;
    if was == Status::Paused && study.status == Status::Open {
        // a session that began meanwhile moves it on
        call.context.store().follow_sessions(study.id, call.now).await?;
        let (study, progress) = owned_with_progress(call, caller.side(), Some(study.id)).await?;
        return Ok(success(200, &study_object(call, &study, progress)));
    }
    Ok(success(200, &study_object(call, &study, progress)))
}

/// The study that a PATCH makes of `current`; `None` when it changes nothing.
fn patched(
    call: &Call,
    fields: &Fields,
    current: &Study,
    (only_drafts, began): (bool, bool),
) -> Result<Option<Study>, Problem> {
    let merged = merged(fields, current);
    let changes = Changes::read(&merged, Some(current))?;
    let wanted = merged.given("status")?.map(|_| {
        merged.choice("status", "open, paused", |name| {
            [Status::Open, Status::Paused].into_iter().find(|status| status.as_str() == name)
        })
    });
    let wanted = wanted.transpose()?;
    // what a draft's credential may change is a draft (openscouter 4)
    if only_drafts && current.status != Status::Draft {
        return Err(wrong_state(current, "draft"));
    }
    if matches!(current.status, Status::Completed | Status::Closed) {
        return Err(wrong_state(current, "draft, open, in_progress or paused"));
    }
    let mut next = current.changed_at(call.now);
    changes.apply(&mut next, call.now);
    locked(current, &next)?;
    let to = match wanted {
        None => None,
        Some(wanted) => moved(current, wanted, began)?,
    };
    if let Some(to) = to {
        let version = next.version;
        next = next.moved_to(to, call.now);
        next.version = version;
    }
    let same = Study { updated_at: current.updated_at, version: current.version, ..next.clone() } == *current;
    Ok((!same).then_some(next))
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

/// `DELETE /api/jobs/:id`
#[must_use]
pub fn delete_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(delete_now(call)))
}

async fn delete_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(OWNING_WRITERS).await?;
    let id = StudyId::from_wire(call.path_id());
    let mut study = owned_study(call, caller.side(), id).await?;
    loop {
        if study.status != Status::Draft {
            return Err(wrong_state(&study, "draft"));
        }
        if study.details.payment == Payment::Paid {
            return Err(Problem::invalid("", "Study is already paid"));
        }
        if call.context.store().delete_draft(&study, call.now).await? {
            return Ok(success(200, &json!({"jobId": study.id.wire(), "deleted": true})));
        }
        // changed meanwhile, or gone
        study = owned_study(call, caller.side(), id).await?;
    }
}

/// `POST /api/jobs/:id/launch`
#[must_use]
pub fn launch_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(launch_now(call)))
}

/// The study of a path like `/api/jobs/:id/launch`, as its owner sees it.
async fn study_of_action(call: &Call, caller: &Caller) -> Result<(Study, Progress), Problem> {
    Fields::read(&call.request)?;
    owned_with_progress(call, caller.side(), StudyId::from_wire(call.path_segment(3))).await
}

async fn launch_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(OWNING_WRITERS).await?;
    let (study, progress) = study_of_action(call, &caller).await?;
    let exempt = match caller.side() {
        Side::Owner(_) => caller.account.organization.billing_exempt,
        Side::Admin | Side::Tester(_) => {
            let organization = call.context.store().organization(study.organization).await?;
            organization.is_some_and(|organization| organization.billing_exempt)
        }
    };
    let rule = move |current: &Study| {
        if current.status != Status::Draft {
            return Err(wrong_state(current, "draft"));
        }
        let details = &current.details;
        let complete = [
            ("description", !details.description.is_empty()),
            ("tasks", !current.tasks.is_empty()),
            ("targeting.countries", !details.targeting.countries.is_empty()),
            ("compensation", details.compensation.is_some()),
        ];
        if let Some((name, _)) = complete.iter().find(|(_, there)| !there) {
            return Err(Problem::invalid(name, "is required to launch"));
        }
        if details.payment != Payment::Paid && !exempt {
            return Err(Problem::invalid("", "Study payment is not confirmed"));
        }
        Ok(Some(current.launched(exempt, call.now)))
    };
    let study = change(call, study, &rule).await?;
    Ok(success(200, &study_object(call, &study, progress)))
}

/// `POST /api/jobs/:id/close`
#[must_use]
pub fn close_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async move {
            let caller = call.caller(OWNING_WRITERS).await?;
            let (study, progress) = study_of_action(call, &caller).await?;
            let rule = move |current: &Study| {
                if current.status == Status::Closed {
                    return Err(wrong_state(current, "draft, open, in_progress, paused or completed"));
                }
                Ok(Some(current.moved_to(Status::Closed, call.now)))
            };
            let study = change(call, study, &rule).await?;
            Ok(success(200, &study_object(call, &study, progress)))
        })
    })
}
