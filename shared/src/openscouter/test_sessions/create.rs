//! The creation of a test session (openscouter 10.3).

use serde_json::json;

use super::super::{
    access::{ANY_WRITER, Viewer},
    endpoint::answer,
    envelope::{Problem, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
    studies,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Account, ConsentKind, Role, Standing, Status, Study, StudyId, TestSession, UserId, VariantLabel},
    store::{NewTest, TestCreation, TestGround},
};

/// `POST /api/sessions`
#[must_use]
pub fn create_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

fn taken() -> Problem {
    Problem::invalid("testerId", "tester already has a session for this study")
}

fn no_place() -> Problem {
    Problem::invalid("jobId", "study has no free places")
}

fn closed(study: &Study) -> Problem {
    studies::wrong_state(study, "open or in_progress")
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_WRITER).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let study = fields.text("jobId", 1, usize::MAX)?;
        let tester = fields.text("testerId", 1, usize::MAX)?;
        let label = || fields.choice("variant", "A, B", VariantLabel::parse);
        let variant = fields.optional("variant").map(|_| label()).transpose()?;
        let id = StudyId::from_wire(&study).ok_or_else(studies::missing)?;
        let session = create(cx, caller.viewer(), (id, UserId::from_wire(&tester)), variant).await?;
        let data = json!({
            "sessionId": session.id.wire(),
            "jobId": session.study.wire(),
            "testerId": session.tester.wire(),
            "variant": session.variant.map(VariantLabel::as_str),
            "status": session.status.as_str(),
            "createdAt": timestamp(session.created_at),
        });
        Ok(success(201, &data))
    })
    .await
}

/// The rules in the contract's order; the last ones and the write are one step of the store.
async fn create(
    cx: &RequestContext,
    viewer: Viewer,
    (study, tester): (StudyId, Option<UserId>),
    variant: Option<VariantLabel>,
) -> Result<TestSession, Problem> {
    let store = cx.context.store();
    let nobody = UserId::from_uuid(uuid::Uuid::nil());
    let version = &*cx.context.settings().openscouter.consent_version;
    let named = tester.unwrap_or(nobody);
    let (ground, account, consents) = futures_util::future::try_join3(
        store.test_ground(study, named),
        store.account(named),
        store.has_consent(named, ConsentKind::Testing, version),
    )
    .await?;
    let TestGround { study, assigned, exists, sessions, reserved } = ground;
    let study = study.ok_or_else(studies::missing)?;
    if let Viewer::Owner(organization) = viewer
        && study.organization != organization
    {
        return Err(studies::missing());
    }
    let tester = account.filter(|account| account.user.role == Role::Tester);
    let tester: Account = tester.ok_or_else(|| Problem::not_found("Tester"))?;
    let user = tester.user.id;
    if let Viewer::Tester(own) = viewer {
        if own != user {
            return Err(Problem::forbidden("You do not have permission to perform this action"));
        }
        if !assigned && !exists {
            return Err(studies::missing());
        }
    }
    if !study.status.is_active() {
        return Err(closed(&study));
    }
    let refuse = |reason: &str| Err(Problem::invalid("testerId", reason));
    if tester.user.standing() != Standing::Active {
        return refuse("tester is not active");
    }
    if !assigned && viewer != Viewer::Admin {
        return refuse("tester has not accepted this study");
    }
    if !consents {
        return refuse("tester has not given consent");
    }
    if exists {
        return Err(taken());
    }
    if !reserved && sessions >= study.details.targeting.tester_count {
        return Err(no_place());
    }
    if variant.is_some() && !study.details.ab_test.as_ref().is_some_and(|test| test.enabled) {
        return Err(Problem::invalid("variant", "study has no A/B test"));
    }
    let new = NewTest { study: &study, tester: user, variant, assigns: !assigned };
    match store.create_test_session(&new, cx.now).await? {
        TestCreation::Created(session) => Ok(*session),
        TestCreation::Exists => Err(taken()),
        TestCreation::Full => Err(no_place()),
        TestCreation::Shut => {
            let now = store.linked_study(study.id).await?.ok_or_else(studies::missing)?;
            let paused = Study { status: Status::Paused, ..now.clone() };
            Err(closed(if now.status.is_active() { &paused } else { &now }))
        }
    }
}
