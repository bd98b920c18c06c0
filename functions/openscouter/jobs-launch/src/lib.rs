//! `POST /api/jobs/:id/launch`: opens a draft (openscouter 5.1, 9.4).

use shared::{
    http::Response,
    model::{Payment, Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{self, owned_with_progress, view::study_view, wrong_state},
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

/// Whether the organization of a study need not pay for it (openscouter 1.3).
async fn billing_exempt(cx: &RequestContext, caller: &Caller, study: &Study) -> Result<bool, Problem> {
    match caller.viewer() {
        Viewer::Owner(_) => Ok(caller.account.organization.billing_exempt),
        Viewer::Admin | Viewer::Tester(_) => {
            let organization = cx.context.store().organization(study.organization).await?;
            Ok(organization.is_some_and(|organization| organization.billing_exempt))
        }
    }
}

/// Refuses a study that is no draft, is not complete or is not paid (openscouter 9.4).
fn check_ready(study: &Study, exempt: bool) -> Result<(), Problem> {
    if study.status != Status::Draft {
        return Err(wrong_state(study, "draft"));
    }
    let details = &study.details;
    let complete = [
        ("description", !details.description.is_empty()),
        ("tasks", !study.tasks.is_empty()),
        ("targeting.countries", !details.targeting.countries.is_empty()),
        ("compensation", details.compensation.is_some()),
    ];
    if let Some((name, _)) = complete.iter().find(|(_, there)| !there) {
        return Err(Problem::invalid(name, "is required to launch"));
    }
    if details.payment != Payment::Paid && !exempt {
        return Err(Problem::invalid("", "Study payment is not confirmed"));
    }
    Ok(())
}
