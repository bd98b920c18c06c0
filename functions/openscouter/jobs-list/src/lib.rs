//! `GET /api/jobs`: studies, newest first (openscouter 2.7, 9.4).

use serde::Serialize;

use shared::{
    http::Response,
    model::{OrganizationId, Status, Study, UserId},
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Caller, Viewer},
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
        studies::view::{study_view, tester_view},
    },
    store::{ListedStudy, Page, StudyFilter},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER, |cx, caller| Box::pin(list(cx, caller)));

/// Bytes of the tasks and details of a page: an answer has room for twice as many, as each can take two on its way.
const MAX_PAGE_BYTES: usize = 2_500_000;

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let status = query.last("status").map(status_of).transpose()?;
    match caller.viewer() {
        Viewer::Tester(tester) => tested(cx, tester, status, paging).await,
        Viewer::Owner(organization) => owned(cx, Some(organization), status, paging).await,
        Viewer::Admin => match query.last("organizationId").map(OrganizationId::from_wire) {
            None => owned(cx, None, status, paging).await,
            Some(None) => Ok(paging.empty_list()),
            Some(organization) => owned(cx, organization, status, paging).await,
        },
    }
}

fn status_of(text: &str) -> Result<Status, Problem> {
    let names = || Status::ALL.map(Status::as_str).join(", ");
    Status::parse(text).ok_or_else(|| Problem::invalid("status", &format!("must be one of: {}", names())))
}

/// Study data of one organization's studies, or of all (openscouter 9.2).
async fn owned(
    cx: &RequestContext,
    organization: Option<OrganizationId>,
    status: Option<Status>,
    paging: Paging,
) -> Result<Response, Problem> {
    let store = cx.context.store();
    let page = match organization {
        None => store.every_study_page(status, paging.offset(), paging.limit).await?,
        Some(organization) => {
            let filter = status.map_or(StudyFilter::All, StudyFilter::Status);
            let offset = paging.offset();
            let position = move |_: u64| Some(offset);
            let page = store.studies_page(organization, (filter, None), None, paging.limit, &position).await?;
            page.ok_or_else(|| Problem::Crash("a list without a page".to_owned()))?
        }
    };
    let total = page.total;
    let ids: Vec<_> = page.members.iter().map(|listed| listed.study.id).collect();
    check_size(&page.members)?;
    let progress = store.progress_of(&ids).await?;
    let progress_of = |study: &Study| progress.get(&study.id).copied().unwrap_or_default();
    let row = |listed| Listed::of(listed, study_view(cx, &listed.study, progress_of(&listed.study)));
    let rows: Vec<_> = page.members.iter().map(row).collect();
    Ok(paging.list(&rows, total))
}

/// Tester views of the studies that a tester accepted or tested (openscouter 9.3).
async fn tested(
    cx: &RequestContext,
    tester: UserId,
    status: Option<Status>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = match status {
        None => cx.context.store().tested_studies(tester, paging.offset(), paging.limit).await?,
        Some(status) => tested_in(cx, tester, status, paging).await?,
    };
    let total = page.total;
    check_size(&page.members)?;
    let rows: Vec<_> = page.members.iter().map(|listed| Listed::of(listed, tester_view(&listed.study))).collect();
    Ok(paging.list(&rows, total))
}

/// A page of a tester's studies in one state. All of them are read: there are as many as the tester has tests.
async fn tested_in(
    cx: &RequestContext,
    tester: UserId,
    status: Status,
    paging: Paging,
) -> Result<Page<ListedStudy>, Problem> {
    const STEP: u32 = 100;
    let mut all = Vec::new();
    for offset in (0..).step_by(STEP as usize) {
        let page = cx.context.store().tested_studies(tester, offset, STEP).await?;
        all.extend(page.members.into_iter().filter(|listed| listed.study.status == status));
        if offset + u64::from(STEP) >= page.total {
            break;
        }
    }
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let skip = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
    let members = all.into_iter().skip(skip).take(paging.limit as usize).collect();
    Ok(Page { total, members })
}

/// A study of a list (openscouter 9.4).
#[derive(Serialize)]
struct Listed<V> {
    #[serde(flatten)]
    study: V,
    /// Set where long tasks are left out.
    #[serde(rename = "tasksTruncated", skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
}

impl<V> Listed<V> {
    fn of(listed: &ListedStudy, study: V) -> Self {
        Self { study, truncated: listed.lacks_tasks().then_some(true) }
    }
}

/// Refuses a page that no answer has room for, with the limit under which each of its studies can be had (openscouter 9.4).
fn check_size(studies: &[ListedStudy]) -> Result<(), Problem> {
    let sizes = || studies.iter().map(|listed| listed.size);
    if sizes().sum::<usize>() > MAX_PAGE_BYTES {
        let most = MAX_PAGE_BYTES / sizes().max().unwrap_or(1);
        return Err(Problem::invalid("limit", &format!("must be at most {most}")));
    }
    Ok(())
}
