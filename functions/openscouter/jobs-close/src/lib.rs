//! `POST /api/jobs/:id/close`: a study ends for good (openscouter 5.1, 9.4).

use shared::{
    http::Response,
    model::{Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{self, owned_with_progress, view::study_view, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(close(cx, caller)));

async fn close(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let (study, progress) = owned_with_progress(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
    let closed = studies::update(cx, study, &|current: &Study| {
        if current.status == Status::Closed {
            return Err(wrong_state(current, "draft, open, in_progress, paused or completed"));
        }
        Ok(Some(current.moved_to(Status::Closed, cx.now)))
    })
    .await?;
    Ok(success(200, &study_view(cx, &closed, progress)))
}
