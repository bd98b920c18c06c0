//! `GET /api/reports/job/:id`: the report on a study (openscouter 13).

use shared::{
    http::Response,
    model::StudyId,
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, Grant, OWNING, Scope},
        envelope::Problem,
        reports::{missing, read},
        request_context::RequestContext,
        studies::owned_study,
    },
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(OWNING).tokens(Scope::Read).oauth(Grant::Read);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let study = owned_study(cx, caller.viewer(), StudyId::from_wire(cx.path("id"))).await?;
    let report = cx.context.store().study_report(study.id).await?.ok_or_else(missing)?;
    read(cx, &caller, &report).await
}
