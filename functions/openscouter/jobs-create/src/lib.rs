//! `POST /api/jobs`: a new study, as a draft (openscouter 9.1, 9.4).

use shared::{
    http::Response,
    model::OrganizationId,
    openscouter::{
        self, Endpoint,
        access::{Caller, DRAFTERS, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::{body::Changes, empty_draft, keep_draft, view::study_view},
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
        let organization = match named {
            None => caller.sees().unwrap_or(caller.account.organization.id),
            Some(id) => {
                let missing = || Problem::not_found("Organization");
                cx.context.store().organization(id.ok_or_else(missing)?).await?.ok_or_else(missing)?.id
            }
        };
        let mut study = empty_draft(cx, organization);
        changes.apply(&mut study, cx.now);
        keep_draft(cx, &study).await?;
        Ok(success(201, &study_view(cx, &study, Progress::default())))
    })
    .await
}
