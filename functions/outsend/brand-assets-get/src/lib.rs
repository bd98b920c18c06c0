//! `GET /api/brand-assets/{owner}/{file}`: an image that a job found, served to who has it (outsend 8.5).

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use shared::{
    BoxFuture,
    assets::Assets,
    http::Response,
    model::{AssetName, UserId},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::Problem,
        messages::Detail,
        request_context::RequestContext,
    },
    store::StoreError,
};

/// What a page of another origin may do with the file: look at it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
/// About how many bytes are sent at a time.
const PIECE: usize = 64 * 1024;

/// A file that a path names, whoever has it.
type Named = Option<(UserId, AssetName)>;

/// The function.
pub const FUNCTION: PreloadedEndpoint<Result<Named, StoreError>> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, named| {
        Box::pin(get(cx, caller, named))
    })
    .streaming();

/// The file that the path names, if there is one, while it is found out who calls.
fn named(cx: &RequestContext) -> BoxFuture<'_, Result<Named, StoreError>> {
    Box::pin(async {
        let (owner, name) = (UserId::parse(cx.path("owner")), AssetName::parse(cx.path("file")));
        let Some((owner, name)) = owner.zip(name) else { return Ok(None) };
        Ok(cx.context.store().has_asset(owner, &name).await?.then_some((owner, name)))
    })
}

async fn get(cx: &RequestContext, caller: Caller, named: Result<Named, StoreError>) -> Result<Response, Problem> {
    let own = named?.filter(|(owner, _)| *owner == caller.account.user.id);
    let (user, name) = own.ok_or(Detail::NoFile)?;
    let content = Assets::of(&cx.context).content(user, &name).await.map_err(|cause| {
        tracing::error!(cause, "file not read");
        Detail::Server
    })?;
    let content = Bytes::from(content.ok_or(Detail::NoFile)?);
    let pieces: Vec<io::Result<Bytes>> = (0..content.len())
        .step_by(PIECE)
        .map(|first| Ok(content.slice(first..content.len().min(first + PIECE))))
        .collect();
    Ok(Response::empty(200)
        .header("Content-Type", name.media_type())
        .header("Cache-Control", "private, max-age=86400, immutable")
        .header("Content-Security-Policy", POLICY)
        .stream(stream::iter(pieces).boxed()))
}
