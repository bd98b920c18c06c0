//! `GET /api/me/exports/:id/download`: an export's content, at the address that its answer gives (openscouter 18).

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use shared::{
    http::Response,
    model::{ExportId, UserId},
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        exports::{DownloadClaims, download_address, missing},
        request_context::RequestContext,
    },
    store::{Export, ExportState, Store, StoreError},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(download(cx))).streaming();

async fn download(cx: &RequestContext) -> Result<Response, Problem> {
    let id = ExportId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let token = cx.request.query.last("token").unwrap_or_default();
    let keys = &cx.context.settings().openscouter.keys;
    let claims: DownloadClaims = keys.verify(token).map_err(|_| missing())?;
    if claims.aud != download_address(cx, id) || claims.exp <= cx.now.unix_timestamp() {
        return Err(missing());
    }
    let user = UserId::from_wire(&claims.sub).ok_or_else(missing)?;
    let store = cx.context.store();
    let export = store.export(user, id).await?.ok_or_else(missing)?;
    if export.state != ExportState::Complete || export.expires_at.is_none_or(|end| end <= cx.now) {
        return Err(missing());
    }
    let name = format!("attachment; filename=\"{}.json\"", id.wire());
    let file = File { store: store.clone(), export, run: 0, part: 0 };
    Ok(Response::empty(200)
        .header("Content-Type", "application/json")
        .header("Content-Disposition", name)
        .stream(stream::unfold(Some(file), |file| Box::pin(next(file))).boxed()))
}

/// A file on its way: one part in memory at a time.
struct File {
    store: Store,
    export: Export,
    run: usize,
    part: u32,
}

/// The next bytes. A failure cuts the answer off: no half file looks whole.
async fn next(file: Option<File>) -> Option<(io::Result<Bytes>, Option<File>)> {
    let mut file = file?;
    match file.piece().await {
        Ok(piece) => piece.map(|piece| (Ok(piece), Some(file))),
        Err(error) => {
            tracing::error!(cause = %error, "download cut off");
            Some((Err(io::Error::other("cut off")), None))
        }
    }
}

impl File {
    async fn piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let Some(run) = self.export.runs.get(self.run) else { return Ok(None) };
            if self.part == run.parts {
                (self.run, self.part) = (self.run + 1, 0);
                continue;
            }
            let piece = self.store.export_part(&self.export, run, self.part).await?;
            self.part += 1;
            let missing = || StoreError::Malformed { entity: "export", attribute: "parts" };
            return piece.map(|piece| Some(Bytes::from(piece))).ok_or_else(missing);
        }
    }
}
