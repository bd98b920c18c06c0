//! Changes of studies: their fields and their states (openscouter 5.1, 9.4).

use serde_json::json;

use super::{
    super::{
        access::{Caller, CredentialKind, DRAFTERS, OWNING_WRITERS, Viewer},
        endpoint::answer,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
    },
    body::{Changes, locked, merged},
    missing, owned_study, owned_with_progress,
    view::study_object,
    wrong_state,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Payment, Status, Study, StudyId},
    store::{Progress, UpdateError},
};

/// Changes a study by `rule`, which is asked again as often as somebody else's change gets in the way.
pub async fn change(
    cx: &RequestContext,
    study: Study,
    rule: &(dyn Fn(&Study) -> Result<Option<Study>, Problem> + Send + Sync),
) -> Result<Study, Problem> {
    let (organization, id) = (study.organization, study.id);
    match cx.context.store().update_study(organization, id, Some(study), rule).await {
        Ok(study) => Ok(study),
        Err(UpdateError::NotFound) => Err(missing()),
        Err(UpdateError::Refused(problem)) => Err(problem),
        Err(UpdateError::Store(error)) => Err(error.into()),
    }
}

/// `PATCH /api/jobs/:id`
#[must_use]
pub fn update_study(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(update_now(cx)))
}

async fn update_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(DRAFTERS).await?;
    let fields = Fields::read(&cx.request)?;
    let (study, progress) = owned_with_progress(cx, caller.viewer(), StudyId::from_wire(cx.path_id())).await?;
    let only_drafts = matches!(caller.credential, CredentialKind::Connection(..));
    let fields = &fields;
    let rule = move |current: &Study| patched(cx, fields, current, (only_drafts, progress.sessions > 0));
    let was = study.status;
    let study = change(cx, study, &rule).await?;
    if was == Status::Paused && study.status == Status::Open {
        // a session that began meanwhile moves it on
        cx.context.store().follow_sessions(study.id, cx.now).await?;
        let (study, progress) = owned_with_progress(cx, caller.viewer(), Some(study.id)).await?;
        return Ok(success(200, &study_object(cx, &study, progress)));
    }
    Ok(success(200, &study_object(cx, &study, progress)))
}

/// The study that a PATCH makes of `current`; `None` when it changes nothing.
fn patched(
    cx: &RequestContext,
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
    let mut next = current.changed_at(cx.now);
    changes.apply(&mut next, cx.now);
    locked(current, &next)?;
    let to = match wanted {
        None => None,
        Some(wanted) => moved(current, wanted, began)?,
    };
    if let Some(to) = to {
        let version = next.version;
        next = next.moved_to(to, cx.now);
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
pub fn delete_study(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_now(cx)))
}

async fn delete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNING_WRITERS).await?;
    let id = StudyId::from_wire(cx.path_id());
    let mut study = owned_study(cx, caller.viewer(), id).await?;
    loop {
        if study.status != Status::Draft {
            return Err(wrong_state(&study, "draft"));
        }
        if study.details.payment == Payment::Paid {
            return Err(Problem::invalid("", "Study is already paid"));
        }
        if cx.context.store().delete_draft(&study, cx.now).await? {
            return Ok(success(200, &json!({"jobId": study.id.wire(), "deleted": true})));
        }
        // changed meanwhile, or gone
        study = owned_study(cx, caller.viewer(), id).await?;
    }
}

/// The study of a path like `/api/jobs/:id/launch`, as its owner sees it.
pub async fn study_of_action(cx: &RequestContext, caller: &Caller) -> Result<(Study, Progress), Problem> {
    Fields::read(&cx.request)?;
    owned_with_progress(cx, caller.viewer(), StudyId::from_wire(cx.path_segment(3))).await
}

/// `POST /api/jobs/:id/close`
#[must_use]
pub fn close_study(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async move {
            let caller = cx.caller(OWNING_WRITERS).await?;
            let (study, progress) = study_of_action(cx, &caller).await?;
            let rule = move |current: &Study| {
                if current.status == Status::Closed {
                    return Err(wrong_state(current, "draft, open, in_progress, paused or completed"));
                }
                Ok(Some(current.moved_to(Status::Closed, cx.now)))
            };
            let study = change(cx, study, &rule).await?;
            Ok(success(200, &study_object(cx, &study, progress)))
        })
    })
}
