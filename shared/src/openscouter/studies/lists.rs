//! Lists of studies (openscouter 2.7, 9.4).

use serde_json::Value;

use super::{
    super::{
        access::{ANY_READER, Viewer},
        endpoint::answer,
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
    },
    view::{study_object, tester_view},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{OrganizationId, Status, Study, UserId},
    store::{ListedStudy, Page, StudyFilter},
};

/// Bytes of the tasks and details of a page: an answer has room for twice as many, as each can take two on its way.
const MAX_ON_A_PAGE: usize = 2_500_000;

/// `GET /api/jobs`
#[must_use]
pub fn list_studies(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_now(cx)))
}

async fn list_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_READER).await?;
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let status = query.last("status").map(status_of).transpose()?;
    let store = cx.context.store();
    let organization = match caller.viewer() {
        Viewer::Tester(tester) => {
            let page = tested(cx, tester, status, paging).await?;
            let (total, studies) = (page.total, whole(cx, page).await?);
            let rows: Vec<_> = studies.iter().map(tester_view).collect();
            return Ok(paging.list(&rows, total));
        }
        Viewer::Owner(organization) => Some(organization),
        Viewer::Admin => match query.last("organizationId") {
            None => None,
            Some(text) => match OrganizationId::from_wire(text) {
                None => return Ok(paging.empty_list()),
                known => known,
            },
        },
    };
    let page = match organization {
        None => store.every_study_page(status, paging.offset(), paging.limit).await?,
        Some(organization) => {
            let filter = status.map_or(StudyFilter::All, StudyFilter::Status);
            let offset = paging.offset();
            let place = move |_: u64| Some(offset);
            let page = store.studies_page(organization, (filter, None), None, paging.limit, &place).await?;
            page.ok_or_else(|| Problem::Crash("a list without a page".to_owned()))?
        }
    };
    let total = page.total;
    let ids: Vec<_> = page.members.iter().map(|listed| listed.study.id).collect();
    let progress = async { store.progress_of(&ids).await.map_err(Problem::from) };
    let (studies, progress) = futures_util::future::try_join(whole(cx, page), progress).await?;
    let row = |study: &Study| study_object(cx, study, progress.get(&study.id).copied().unwrap_or_default());
    let rows: Vec<Value> = studies.iter().map(row).collect();
    Ok(paging.list(&rows, total))
}

fn status_of(text: &str) -> Result<Status, Problem> {
    let names = || Status::ALL.map(Status::as_str).join(", ");
    Status::parse(text).ok_or_else(|| Problem::invalid("status", &format!("must be one of: {}", names())))
}

/// The studies of a page with their tasks. A page that no answer has room for is refused, with the limit under which
/// each of its studies can be had.
async fn whole(cx: &RequestContext, page: Page<ListedStudy>) -> Result<Vec<Study>, Problem> {
    let sizes = || page.members.iter().map(|listed| listed.size);
    if sizes().sum::<usize>() > MAX_ON_A_PAGE {
        let most = MAX_ON_A_PAGE / sizes().max().unwrap_or(1);
        return Err(Problem::invalid("limit", &format!("must be at most {most}")));
    }
    Ok(cx.context.store().whole_studies(page.members).await?)
}

/// The studies that a tester has to do with; there are as many as the tester has tests.
async fn tested(
    cx: &RequestContext,
    tester: UserId,
    status: Option<Status>,
    paging: Paging,
) -> Result<Page<ListedStudy>, Problem> {
    const STEP: u32 = 100;
    let store = cx.context.store();
    let Some(status) = status else {
        return Ok(store.tested_studies(tester, paging.offset(), paging.limit).await?);
    };
    let mut all = Vec::new();
    for offset in (0..).step_by(STEP as usize) {
        let page = store.tested_studies(tester, offset, STEP).await?;
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
