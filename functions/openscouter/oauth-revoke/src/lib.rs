//! `POST /api/oauth/revoke`: ends a connection (openscouter 8.1).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        oauth::{Form, client, end_connection, read_token},
        request_context::RequestContext,
    },
    secret::constant_time_eq,
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(revoke(cx)));

async fn revoke(cx: &RequestContext) -> Result<Response, Problem> {
    let form = Form::read(&cx.request)?;
    let token = form.required("token")?;
    let client = client(cx, &form).await?;
    if let Some((id, hash)) = read_token("osat_", token).or_else(|| read_token("osrt_", token))
        && let Some(connection) = cx.context.store().connection(id).await?
        && connection.client == client
        && (connection.refresh.works(&hash)
            || connection.access.iter().any(|known| constant_time_eq(&known.hash, &hash)))
    {
        end_connection(cx, &connection, "revoked by the client").await?;
    }
    Ok(Response::empty(200))
}
