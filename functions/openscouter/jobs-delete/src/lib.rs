//! `DELETE /api/jobs/:id`: a draft goes, with all that hangs on it (openscouter 9.4).

use serde::Serialize;

use shared::{
    http::Response,
    model::{Payment, Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        request_context::RequestContext,
        studies::{missing, owned_study, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(delete(cx, caller)));

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    job_id: String,
    deleted: bool,
}

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let study = owned_study(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
    let deleted = cx.context.store().delete_draft(study, cx.now, &check_deletable).await;
    let study = deleted.map_err(|error| error.or_missing(missing))?;
    Ok(success(200, &Deleted { job_id: study.id.wire(), deleted: true }))
}

fn check_deletable(study: &Study) -> Result<(), Problem> {
    if study.status != Status::Draft {
        return Err(wrong_state(study, "draft"));
    }
    if study.details.payment == Payment::Paid {
        return Err(Problem::invalid("", "Study is already paid"));
    }
    Ok(())
}
