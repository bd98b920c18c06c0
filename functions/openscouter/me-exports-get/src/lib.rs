//! `GET /api/me/exports/:id`: where an export stands, and the address of its content (openscouter 5.3, 18).

use serde::Serialize;

use shared::{
    http::Response,
    model::ExportId,
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller},
        envelope::{Problem, success},
        exports::{DownloadClaims, download_address, missing},
        format::timestamp,
        request_context::RequestContext,
    },
    store::{Export, ExportState},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(get(cx, caller)));

/// How long the address of an export works, in seconds.
const DOWNLOAD_SECONDS: i64 = 900;

/// An export as its owner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportView {
    export_id: String,
    status: &'static str,
    download_url: Option<String>,
    expires_at: Option<String>,
}

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let id = ExportId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let export = cx.context.store().export(caller.account.user.id, id).await?.ok_or_else(missing)?;
    let lives = export.expires_at.is_some_and(|end| cx.now < end);
    let (status, download_url) = match export.state {
        ExportState::Complete if lives => (export.state.as_str(), Some(download_url(cx, &export)?)),
        ExportState::Complete => ("expired", None),
        ExportState::Queued | ExportState::Failed => (export.state.as_str(), None),
    };
    let view = ExportView { export_id: id.wire(), status, download_url, expires_at: export.expires_at.map(timestamp) };
    Ok(success(200, &view))
}

/// The address of an export's content, with a token that is good for a while.
fn download_url(cx: &RequestContext, export: &Export) -> Result<String, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    let address = download_address(cx, export.id);
    let exp = cx.now.unix_timestamp() + DOWNLOAD_SECONDS;
    let token = signer.sign(&DownloadClaims { aud: address.clone(), sub: export.user.wire(), exp })?;
    Ok(format!("{address}?token={token}"))
}
