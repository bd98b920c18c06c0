//! JSON-RPC 2.0 as MCP uses it: one message for each POST (openscouter 19.1).

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    http::{Request, Response},
    openscouter::{
        envelope::{Problem, json_answer},
        fields::{check_media, read_value},
    },
};

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;

/// A message of a client's.
#[derive(Debug)]
pub(crate) enum Message {
    /// One that is answered.
    Call(Call),
    /// One that is not.
    Notification,
}

/// A request in the sense of JSON-RPC.
#[derive(Debug)]
pub(crate) struct Call {
    /// A text or an integer, which the answer repeats.
    pub(crate) id: Value,
    /// What is asked for.
    pub(crate) method: String,
    /// With what.
    pub(crate) params: Map<String, Value>,
}

/// A request that is refused as such.
#[derive(Debug)]
pub(crate) struct Fault {
    status: u16,
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    error: &'a ErrorBody,
}

impl Fault {
    pub(crate) fn new(status: u16, code: i32, message: impl Into<String>, data: Option<Value>) -> Self {
        Self { status, error: ErrorBody { code, message: message.into(), data } }
    }

    /// Parameters that are not what the method takes.
    pub(crate) fn params(message: &str) -> Self {
        Self::new(200, INVALID_PARAMS, message, None)
    }

    /// A request that lacks what the protocol asks of every request.
    pub(crate) fn malformed(message: &str) -> Self {
        Self::new(400, INVALID_PARAMS, message, None)
    }

    /// A method that there is not.
    pub(crate) fn method(status: u16) -> Self {
        Self::new(status, METHOD_NOT_FOUND, "Method not found", None)
    }

    fn request(message: &str) -> Self {
        Self::new(400, INVALID_REQUEST, message, None)
    }

    /// What 2.1 refuses of a body, in this form.
    fn body(problem: Problem, code: i32) -> Self {
        match problem {
            Problem::Refused(status, text) => Self::new(status, code, text, None),
            _ => Self::request("Invalid request"),
        }
    }

    /// The answer that says so; without an id where none could be read.
    #[expect(clippy::unnecessary_wraps, reason = "handlers return it")]
    pub(crate) fn answer(&self, id: Option<&Value>) -> Result<Response, Problem> {
        Ok(json_answer(self.status, &Refusal { jsonrpc: "2.0", id, error: &self.error }))
    }
}

impl Message {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is no single message of this form.
    pub(crate) fn read(request: &Request) -> Result<Self, Fault> {
        check_media(request, &["application/json"]).map_err(|problem| Fault::body(problem, INVALID_REQUEST))?;
        let value = read_value(request).map_err(|problem| {
            let code = if matches!(problem, Problem::Refused(400, _)) { PARSE_ERROR } else { INVALID_REQUEST };
            Fault::body(problem, code)
        })?;
        let Value::Object(mut message) = value else {
            return Err(Fault::request("A request is one JSON-RPC message"));
        };
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(Fault::request("jsonrpc: must be 2.0"));
        }
        let Some(Value::String(method)) = message.remove("method") else {
            return Err(Fault::request("method: must be a string"));
        };
        let params = match message.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(Fault::request("params: must be an object")),
        };
        match message.remove("id") {
            None => Ok(Self::Notification),
            Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Ok(Self::Call(Call { id, method, params })),
            Some(_) => Err(Fault::request("id: must be a string or an integer")),
        }
    }
}
