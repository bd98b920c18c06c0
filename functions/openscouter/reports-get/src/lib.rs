//! `GET /api/reports/:id`: a report on a session or a study (openscouter 13).

use shared::{
    http::Response,
    model::{Report, ReportId},
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Caller, Viewer},
        envelope::Problem,
        reports::{missing, read},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let id = ReportId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let report = cx.context.store().report(id).await?;
    let report = report.filter(|report| sees(caller.viewer(), report)).ok_or_else(missing)?;
    read(cx, &caller, &report).await
}

/// Whether a caller may see a report: a tester that of the own session (openscouter 3.8).
fn sees(viewer: Viewer, report: &Report) -> bool {
    match viewer {
        Viewer::Admin => true,
        Viewer::Owner(organization) => report.organization == organization,
        Viewer::Tester(tester) => report.tester == Some(tester),
    }
}
