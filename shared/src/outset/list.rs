//! `GET /v1/studies/` (outset 8).

use serde_json::{Value, json};

use super::{
    access::Counted,
    envelope::{Problem, render_json},
    rules::{
        filters::{self, Filters, Ordering},
        page::{Page as PageNumber, read_page, read_page_size},
    },
    view::{Outcome, RequestContext, Resource, described, not_allowed, public_base, study_value, view},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response, query::Query},
    model::{OrganizationId, Status, Study},
    secret::KeyHash,
    store::{FirstRead, ListedStudy, Page, StoreError, StudyFilter},
};

/// `GET /v1/studies/` and every other method of its resource.
#[must_use]
pub fn list(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move { view(&context, &request, first_read, |cx, first| Box::pin(dispatch(cx, first))).await })
}

/// The list's head that was read first, if it could be known which one.
type First = Result<Option<FirstRead>, StoreError>;

/// Reads the list's head beside the key, when this process knows the key's organization.
fn first_read<'a>(context: &'a Context, request: &'a Request, _: Resource, key: KeyHash) -> BoxFuture<'a, First> {
    Box::pin(async move {
        let filters = filters::parse(&request.query).ok();
        match filters.as_ref().and_then(counted_filter).filter(|_| matches!(request.method.as_str(), "GET" | "HEAD")) {
            Some(filter) => context.store().first_read(&key, filter).await,
            None => Ok(None),
        }
    })
}

async fn dispatch(cx: RequestContext<'_>, first: First) -> Outcome {
    match cx.request.method.as_str() {
        "GET" | "HEAD" => read_list(cx, first).await,
        "OPTIONS" => described(cx).await,
        _ => not_allowed(cx).await,
    }
}

/// Which page of how many: the last page of an empty list is page 1.
fn locate(page: PageNumber, size: u64, total: u64) -> Option<u64> {
    let last = total.div_ceil(size).max(1);
    match page {
        PageNumber::Number(number) => (1..=last).contains(&number).then_some(number),
        PageNumber::Last => Some(last),
        PageNumber::Invalid => None,
    }
}

async fn read_list(mut cx: RequestContext<'_>, first: First) -> Outcome {
    let (context, organization) = (cx.context, cx.caller.key.organization);
    let query = &cx.request.query;
    let filters = filters::parse(query);
    let page = read_page(query.last("page"));
    let size = read_page_size(query.last("page_size"));
    let find = async {
        match &filters {
            Ok(filters) => find(context, organization, first?, filters, page, size).await,
            Err(_) => Ok(None),
        }
    };
    let (found, counted) = cx.caller.admit(context, cx.now, find).await?;
    let found = found.map_err(|error| (Problem::from(error), counted))?;
    if let Err(fields) = filters {
        return Err((Problem::Invalid(fields), counted));
    }
    let found = found.ok_or((Problem::InvalidPage, counted))?;
    page_answer(&cx, &found, page, u64::from(size), counted)
}

fn page_answer(
    cx: &RequestContext<'_>,
    found: &Page<Study>,
    page: PageNumber,
    size: u64,
    counted: Option<Counted>,
) -> Outcome {
    let number = locate(page, size, found.total).ok_or((Problem::InvalidPage, counted))?;
    let base = public_base(cx.context, cx.request);
    let here = format!("{base}/v1/studies/");
    let query: &Query = &cx.request.query;
    let next = (number * size < found.total).then(|| format!("{here}{}", query.with_page(number + 1)));
    let previous = match number {
        1 => None,
        2 => Some(format!("{here}{}", query.without_page())),
        _ => Some(format!("{here}{}", query.with_page(number - 1))),
    };
    let results: Vec<Value> = found.members.iter().map(|study| study_value(study, &base)).collect();
    let body = json!({"count": found.total, "next": next, "previous": previous, "results": results});
    Ok((render_json(200, &body, cx.rendering), counted))
}

/// One page under the filters; `None` when there is no such page.
async fn find(
    context: &Context,
    organization: OrganizationId,
    first: Option<FirstRead>,
    filters: &Filters,
    page: PageNumber,
    size: u32,
) -> Result<Option<Page<Study>>, StoreError> {
    let size_wide = u64::from(size);
    if let Some(counted) = counted_filter(filters) {
        let position = move |total| locate(page, size_wide, total).map(|number| (number - 1) * size_wide);
        let store = context.store();
        let page = store.studies_page(organization, (counted, first), filters.created_after, size, &position).await?;
        // what is shown here says nothing of tasks
        let shown = |page: Page<ListedStudy>| page.members.into_iter().map(|listed| listed.study).collect();
        return Ok(page.map(|page| Page { total: page.total, members: shown(page) }));
    }
    let studies = context.store().all_studies(organization).await?;
    let mut studies: Vec<_> = studies.into_iter().map(|listed| listed.study).collect();
    studies.retain(|study| matches(filters, study));
    sort(&mut studies, filters.ordering);
    let total = u64::try_from(studies.len()).unwrap_or(u64::MAX);
    let Some(number) = locate(page, size_wide, total) else { return Ok(None) };
    let offset = usize::try_from((number - 1) * size_wide).unwrap_or(usize::MAX);
    let members = studies.into_iter().skip(offset).take(size as usize).collect();
    Ok(Some(Page { total, members }))
}

/// The list that keeps its count under these filters, if there is one (outset 8.6).
fn counted_filter(filters: &Filters) -> Option<StudyFilter> {
    let counted = filters.updated_since.is_none() && filters.search.is_empty();
    if !counted || filters.ordering != Ordering::CreatedDescending {
        return None;
    }
    match (filters.active, filters.statuses.as_deref()) {
        (None, None) => Some(StudyFilter::All),
        (Some(active), None) => Some(StudyFilter::Active(active)),
        (None, Some([status])) => Status::parse(status).map(StudyFilter::Status),
        _ => None,
    }
}

fn matches(filters: &Filters, study: &Study) -> bool {
    let name = study.name.to_lowercase();
    filters.active.is_none_or(|active| study.status.is_active() == active)
        && filters.statuses.as_ref().is_none_or(|all| all.iter().any(|status| status == study.status.as_str()))
        && filters.created_after.is_none_or(|after| study.created_at > after)
        && filters.updated_since.is_none_or(|since| study.updated_at >= since)
        && filters.search.iter().all(|word| name.contains(word.as_str()))
}

fn sort(studies: &mut [Study], ordering: Ordering) {
    match ordering {
        Ordering::CreatedDescending => studies.sort_by(|a, b| b.created_at.cmp(&a.created_at).then(a.id.cmp(&b.id))),
        Ordering::CreatedAscending => studies.sort_by(|a, b| a.created_at.cmp(&b.created_at).then(a.id.cmp(&b.id))),
        Ordering::NameAscending => studies.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id))),
        Ordering::NameDescending => studies.sort_by(|a, b| b.name.cmp(&a.name).then(a.id.cmp(&b.id))),
    }
}
