//! `GET /v1/studies/`: one page of the caller's studies (outset 8).

mod filters;
mod page;

use serde::Serialize;

use shared::{
    BoxFuture,
    context::Context,
    http::Response,
    model::{OrganizationId, Study},
    outset::{
        self, Endpoint, Operation,
        access::Caller,
        envelope::{Problem, json_answer},
        request_context::RequestContext,
        routes::Resource,
        studies::StudyView,
    },
    secret::KeyHash,
    store::{FirstRead, ListedStudy, Page, StoreError},
};

use self::{
    filters::Filters,
    page::{Page as PageNumber, locate, query_of_page, read_page, read_page_size},
};

/// The function.
pub const FUNCTION: Endpoint<Head> =
    outset::endpoint(env!("CARGO_PKG_NAME"), Resource::List, Operation::Read, head, |cx, caller, head| {
        Box::pin(list(cx, caller, head))
    });

/// The list's head as it was read before it was known who calls, if it could be known which list that is.
pub type Head = Result<Option<FirstRead>, StoreError>;

/// The page object (outset 8.1).
#[derive(Serialize)]
struct PageView<'a> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<StudyView<'a>>,
}

/// Reads the list's head beside the key, when this process knows the key's organization.
fn head<'a>(cx: &'a RequestContext, key: &'a KeyHash) -> BoxFuture<'a, Head> {
    Box::pin(async move {
        let reads = matches!(cx.request.method.as_str(), "GET" | "HEAD");
        let filters = filters::parse(&cx.request.query).ok().filter(|_| reads);
        match filters.as_ref().and_then(Filters::counted) {
            Some(filter) => cx.context.store().first_read(key, filter).await,
            None => Ok(None),
        }
    })
}

async fn list(cx: &RequestContext, caller: Caller, head: Head) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let filters = filters::parse(query).map_err(Problem::Invalid)?;
    let (page, size) = (read_page(query.last("page")), read_page_size(query.last("page_size")));
    let found = find(&cx.context, caller.organization, head?, &filters, page, size).await?;
    let found = found.ok_or(Problem::InvalidPage)?;
    let number = locate(page, u64::from(size), found.total).ok_or(Problem::InvalidPage)?;
    let base = cx.base();
    let link = |number| format!("{base}/v1/studies/{}", query_of_page(query, number));
    let view = PageView {
        count: found.total,
        next: (number * u64::from(size) < found.total).then(|| link(number + 1)),
        previous: (number > 1).then(|| link(number - 1)),
        results: found.members.iter().map(|study| StudyView::new(study, &base)).collect(),
    };
    Ok(json_answer(200, &view, cx.rendering))
}

/// One page under the filters; `None` when there is no such page.
async fn find(
    context: &Context,
    organization: OrganizationId,
    head: Option<FirstRead>,
    filters: &Filters,
    page: PageNumber,
    size: u32,
) -> Result<Option<Page<Study>>, StoreError> {
    let size_wide = u64::from(size);
    if let Some(counted) = filters.counted() {
        let position = move |total| locate(page, size_wide, total).map(|number| (number - 1) * size_wide);
        let store = context.store();
        let page = store.studies_page(organization, (counted, head), filters.created_after, size, &position).await?;
        // what is shown here says nothing of tasks
        let shown = |page: Page<ListedStudy>| page.members.into_iter().map(|listed| listed.study).collect();
        return Ok(page.map(|page| Page { total: page.total, members: shown(page) }));
    }
    let studies = context.store().all_studies(organization).await?;
    let mut studies: Vec<_> = studies.into_iter().map(|listed| listed.study).collect();
    studies.retain(|study| filters.matches(study));
    filters.ordering.sort(&mut studies);
    let total = u64::try_from(studies.len()).unwrap_or(u64::MAX);
    let Some(number) = locate(page, size_wide, total) else { return Ok(None) };
    let offset = usize::try_from((number - 1) * size_wide).unwrap_or(usize::MAX);
    let members = studies.into_iter().skip(offset).take(size as usize).collect();
    Ok(Some(Page { total, members }))
}
