//! `GET /api/sessions`: a page of the sessions that the caller may see, newest first (openscouter 2.7, 10.3).

use shared::{
    http::{Response, query::Query},
    model::{StudyId, TestStatus, UserId},
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Caller, Viewer},
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
        test_sessions::{SessionView, latest_jobs},
    },
    store::TestSessionFilter,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER, |cx, caller| Box::pin(list(cx, caller)));

/// The states, as a refused filter names them.
const STATES: &str = "active, paused, completed, analyzed, confirmed";

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let asked = filter(query)?;
    let visible = match asked {
        None => None,
        Some(asked) => visible_filter(cx, &caller, asked).await?,
    };
    let Some(filter) = visible else { return Ok(paging.empty_list()) };
    let page = cx.context.store().test_sessions_page(&filter, paging.offset(), paging.limit).await?;
    let jobs = latest_jobs(cx, &page.members).await?;
    let rows: Vec<_> = page.members.iter().map(|session| SessionView::new(session, &caller, &jobs)).collect();
    Ok(paging.list(&rows, page.total))
}

/// What the query asks for; `None` when an id in it matches nothing (openscouter 2.2).
fn filter(query: &Query) -> Result<Option<TestSessionFilter>, Problem> {
    let status = match query.last("status") {
        None => None,
        Some(text) => {
            let status = TestStatus::parse(text);
            Some(status.ok_or_else(|| Problem::invalid("status", &format!("must be one of: {STATES}")))?)
        }
    };
    let study = query.last("jobId").map(StudyId::from_wire);
    let tester = query.last("testerId").map(UserId::from_wire);
    if study == Some(None) || tester == Some(None) {
        return Ok(None);
    }
    Ok(Some(TestSessionFilter { study: study.flatten(), tester: tester.flatten(), status, organization: None }))
}

/// What the caller may see of it (openscouter 3.8); `None` when that is nothing.
async fn visible_filter(
    cx: &RequestContext,
    caller: &Caller,
    asked: TestSessionFilter,
) -> Result<Option<TestSessionFilter>, Problem> {
    match caller.viewer() {
        Viewer::Admin => Ok(Some(asked)),
        Viewer::Owner(organization) => {
            if let Some(study) = asked.study
                && cx.context.store().study(organization, study).await?.is_none()
            {
                return Ok(None);
            }
            Ok(Some(TestSessionFilter { organization: Some(organization), ..asked }))
        }
        Viewer::Tester(own) if asked.tester.is_some_and(|tester| tester != own) => Ok(None),
        Viewer::Tester(own) => Ok(Some(TestSessionFilter { tester: Some(own), ..asked })),
    }
}
