//! `GET /api/reports/:id/page`: a report as a page; a signed token in its address opens it (openscouter 13).

mod page;
mod plot;
#[cfg(test)]
mod tests;
mod text;

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, AgentStatus, ReportId},
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        reports::{PageClaims, missing, view::Contents},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(show(cx)));

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn show(cx: &RequestContext) -> Result<Response, Problem> {
    let id = ReportId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let token = cx.request.query.last("token").unwrap_or_default();
    let claims: PageClaims = cx.context.settings().openscouter.keys.verify(token).map_err(|_| missing())?;
    if !claims.open(cx, id) {
        return Err(missing());
    }
    let store = cx.context.store();
    let report = store.report(id).await?.filter(|report| report.status == AgentStatus::Complete);
    let report = report.ok_or_else(missing)?;
    let study = store.linked_study(report.study).await?.ok_or_else(missing)?;
    // who opens it is not known; who was given the address is, from the record of that reading
    let detail = json!({"version": report.edition, "page": true});
    store.record(&cx.record(Action::ReportRead, None, Some(report.id.wire()), detail)).await?;
    let session = match report.session {
        Some(id) => store.test_session(id).await?,
        None => None,
    };
    let span = session.map(|session| (session.created_at, session.completed_at.unwrap_or(session.created_at)));
    Ok(Response::empty(200)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Content-Security-Policy", POLICY)
        .header("Referrer-Policy", "no-referrer")
        .body(page::page(&report, &Contents::of(&report), &study.name, span)))
}
