//! Results as both families of the protocol show them (openscouter 19.1).

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use shared::{
    http::Response,
    openscouter::envelope::{Problem, json_answer},
};

use crate::protocol::{Family, VERSIONS};

/// How long what is the same for everybody may be kept.
const FRESH_MILLIS: u32 = 300_000;
/// What a model is told about the whole.
const INSTRUCTIONS: &str = "Usability studies with neurodivergent testers, of one organization. Read studies, their tests, \
    scores and findings; create_draft_study makes a draft, which people launch and pay for in the web application.";

#[derive(Serialize)]
struct Success<'a, T> {
    jsonrpc: &'static str,
    id: &'a Value,
    result: Marked<'a, T>,
}

/// A result, with what each result of the stateless family has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Marked<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    #[serde(flatten)]
    result: &'a T,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server: Server,
}

/// Who answers.
#[derive(Serialize)]
struct Server {
    name: &'static str,
    title: &'static str,
    version: &'static str,
}

const SERVER: Server = Server { name: "openscouter", title: "OpenScouter", version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
struct Capabilities {
    tools: Empty,
}

/// Nothing.
#[derive(Serialize)]
pub(crate) struct Empty {}

/// How long a result may be kept, and for whom.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Caching {
    ttl_ms: u32,
    cache_scope: &'static str,
}

const FOR_EVERYBODY: Caching = Caching { ttl_ms: FRESH_MILLIS, cache_scope: "public" };

/// What the handshake ends with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Initialized {
    protocol_version: &'static str,
    capabilities: Capabilities,
    server_info: Server,
    instructions: &'static str,
}

impl Initialized {
    pub(crate) const fn new(protocol_version: &'static str) -> Self {
        let capabilities = Capabilities { tools: Empty {} };
        Self { protocol_version, capabilities, server_info: SERVER, instructions: INSTRUCTIONS }
    }
}

/// What the server speaks and can do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discovered {
    supported_versions: [&'static str; 4],
    capabilities: Capabilities,
    instructions: &'static str,
    #[serde(flatten)]
    caching: Caching,
}

impl Discovered {
    pub(crate) const fn new() -> Self {
        let capabilities = Capabilities { tools: Empty {} };
        Self { supported_versions: VERSIONS, capabilities, instructions: INSTRUCTIONS, caching: FOR_EVERYBODY }
    }
}

/// The tools.
#[derive(Serialize)]
pub(crate) struct Listed<'a> {
    tools: &'a Value,
    #[serde(flatten)]
    caching: Option<Caching>,
}

impl<'a> Listed<'a> {
    pub(crate) fn new(family: Family, tools: &'a Value) -> Self {
        Self { tools, caching: (family == Family::Stateless).then_some(FOR_EVERYBODY) }
    }
}

/// What a tool answered (openscouter 19.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Called {
    content: [Text; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    is_error: bool,
}

#[derive(Serialize)]
struct Text {
    r#type: &'static str,
    text: String,
}

impl Called {
    /// The result of a tool, also as text for clients that know no other.
    pub(crate) fn success(content: Box<RawValue>) -> Self {
        let text = content.get().to_owned();
        Self { content: [Text { r#type: "text", text }], structured_content: Some(content), is_error: false }
    }

    /// Why there is none.
    pub(crate) const fn failure(text: String) -> Self {
        Self { content: [Text { r#type: "text", text }], structured_content: None, is_error: true }
    }
}

/// The answer to a call.
#[expect(clippy::unnecessary_wraps, reason = "handlers return it")]
pub(crate) fn answer(family: Family, id: &Value, result: &impl Serialize) -> Result<Response, Problem> {
    let stateless = family == Family::Stateless;
    let result = Marked {
        result_type: stateless.then_some("complete"),
        result,
        meta: stateless.then_some(Meta { server: SERVER }),
    };
    Ok(json_answer(200, &Success { jsonrpc: "2.0", id, result }))
}
