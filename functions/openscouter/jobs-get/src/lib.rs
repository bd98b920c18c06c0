//! `GET /api/jobs/:id`: a study, as its owner or its tester sees it (openscouter 9.2, 9.3, 9.4).

use shared::{
    http::Response,
    model::StudyId,
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Caller, Viewer},
        envelope::{Problem, success},
        request_context::RequestContext,
        studies::{
            missing, owned_with_progress,
            view::{study_view, tester_view},
        },
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let id = StudyId::from_wire(cx.path("id"));
    if let Viewer::Tester(tester) = caller.viewer() {
        let ground = cx.context.store().test_ground(id.ok_or_else(missing)?, tester).await?;
        let study = ground.study.filter(|_| ground.exists || ground.assigned || ground.proposed).ok_or_else(missing)?;
        return Ok(success(200, &tester_view(&study)));
    }
    let (study, progress) = owned_with_progress(cx, caller.viewer(), id).await?;
    Ok(success(200, &study_view(cx, &study, progress)))
}
