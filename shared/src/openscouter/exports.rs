//! Exports of all that is kept of a person (openscouter 18).

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    request_context::RequestContext,
    rights::PERSON,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, ExportId, UserId},
    store::{Export, ExportState, Store, StoreError},
};

/// How long the address of an export works.
const DOWNLOAD_SECONDS: i64 = 900;

fn export_object(cx: &RequestContext, export: &Export) -> Result<Value, Problem> {
    let lives = export.expires_at.is_some_and(|end| cx.now < end);
    let url = match export.state {
        ExportState::Complete if lives => Some(download_url(cx, export)?),
        _ => None,
    };
    let status = if export.state == ExportState::Complete && !lives { "expired" } else { export.state.as_str() };
    Ok(json!({
        "exportId": export.id.wire(),
        "status": status,
        "downloadUrl": url,
        "expiresAt": optional_time(export.expires_at),
    }))
}

/// What the address of an export carries: signed, so that it needs no other credential.
#[derive(Debug, Deserialize, Serialize)]
struct Download {
    aud: String,
    sub: String,
    exp: i64,
}

fn download_audience(cx: &RequestContext, export: ExportId) -> String {
    format!("{}/api/me/exports/{}/download", cx.base(), export.wire())
}

fn download_url(cx: &RequestContext, export: &Export) -> Result<String, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    let aud = download_audience(cx, export.id);
    let exp = cx.now.unix_timestamp() + DOWNLOAD_SECONDS;
    let token = signer.sign(&Download { aud: aud.clone(), sub: export.user.wire(), exp })?;
    Ok(format!("{aud}?token={token}"))
}

/// `POST /api/me/exports`
#[must_use]
pub fn create_export(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_export_now(cx)))
}

async fn create_export_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(PERSON).await?;
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let user = &caller.account.user;
        let id = ExportId::at(cx.now);
        let export = Export::queued(id, user.id);
        let audit = cx.record(Action::ExportCreated, Some(user), Some(id.wire()), json!({}));
        match cx.context.store().queue_export(&export, &audit, cx.now).await? {
            None => Ok(success(202, &json!({"exportId": id.wire(), "status": "queued"}))),
            Some(_) => Err(Problem::invalid("", "Export is queued, expected complete or failed")),
        }
    })
    .await
}

/// `GET /api/me/exports/:id`
#[must_use]
pub fn get_export(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(PERSON).await?;
            let missing = || Problem::not_found("Export");
            let id = ExportId::from_wire(cx.path_id()).ok_or_else(missing)?;
            let export = cx.context.store().export(caller.account.user.id, id).await?.ok_or_else(missing)?;
            Ok(success(200, &export_object(cx, &export)?))
        })
    })
}

/// `GET /api/me/exports/:id/download`: the address that an export's answer gives.
#[must_use]
pub fn download_export(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(download_now(cx)))
}

async fn download_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let missing = || Problem::not_found("Export");
    let id = cx.request.path.rsplit('/').nth(1).and_then(ExportId::from_wire).ok_or_else(missing)?;
    let token = cx.request.query.last("token").unwrap_or_default();
    let keys = &cx.context.settings().openscouter.keys;
    let claims: Download = keys.verify(token).map_err(|_| missing())?;
    if claims.aud != download_audience(cx, id) || claims.exp <= cx.now.unix_timestamp() {
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
