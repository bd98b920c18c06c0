//! `GET /api/proposals`: a page of the proposals that the caller may see, newest first (openscouter 14.1).

use shared::{
    http::Response,
    model::{ProposalStatus, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, Viewer},
        envelope::Problem,
        paging::Paging,
        proposals::{ProposalView, READERS, is_visible},
        request_context::RequestContext,
    },
    store::{Page, ProposalFilter, ProposalScope},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), READERS, |cx, caller| Box::pin(list(cx, caller)));

/// The states, as a refused filter names them.
const STATES: &str = "pending, sent, accepted, declined, expired";

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let status = match query.last("status") {
        None => None,
        Some(text) => {
            let refused = || Problem::invalid("status", &format!("must be one of: {STATES}"));
            Some(ProposalStatus::parse(text).ok_or_else(refused)?)
        }
    };
    let study = query.last("jobId").map(StudyId::from_wire);
    // an id that matches nothing (openscouter 2.2)
    let Some(study) = study.map_or(Some(None), |study| study.map(Some)) else { return Ok(paging.empty_list()) };
    let Some(page) = page(cx, caller.viewer(), (study, status), paging).await? else { return Ok(paging.empty_list()) };
    let rows: Vec<_> = page.members.iter().map(|proposal| ProposalView::of(proposal, cx.now)).collect();
    Ok(paging.list(&rows, page.total))
}

/// The page that the caller may see; `None` when that is nothing.
async fn page(
    cx: &RequestContext,
    viewer: Viewer,
    (study, status): (Option<StudyId>, Option<ProposalStatus>),
    paging: Paging,
) -> Result<Option<Page<shared::model::Proposal>>, Problem> {
    let store = cx.context.store();
    let scope = match (viewer, study) {
        (Viewer::Tester(tester), Some(study)) => {
            // as many as the tester let go by
            let mut members = store.proposals_between(study, tester).await?;
            let fits = |one: &shared::model::Proposal| status.is_none_or(|status| one.status == status);
            members.retain(|proposal| is_visible(viewer, proposal) && fits(proposal));
            let total = u64::try_from(members.len()).unwrap_or_default();
            let skipped = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
            let most = usize::try_from(paging.limit).unwrap_or(usize::MAX);
            let members = members.into_iter().skip(skipped).take(most).collect();
            return Ok(Some(Page { total, members }));
        }
        (Viewer::Tester(tester), None) => ProposalScope::Tester(tester),
        (Viewer::Admin, None) => ProposalScope::All,
        (Viewer::Admin, Some(study)) => ProposalScope::Study(study),
        (Viewer::Owner(organization), None) => ProposalScope::Organization(organization),
        (Viewer::Owner(organization), Some(study)) => {
            if store.study(organization, study).await?.is_none() {
                return Ok(None);
            }
            ProposalScope::Study(study)
        }
    };
    Ok(Some(store.proposals_page(ProposalFilter { scope, status }, paging.offset(), paging.limit).await?))
}
