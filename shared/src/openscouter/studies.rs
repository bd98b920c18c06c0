//! Studies (openscouter 5.1, 9).

pub mod body;
pub mod changes;
pub mod lists;
pub mod view;

pub use self::view::{study_data, task_id};
use self::{
    body::Changes,
    view::{study_object, tester_view},
};
pub use self::{
    changes::{close_study, delete_study, update_study},
    lists::list_studies,
};
use super::{
    access::{ANY_READER, DRAFTERS, Viewer},
    endpoint::answer,
    envelope::{Problem, success},
    fields::Fields,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{OrganizationId, Status, Study, StudyId},
    store::Progress,
};

pub fn missing() -> Problem {
    Problem::not_found("Study")
}

/// A refusal for the state that a study is in.
pub fn wrong_state(study: &Study, expected: &str) -> Problem {
    Problem::invalid("", &format!("Study is {}, expected {expected}", study.status.as_str()))
}

/// Whether a caller sees a study as its owner does (openscouter 3.8).
fn owns(viewer: Viewer, study: &Study) -> bool {
    match viewer {
        Viewer::Admin => true,
        Viewer::Owner(organization) => study.organization == organization,
        Viewer::Tester(_) => false,
    }
}

/// A study that the caller may see as its owner.
pub async fn owned_study(cx: &RequestContext, viewer: Viewer, id: Option<StudyId>) -> Result<Study, Problem> {
    let study = cx.context.store().linked_study(id.ok_or_else(missing)?).await?;
    study.filter(|study| owns(viewer, study)).ok_or_else(missing)
}

/// As [`owned_study`], with what is counted of its sessions, in the same read.
pub async fn owned_with_progress(
    cx: &RequestContext,
    viewer: Viewer,
    id: Option<StudyId>,
) -> Result<(Study, Progress), Problem> {
    let found = cx.context.store().study_with_progress(id.ok_or_else(missing)?).await?;
    found.filter(|(study, _)| owns(viewer, study)).ok_or_else(missing)
}

/// `POST /api/jobs`
#[must_use]
pub fn create_study(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(DRAFTERS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let named = match caller.viewer() {
            Viewer::Admin => Some(OrganizationId::from_wire(&fields.text("organizationId", 1, usize::MAX)?)),
            Viewer::Owner(_) | Viewer::Tester(_) => None,
        };
        let changes = Changes::read(&fields, None)?;
        let store = cx.context.store();
        let organization = match named {
            None => caller.sees().unwrap_or(caller.account.organization.id),
            Some(id) => {
                let missing = || Problem::not_found("Organization");
                store.organization(id.ok_or_else(missing)?).await?.ok_or_else(missing)?.id
            }
        };
        let mut study = Study {
            id: StudyId::at(cx.now),
            organization,
            name: String::new(),
            status: Status::Draft,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: Vec::new(),
            details: crate::model::Details::default(),
            created_at: cx.now,
            updated_at: cx.now,
            version: 1,
        };
        changes.apply(&mut study, cx.now);
        if !store.create_studies(std::slice::from_ref(&study)).await?.is_empty() {
            tracing::debug!("the answer to an earlier try was lost");
        }
        Ok(success(201, &study_object(cx, &study, Progress::default())))
    })
    .await
}

/// `GET /api/jobs/:id`
#[must_use]
pub fn get_study(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(ANY_READER).await?;
            let id = StudyId::from_wire(cx.path_id());
            if let Viewer::Tester(tester) = caller.viewer() {
                let ground = cx.context.store().test_ground(id.ok_or_else(missing)?, tester).await?;
                let study = ground.study.filter(|_| ground.exists || ground.assigned).ok_or_else(missing)?;
                return Ok(success(200, &tester_view(&study)));
            }
            let (study, progress) = owned_with_progress(cx, caller.viewer(), id).await?;
            Ok(success(200, &study_object(cx, &study, progress)))
        })
    })
}
