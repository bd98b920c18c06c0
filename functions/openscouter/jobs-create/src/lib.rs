//! `POST /api/jobs`: a new study, as a draft (openscouter 9.1, 9.4).

use shared::{
    http::Response,
    model::{Details, OrganizationId, Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, DRAFTERS, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{body::Changes, view::study_view},
    },
    store::Progress,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), DRAFTERS, |cx, caller| Box::pin(create(cx, caller)));

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let named = match caller.viewer() {
            Viewer::Admin => Some(OrganizationId::from_wire(&fields.text("organizationId", 1, usize::MAX)?)),
            Viewer::Owner(_) | Viewer::Tester(_) => None,
        };
        let changes = Changes::read(&fields, None)?;
        let store = cx.context.store();
        let organization = match named {
            None => caller.sees().unwrap_or(caller.account.organization.id),
            Some(id) => {
                let missing = || Problem::not_found("Organization");
                store.organization(id.ok_or_else(missing)?).await?.ok_or_else(missing)?.id
            }
        };
        let mut study = empty_draft(cx, organization);
        changes.apply(&mut study, cx.now);
        if !store.create_studies(std::slice::from_ref(&study)).await?.is_empty() {
            tracing::debug!("the answer to an earlier try was lost");
        }
        Ok(success(201, &study_view(cx, &study, Progress::default())))
    })
    .await
}

/// A draft that nothing is known of yet.
fn empty_draft(cx: &RequestContext, organization: OrganizationId) -> Study {
    Study {
        id: StudyId::at(cx.now),
        organization,
        name: String::new(),
        status: Status::Draft,
        paused_from: None,
        completion_url: None,
        target_url: None,
        tasks: Vec::new(),
        details: Details::default(),
        created_at: cx.now,
        updated_at: cx.now,
        version: 1,
    }
}
