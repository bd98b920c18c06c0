//! `POST /api/jobs/:id/launch`: opens a draft (openscouter 5.1, 9.4).

use shared::{
    http::Response,
    model::{Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{self, billing_exempt, check_paid, owned_with_progress, view::study_view, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(launch(cx, caller)));

async fn launch(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let (study, progress) = owned_with_progress(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
    let exempt = billing_exempt(cx, &caller, &study).await?;
    let launched = studies::update(cx, study, &|current| {
        check_ready(current, exempt)?;
        Ok(Some(current.launched(exempt, cx.now)))
    })
    .await?;
    Ok(success(200, &study_view(cx, &launched, progress)))
}

/// Refuses a study that is no draft, is not complete or is not paid (openscouter 9.4).
fn check_ready(study: &Study, exempt: bool) -> Result<(), Problem> {
    if study.status != Status::Draft {
        return Err(wrong_state(study, "draft"));
    }
    if let Some(name) = study.missing_for_launch() {
        return Err(Problem::invalid(name, "is required to launch"));
    }
    check_paid(study, exempt)
}
