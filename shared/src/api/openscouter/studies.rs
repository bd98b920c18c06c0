//! Studies (openscouter 5.1, 9).

mod body;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use self::body::{Changes, locked, merged};
use super::{
    auth::{ANY_READER, Caller, DRAFTERS, OWNING_WRITERS, Side, Used},
    call::{Call, answer},
    envelope::{Problem, list, optional_time, success},
    fields::{Fields, Paging},
    text::timestamp,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{OrganizationId, Payment, Status, Study, StudyId, Task, TaskId},
    secret::sha256_hex,
    serve::BoxFuture,
    store::{Progress, StudyFilter, UpdateError},
};

/// The states, as a refused filter names them.
const STATES: &str = "draft, open, in_progress, paused, completed, closed";

pub(super) fn missing() -> Problem {
    Problem::not_found("Study")
}

/// A refusal for the state that a study is in.
pub(super) fn wrong_state(study: &Study, expected: &str) -> Problem {
    Problem::invalid("", &format!("Study is {}, expected {expected}", study.status.as_str()))
}

/// A study that the caller may see as its owner.
pub(super) async fn owned_study(call: &Call, side: Side, id: Option<StudyId>) -> Result<Study, Problem> {
    let study = call.context.store().linked_study(id.ok_or_else(missing)?).await?.ok_or_else(missing)?;
    match side {
        Side::Admin => Ok(study),
        Side::Owner(organization) if study.organization == organization => Ok(study),
        Side::Owner(_) | Side::Tester(_) => Err(missing()),
    }
}

/// The wire id of a task; one that was made elsewhere has the same one each time.
pub(crate) fn task_id(study: &Study, place: usize, task: &Task) -> String {
    if let Some(id) = &task.task_id {
        return id.clone();
    }
    let digest = sha256_hex(format!("{}/{place}", study.id).as_bytes());
    let number = digest.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default();
    TaskId::from_uuid(uuid::Uuid::from_u128(number)).wire()
}

fn tasks(study: &Study) -> Vec<Value> {
    let order = |place: usize, task: &Task| {
        if task.order > 0 { task.order } else { u32::try_from(place + 1).unwrap_or(u32::MAX) }
    };
    let mut tasks: Vec<_> =
        study.tasks.iter().enumerate().map(|(place, task)| (order(place, task), place, task)).collect();
    tasks.sort_by_key(|(order, place, _)| (*order, *place));
    let object = |(order, place, task): (u32, usize, &Task)| {
        json!({
            "taskId": task_id(study, place, task),
            "title": task.title,
            "description": task.description,
            "successCriteria": task.success_criteria,
            "order": order,
        })
    };
    tasks.into_iter().map(object).collect()
}

fn seconds(time: Option<i64>) -> Value {
    optional_time(time.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok()))
}

/// The base URL of the web application (openscouter 1.3).
pub(super) fn app_url(call: &Call) -> String {
    let configured = call.context.settings().openscouter.app_url.as_ref();
    configured.map_or_else(|| call.base(), |url| url.trim_end_matches('/').to_owned())
}

/// Study data (openscouter 9.2).
pub(super) fn study_object(call: &Call, study: &Study, progress: Progress) -> Value {
    study_data(&app_url(call), study, progress)
}

/// Study data, with the web application's base URL.
pub(super) fn study_data(app_url: &str, study: &Study, progress: Progress) -> Value {
    let details = &study.details;
    let id = study.id.wire();
    json!({
        "jobId": id,
        "organizationId": study.organization.wire(),
        "title": study.name,
        "description": details.description,
        "prototypeUrl": study.target_url,
        "prototypeType": details.prototype_type,
        "tasks": tasks(study),
        "targeting": details.targeting,
        "abTest": details.ab_test,
        "compensation": details.compensation,
        "settings": details.settings,
        "status": study.status.as_str(),
        "paymentStatus": details.payment.as_str(),
        "progress": {
            "sessions": progress.sessions,
            "completed": progress.completed,
            "confirmed": progress.confirmed,
        },
        "accessibilityScore": details.accessibility_score,
        "dashboardUrl": format!("{app_url}/studies/{id}"),
        "createdAt": timestamp(study.created_at),
        "updatedAt": timestamp(study.updated_at),
        "launchedAt": seconds(details.launched_at),
        "closedAt": seconds(details.closed_at),
    })
}

/// What a tester sees of a study (openscouter 9.3).
fn tester_view(study: &Study) -> Value {
    json!({
        "jobId": study.id.wire(),
        "title": study.name,
        "prototypeUrl": study.target_url,
        "prototypeType": study.details.prototype_type,
        "tasks": tasks(study),
        "compensation": study.details.compensation,
        "settings": study.details.settings,
        "status": study.status.as_str(),
        "createdAt": timestamp(study.created_at),
    })
}

async fn answered(call: &Call, status: u16, study: &Study) -> Result<Answer, Problem> {
    let progress = call.context.store().progress(study.id).await?;
    Ok(success(status, &study_object(call, study, progress)))
}

/// `POST /api/jobs`
#[must_use]
pub fn create_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(create_now(call)))
}

async fn create_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(DRAFTERS).await?;
    let fields = Fields::read(&call.request)?;
    call.once(&caller.key(), &[], async {
        let named = match caller.side() {
            Side::Admin => Some(OrganizationId::from_wire(&fields.text("organizationId", 1, usize::MAX)?)),
            Side::Owner(_) | Side::Tester(_) => None,
        };
        let changes = Changes::read(&fields, None)?;
        let store = call.context.store();
        let organization = match named {
            None => caller.sees().unwrap_or(caller.account.organization.id),
            Some(id) => {
                let missing = || Problem::not_found("Organization");
                store.organization(id.ok_or_else(missing)?).await?.ok_or_else(missing)?.id
            }
        };
        let mut study = Study {
            id: StudyId::at(call.now),
            organization,
            name: String::new(),
            status: Status::Draft,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: Vec::new(),
            details: crate::model::Details::default(),
            created_at: call.now,
            updated_at: call.now,
            version: 1,
        };
        changes.apply(&mut study, call.now);
        if !store.create_studies(std::slice::from_ref(&study)).await?.is_empty() {
            tracing::debug!("the answer to an earlier try was lost");
        }
        Ok(success(201, &study_object(call, &study, Progress::default())))
    })
    .await
}

/// `GET /api/jobs`
#[must_use]
pub fn list_studies(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(list_now(call)))
}

async fn list_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(ANY_READER).await?;
    let query = &call.request.query;
    let paging = Paging::read(query)?;
    let status = match query.last("status") {
        None => None,
        Some(text) => {
            let status = Status::parse(text);
            Some(status.ok_or_else(|| Problem::invalid("status", &format!("must be one of: {STATES}")))?)
        }
    };
    let store = call.context.store();
    let organization = match caller.side() {
        Side::Tester(tester) => {
            let (studies, total) = tested(call, tester, status, paging).await?;
            let rows: Vec<_> = studies.iter().map(tester_view).collect();
            return Ok(list(&rows, paging.page, paging.limit, total));
        }
        Side::Owner(organization) => Some(organization),
        Side::Admin => match query.last("organizationId") {
            None => None,
            Some(text) => match OrganizationId::from_wire(text) {
                None => return Ok(list(&[], paging.page, paging.limit, 0)),
                known => known,
            },
        },
    };
    let page = match organization {
        None => store.every_study_page(status, paging.offset(), paging.limit).await?,
        Some(organization) => {
            let filter = status.map_or(StudyFilter::All, StudyFilter::Status);
            let offset = paging.offset();
            let place = move |_: u64| Some(offset);
            let page = store.studies_page(organization, (filter, None), None, paging.limit, &place).await?;
            page.ok_or_else(|| Problem::Crash("a list without a page".to_owned()))?
        }
    };
    let ids: Vec<_> = page.members.iter().map(|study| study.id).collect();
    let progress = store.progress_of(&ids).await?;
    let row = |study: &Study| study_object(call, study, progress.get(&study.id).copied().unwrap_or_default());
    let rows: Vec<_> = page.members.iter().map(row).collect();
    Ok(list(&rows, paging.page, paging.limit, page.total))
}

/// The studies that a tester has to do with; there are as many as the tester has tests.
async fn tested(
    call: &Call,
    tester: crate::model::UserId,
    status: Option<Status>,
    paging: Paging,
) -> Result<(Vec<Study>, u64), Problem> {
    const STEP: u32 = 100;
    let store = call.context.store();
    let Some(status) = status else {
        let page = store.tested_studies(tester, paging.offset(), paging.limit).await?;
        return Ok((page.members, page.total));
    };
    let mut all = Vec::new();
    for offset in (0..).step_by(STEP as usize) {
        let page = store.tested_studies(tester, offset, STEP).await?;
        all.extend(page.members.into_iter().filter(|study| study.status == status));
        if offset + u64::from(STEP) >= page.total {
            break;
        }
    }
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let skip = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
    Ok((all.into_iter().skip(skip).take(paging.limit as usize).collect(), total))
}

/// `GET /api/jobs/:id`
#[must_use]
pub fn get_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(ANY_READER).await?;
            let id = StudyId::from_wire(call.path_id());
            if let Side::Tester(tester) = caller.side() {
                let ground = call.context.store().test_ground(id.ok_or_else(missing)?, tester).await?;
                let study = ground.study.filter(|_| ground.exists || ground.assigned).ok_or_else(missing)?;
                return Ok(success(200, &tester_view(&study)));
            }
            let id = id.ok_or_else(missing)?;
            let (study, progress) = call.context.store().study_with_progress(id).await?.ok_or_else(missing)?;
            let seen = match caller.side() {
                Side::Owner(organization) => study.organization == organization,
                Side::Admin | Side::Tester(_) => true,
            };
            if seen { Ok(success(200, &study_object(call, &study, progress))) } else { Err(missing()) }
        })
    })
}

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
    let study = owned_study(call, caller.side(), StudyId::from_wire(call.path_id())).await?;
    let began = call.context.store().progress(study.id).await?.sessions > 0;
    let only_drafts = matches!(caller.used, Used::Connection(..));
    let fields = &fields;
    let rule = move |current: &Study| patched(call, fields, current, (only_drafts, began));
    let study = change(call, study, &rule).await?;
    answered(call, 200, &study).await
}

/// The study that a PATCH makes of `current`; `None` when it changes nothing.
fn patched(
    call: &Call,
    fields: &Fields,
    current: &Study,
    (only_drafts, began): (bool, bool),
) -> Result<Option<Study>, Problem> {
    let changes = Changes::read(&merged(fields, current)?, Some(current))?;
    let wanted = match fields.has("status") {
        false => None,
        true if fields.optional("status").is_none() => return Err(Problem::invalid("status", "must not be null")),
        true => Some(fields.choice("status", "open, paused", |name| {
            [Status::Open, Status::Paused].into_iter().find(|status| status.as_str() == name)
        })?),
    };
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
        Some(Status::Paused) => match current.status {
            Status::Open | Status::InProgress => Some(Status::Paused),
            Status::Paused => None,
            _ => return Err(wrong_state(current, "open, in_progress or paused")),
        },
        Some(_) => match current.status {
            Status::Paused if began || current.paused_from == Some(Status::InProgress) => Some(Status::InProgress),
            Status::Paused => Some(Status::Open),
            Status::Open | Status::InProgress => None,
            _ => return Err(wrong_state(current, "open, in_progress or paused")),
        },
    };
    if let Some(to) = to {
        let version = next.version;
        next = next.moved_to(to, call.now);
        next.version = version;
    }
    let same = Study { updated_at: current.updated_at, version: current.version, ..next.clone() } == *current;
    Ok((!same).then_some(next))
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
        if call.context.store().delete_draft(&study).await? {
            return Ok(success(200, &json!({"jobId": study.id.wire(), "deleted": true})));
        }
        study = owned_study(call, caller.side(), id).await?;
    }
}

/// `POST /api/jobs/:id/launch`
#[must_use]
pub fn launch_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(launch_now(call)))
}

/// The study of a path like `/api/jobs/:id/launch`, as its owner sees it.
async fn study_of_action(call: &Call, caller: &Caller) -> Result<Study, Problem> {
    Fields::read(&call.request)?;
    owned_study(call, caller.side(), StudyId::from_wire(call.path_segment(3))).await
}

async fn launch_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(OWNING_WRITERS).await?;
    let study = study_of_action(call, &caller).await?;
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
        let mut next = current.moved_to(Status::Open, call.now);
        if next.details.payment != Payment::Paid {
            next.details.payment = Payment::Exempt;
        }
        Ok(Some(next))
    };
    let study = change(call, study, &rule).await?;
    answered(call, 200, &study).await
}

/// `POST /api/jobs/:id/close`
#[must_use]
pub fn close_study(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async move {
            let caller = call.caller(OWNING_WRITERS).await?;
            let study = study_of_action(call, &caller).await?;
            let rule = move |current: &Study| {
                if current.status == Status::Closed {
                    return Err(wrong_state(current, "draft, open, in_progress, paused or completed"));
                }
                Ok(Some(current.moved_to(Status::Closed, call.now)))
            };
            let study = change(call, study, &rule).await?;
            answered(call, 200, &study).await
        })
    })
}

/// An object's members, for a merge.
fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
