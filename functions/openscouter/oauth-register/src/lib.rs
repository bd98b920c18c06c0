//! `POST /api/oauth/register`: a new OAuth client (openscouter 8.1).

use serde::Serialize;
use serde_json::{Map, Value};

use shared::{
    http::Response,
    model::{ClientId, OAuthClient},
    names,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        fields::Fields,
        oauth::{is_redirect_uri, refusal},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(register(cx)));

/// How clients ask to name themselves at the token endpoint.
const METHODS: [&str; 3] = ["none", "client_secret_post", "client_secret_basic"];

/// A registered client (RFC 7591).
#[derive(Serialize)]
struct ClientView<'a> {
    client_id: String,
    client_id_issued_at: i64,
    redirect_uris: &'a [String],
    // clients take an absent member, and no null
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<&'a str>,
    token_endpoint_auth_method: &'static str,
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
}

async fn register(cx: &RequestContext) -> Result<Response, Problem> {
    if cx.request.body.is_empty() {
        return Err(no_object());
    }
    let fields = Fields::read(&cx.request).map_err(|_| no_object())?;
    let body = fields.members();
    let redirect_uris = read_redirect_uris(body)?;
    let name = read_name(body)?;
    match body.get("token_endpoint_auth_method") {
        None | Some(Value::Null) => {}
        // who asks for a secret is registered without one, and told so: PKCE takes its place
        Some(Value::String(method)) if METHODS.contains(&&**method) => {}
        Some(_) => return Err(metadata("only public clients can be registered: token_endpoint_auth_method is none")),
    }
    let client = OAuthClient { id: ClientId::at(cx.now), name, redirect_uris, created_at: cx.now };
    cx.context.store().register_client(&client).await?;
    let view = ClientView {
        client_id: client.id.wire(),
        client_id_issued_at: cx.now.unix_timestamp(),
        redirect_uris: &client.redirect_uris,
        client_name: client.name.as_deref(),
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
    };
    Ok(json_answer(201, &view))
}

fn metadata(text: &str) -> Problem {
    refusal(400, "invalid_client_metadata", text)
}

fn no_object() -> Problem {
    metadata("the body must be a JSON object")
}

fn read_redirect_uris(body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let wrong = |text: &str| refusal(400, "invalid_redirect_uri", text);
    let uris = body.get("redirect_uris").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !(1..=10).contains(&uris.len()) {
        return Err(wrong("redirect_uris must contain 1 to 10 addresses"));
    }
    let uri = |uri: &Value| uri.as_str().filter(|uri| is_redirect_uri(uri)).map(str::to_owned);
    let uris: Option<Vec<_>> = uris.iter().map(uri).collect();
    uris.ok_or_else(|| wrong("each address must be https, or http on this machine, without a fragment"))
}

fn read_name(body: &Map<String, Value>) -> Result<Option<String>, Problem> {
    match body.get("client_name") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.chars().count() <= 120 && names::check(name.trim()).is_ok() => {
            Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty()))
        }
        Some(_) => Err(metadata(
            "client_name must be a name of at most 120 characters, without line breaks, invisible characters and web addresses",
        )),
    }
}
