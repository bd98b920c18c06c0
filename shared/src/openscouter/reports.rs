//! Reports on sessions and studies: how they are read, and the signed address of their page (openscouter 13).

pub mod view;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::view::{ReportView, report_view};
use super::{
    access::{Caller, Viewer},
    envelope::{Problem, success},
    request_context::RequestContext,
};
use crate::{
    http::Response,
    model::{Action, AgentStatus, Report, ReportId},
};

/// How long the address of a report's page works.
const PAGE_SECONDS: i64 = 15 * 60;

/// 404 for a report that is not there, or not for this caller (openscouter 3.8).
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Report")
}

/// The token in the address of a report's page: signed, so that a browser needs no other credential (openscouter 13).
#[derive(Debug, Deserialize, Serialize)]
pub struct PageClaims {
    aud: String,
    sub: String,
    exp: i64,
}

/// The address of a report's page, without its token: also the token's audience.
fn page_address(cx: &RequestContext, report: ReportId) -> String {
    format!("{}/api/reports/{}/page", cx.base(), report.wire())
}

impl PageClaims {
    /// Whether a token's claims open the page of this report now (openscouter 13).
    #[must_use]
    pub fn open(&self, cx: &RequestContext, report: ReportId) -> bool {
        self.aud == page_address(cx, report) && self.exp > cx.now.unix_timestamp()
    }
}

/// The address of a report's page; `None` until the report is complete, and where no key signs.
fn page_url(cx: &RequestContext, report: &Report) -> Result<Option<String>, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let Some(signer) = signer.filter(|_| report.status == AgentStatus::Complete) else { return Ok(None) };
    let address = page_address(cx, report.id);
    let exp = cx.now.unix_timestamp() + PAGE_SECONDS;
    let token = signer.sign(&PageClaims { aud: address.clone(), sub: report.study.wire(), exp })?;
    Ok(Some(format!("{address}?token={token}")))
}

/// A report with the address of its page (openscouter 13).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadView {
    #[serde(flatten)]
    report: ReportView,
    page_url: Option<String>,
}

/// A report that the caller may see: a tester that of the own session (openscouter 3.8).
///
/// # Errors
/// 404 when there is none; 500 when the store fails.
pub async fn seen(cx: &RequestContext, caller: &Caller, id: &str) -> Result<Report, Problem> {
    let id = ReportId::from_wire(id).ok_or_else(missing)?;
    let report = cx.context.store().report(id).await?;
    let sees = |report: &Report| match caller.viewer() {
        Viewer::Admin => true,
        Viewer::Owner(organization) => report.organization == organization,
        Viewer::Tester(tester) => report.tester == Some(tester),
    };
    report.filter(sees).ok_or_else(missing)
}

/// Records that a caller reads a report, and answers with it (openscouter 13).
///
/// # Errors
/// 500 when the store fails.
pub async fn read(cx: &RequestContext, caller: &Caller, report: &Report) -> Result<Response, Problem> {
    let page_url = read_page(cx, caller, report).await?;
    Ok(success(200, &ReadView { report: report_view(report), page_url }))
}

/// Records that a caller reads a report, and gives the address of its page, once it is complete (openscouter 13).
///
/// # Errors
/// 500 when the store fails.
pub async fn read_page(cx: &RequestContext, caller: &Caller, report: &Report) -> Result<Option<String>, Problem> {
    record_read(cx, caller, report).await?;
    page_url(cx, report)
}

/// Records that a caller reads a report (openscouter 13).
///
/// # Errors
/// 500 when the store fails.
pub async fn record_read(cx: &RequestContext, caller: &Caller, report: &Report) -> Result<(), Problem> {
    let record = cx.record(
        Action::ReportRead,
        Some(&caller.account.user),
        Some(report.id.wire()),
        json!({"version": report.edition}),
    );
    Ok(cx.context.store().record(&record).await?)
}
