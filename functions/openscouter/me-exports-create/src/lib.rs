//! `POST /api/me/exports`: queues an export of all that is kept of the person (openscouter 18).

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, ExportId},
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
    },
    store::Export,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(create(cx, caller)));

/// An export that was queued.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    export_id: String,
    status: &'static str,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let user = &caller.account.user;
        let export = Export::queued(ExportId::at(cx.now), user.id);
        let id = export.id.wire();
        let audit = cx.record(Action::ExportCreated, Some(user), Some(id.clone()), json!({}));
        match cx.context.store().queue_export(&export, &audit, cx.now).await? {
            None => Ok(success(202, &Queued { export_id: id, status: export.state.as_str() })),
            Some(_) => Err(Problem::invalid("", "Export is queued, expected complete or failed")),
        }
    })
    .await
}
