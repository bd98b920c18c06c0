//! `POST /api/sessions`: a tester begins a session of a study (openscouter 10.3).

use serde::Serialize;
use uuid::Uuid;

use shared::{
    http::Response,
    model::{Account, ConsentKind, Role, Standing, Status, Study, StudyId, TestSession, UserId, VariantLabel},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, EVERYBODY, Scope, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
        studies,
    },
    store::{NewTest, TestCreation, TestGround},
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(EVERYBODY).tokens(Scope::Write);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(create(cx, caller)));

/// A session that was created.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    session_id: String,
    job_id: String,
    tester_id: String,
    variant: Option<&'static str>,
    status: &'static str,
    created_at: String,
}

/// What a session is asked for with.
struct Asked {
    study: StudyId,
    /// `None` when the id is none.
    tester: Option<UserId>,
    variant: Option<VariantLabel>,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let asked = read(&fields)?;
        let viewer = caller.viewer();
        let ground = Ground::read(cx, &asked).await?;
        let tester = ground.check_visible(viewer)?;
        ground.check_tester(viewer, tester)?;
        ground.check_seats(asked.variant)?;
        let new =
            NewTest { study: &ground.study, tester: tester.user.id, variant: asked.variant, assigns: !ground.assigned };
        let session = match cx.context.store().create_test_session(&new, cx.now).await? {
            TestCreation::Created(session) => session,
            TestCreation::Exists => return Err(taken()),
            TestCreation::Withdrawn => return Err(unconsented()),
            TestCreation::Unassigned => return Err(unaccepted()),
            TestCreation::Full => return Err(full()),
            TestCreation::Shut => return Err(shut(cx, ground.study.id).await?),
        };
        Ok(success(201, &created(&session)))
    })
    .await
}

fn read(fields: &Fields) -> Result<Asked, Problem> {
    let study = fields.text("jobId", 1, usize::MAX)?;
    let tester = fields.text("testerId", 1, usize::MAX)?;
    let label = || fields.choice("variant", "A, B", VariantLabel::parse);
    let variant = fields.optional("variant").map(|_| label()).transpose()?;
    let study = StudyId::from_wire(&study).ok_or_else(studies::missing)?;
    Ok(Asked { study, tester: UserId::from_wire(&tester), variant })
}

fn created(session: &TestSession) -> Created {
    Created {
        session_id: session.id.wire(),
        job_id: session.study.wire(),
        tester_id: session.tester.wire(),
        variant: session.variant.map(VariantLabel::as_str),
        status: session.status.as_str(),
        created_at: timestamp(session.created_at),
    }
}

/// What the rules rest on, read in one round trip.
struct Ground {
    study: Study,
    /// Whether the tester accepted the study.
    assigned: bool,
    /// Whether the tester was told of a proposal of it.
    proposed: bool,
    /// Whether the tester has a session of it.
    exists: bool,
    /// Whether no seat is left for the tester.
    full: bool,
    /// Whose session it becomes, if there is such a user.
    account: Option<Account>,
    /// Whether the consent that sessions need holds.
    consents: bool,
}

impl Ground {
    async fn read(cx: &RequestContext, asked: &Asked) -> Result<Self, Problem> {
        let store = cx.context.store();
        let version = &*cx.context.settings().openscouter.consent_version;
        let tester = asked.tester.unwrap_or(UserId::from_uuid(Uuid::nil()));
        let (ground, account, consents) = futures_util::future::try_join3(
            store.test_ground(asked.study, tester),
            store.account(tester),
            store.has_consent(tester, ConsentKind::Testing, version),
        )
        .await?;
        let TestGround { study, assigned, proposed, exists, sessions, reserved } = ground;
        let study = study.ok_or_else(studies::missing)?;
        let full = !reserved && sessions >= study.details.targeting.tester_count;
        Ok(Self { study, assigned, proposed, exists, full, account, consents })
    }

    /// Refuses what the caller may not see (openscouter 3.8), and gives the tester.
    fn check_visible(&self, viewer: Viewer) -> Result<&Account, Problem> {
        if let Viewer::Owner(organization) = viewer
            && self.study.organization != organization
        {
            return Err(studies::missing());
        }
        let tester = self.account.as_ref().filter(|account| account.user.role == Role::Tester);
        let tester = tester.ok_or_else(|| Problem::not_found("Tester"))?;
        if let Viewer::Tester(own) = viewer {
            if own != tester.user.id {
                return Err(Problem::forbidden("You do not have permission to perform this action"));
            }
            if !self.assigned && !self.proposed && !self.exists {
                return Err(studies::missing());
            }
        }
        Ok(tester)
    }

    /// Refuses a study that takes no sessions, and a tester who may not begin one, in the contract's order.
    fn check_tester(&self, viewer: Viewer, tester: &Account) -> Result<(), Problem> {
        if !self.study.status.is_active() {
            return Err(closed(&self.study));
        }
        let refuse = |reason: &str| Err(Problem::invalid("testerId", reason));
        if tester.user.standing() != Standing::Active {
            return refuse("tester is not active");
        }
        if !self.assigned && viewer != Viewer::Admin {
            return Err(unaccepted());
        }
        if !self.consents {
            return Err(unconsented());
        }
        Ok(())
    }

    /// Refuses a second session, one without a seat, and a variant of a study that compares none.
    fn check_seats(&self, variant: Option<VariantLabel>) -> Result<(), Problem> {
        if self.exists {
            return Err(taken());
        }
        if self.full {
            return Err(full());
        }
        if variant.is_some() && !self.study.details.ab_test.as_ref().is_some_and(|test| test.enabled) {
            return Err(Problem::invalid("variant", "study has no A/B test"));
        }
        Ok(())
    }
}

fn unaccepted() -> Problem {
    Problem::invalid("testerId", "tester has not accepted this study")
}

fn unconsented() -> Problem {
    Problem::invalid("testerId", "tester has not given consent")
}

fn taken() -> Problem {
    Problem::invalid("testerId", "tester already has a session for this study")
}

fn full() -> Problem {
    Problem::invalid("jobId", "study has no free places")
}

fn closed(study: &Study) -> Problem {
    studies::wrong_state(study, "open or in_progress")
}

/// The refusal of a study that was closed since it was read.
async fn shut(cx: &RequestContext, study: StudyId) -> Result<Problem, Problem> {
    let now = cx.context.store().linked_study(study).await?.ok_or_else(studies::missing)?;
    // one that is open again by now was paused in between
    Ok(if now.status.is_active() { closed(&Study { status: Status::Paused, ..now }) } else { closed(&now) })
}
