//! `POST /api/reports/job/:id`: agent 4 reports on a study (openscouter 12.4, 13).

use shared::{
    http::Response,
    model::{AgentJob, AgentKind, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        agents::{accepted, blocked, check_approved},
        envelope::Problem,
        fields::Fields,
        request_context::RequestContext,
        studies::owned_study,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(create(cx, caller)));

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let study = owned_study(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
        check_approved(cx, &caller, AgentKind::Synthesis, study.id, study.id.wire()).await?;
        let store = cx.context.store();
        let progress = store.progress(study.id).await?;
        if progress.confirmed == 0 {
            let problem = Problem::invalid("", "No confirmed sessions for this study");
            let gate = (study.id.wire(), "notes_confirmed");
            return Err(blocked(cx, &caller, AgentKind::Synthesis, gate, problem).await);
        }
        if progress.reported == 0 {
            return Err(Problem::invalid("", "No complete session reports for this study"));
        }
        let asker = (caller.account.user.id, &*cx.request.audit_id);
        let make = || AgentJob::asked(AgentKind::Synthesis, (study.id, study.organization), asker, cx.now);
        Ok(accepted(&store.order_study_report(study.id, &make, cx.now).await?))
    })
    .await
}
