//! Studies (openscouter 5.1, 9).

mod body;
mod changes;
mod lists;
mod view;

pub(crate) use self::view::{study_data, task_id};
use self::{
    body::Changes,
    view::{study_object, tester_view},
};
pub use self::{
    changes::{close_study, delete_study, launch_study, update_study},
    lists::list_studies,
};
use super::{
    auth::{ANY_READER, DRAFTERS, Side},
    call::{Call, answer},
    envelope::{Problem, success},
    fields::Fields,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{OrganizationId, Status, Study, StudyId},
    serve::BoxFuture,
    store::Progress,
};

pub(super) fn missing() -> Problem {
    Problem::not_found("Study")
}

/// A refusal for the state that a study is in.
pub(super) fn wrong_state(study: &Study, expected: &str) -> Problem {
    Problem::invalid("", &format!("Study is {}, expected {expected}", study.status.as_str()))
}

/// Whether a caller sees a study as its owner does (openscouter 3.8).
fn owns(side: Side, study: &Study) -> bool {
    match side {
        Side::Admin => true,
        Side::Owner(organization) => study.organization == organization,
        Side::Tester(_) => false,
    }
}

/// A study that the caller may see as its owner.
pub(super) async fn owned_study(call: &Call, side: Side, id: Option<StudyId>) -> Result<Study, Problem> {
    let study = call.context.store().linked_study(id.ok_or_else(missing)?).await?;
    study.filter(|study| owns(side, study)).ok_or_else(missing)
}

/// As [`owned_study`], with what is counted of its sessions, in the same read.
async fn owned_with_progress(call: &Call, side: Side, id: Option<StudyId>) -> Result<(Study, Progress), Problem> {
    let found = call.context.store().study_with_progress(id.ok_or_else(missing)?).await?;
    found.filter(|(study, _)| owns(side, study)).ok_or_else(missing)
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
            let (study, progress) = owned_with_progress(call, caller.side(), id).await?;
            Ok(success(200, &study_object(call, &study, progress)))
        })
    })
}
