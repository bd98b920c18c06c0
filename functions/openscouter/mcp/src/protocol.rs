//! The two families of the protocol at one address: the stateless one, whose every request says what it speaks, and the
//! older one, which begins with a handshake (openscouter 19.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use shared::http::Request;

use crate::message::{Call, Fault};

/// The version without a handshake.
const STATELESS: &str = "2026-07-28";
/// The newest version with a handshake.
pub(crate) const NEWEST_WITH_HANDSHAKE: &str = "2025-11-25";
/// The versions with a handshake, the newest first.
pub(crate) const WITH_HANDSHAKE: [&str; 3] = [NEWEST_WITH_HANDSHAKE, "2025-06-18", "2025-03-26"];
/// All versions, the newest first.
pub(crate) const VERSIONS: [&str; 4] = [STATELESS, WITH_HANDSHAKE[0], WITH_HANDSHAKE[1], WITH_HANDSHAKE[2]];

/// Where a stateless request says which version it speaks.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where it says what its client can do.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

const HEADER_MISMATCH: i32 = -32_020;
const UNSUPPORTED_VERSION: i32 = -32_022;

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Version 2026-07-28.
    Stateless,
    /// The versions before it.
    Handshake,
}

fn unsupported(requested: &str) -> Fault {
    let data = json!({"supported": VERSIONS, "requested": requested});
    Fault::new(400, UNSUPPORTED_VERSION, "Unsupported protocol version", Some(data))
}

fn mismatch(header: &str) -> Fault {
    let message = format!("Header mismatch: {header} is missing or says something else than the body");
    Fault::new(400, HEADER_MISMATCH, message, None)
}

/// A header's value, which may be encoded; `None` when it is encoded badly.
fn decoded(value: String) -> Option<String> {
    let Some(text) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value);
    };
    STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

impl Family {
    /// The family of a request that has all that its version asks for.
    ///
    /// # Errors
    /// When the version is unknown, headers say something else than the body, or a member that every request must have
    /// is missing.
    pub(crate) fn of(request: &Request, call: &Call) -> Result<Self, Fault> {
        let header = request.header("mcp-protocol-version");
        let meta = call.params.get("_meta").and_then(Value::as_object);
        let named = meta.and_then(|meta| meta.get(VERSION));
        if let Some(version) = header.as_deref().filter(|version| named.is_none() && !VERSIONS.contains(version)) {
            return Err(unsupported(version));
        }
        let old = header.as_deref().is_none_or(|version| WITH_HANDSHAKE.contains(&version));
        // a request that opens a handshake chose its family by that, unless it says itself that it needs none
        if named.is_none() && (call.method == "initialize" || (old && call.method != "server/discover")) {
            return Ok(Self::Handshake);
        }
        let missing = || Fault::malformed(&format!("params._meta: must have {VERSION} and {CAPABILITIES}"));
        let version = named.and_then(Value::as_str).ok_or_else(missing)?;
        let capable = |meta: &Map<String, Value>| meta.get(CAPABILITIES).is_some_and(Value::is_object);
        if !meta.is_some_and(capable) {
            return Err(missing());
        }
        if header.as_deref() != Some(version) {
            return Err(mismatch("MCP-Protocol-Version"));
        }
        if request.header("mcp-method").as_deref() != Some(&*call.method) {
            return Err(mismatch("Mcp-Method"));
        }
        let name = call.params.get("name").and_then(Value::as_str);
        if let Some(name) = name.filter(|_| call.method == "tools/call")
            && request.header("mcp-name").and_then(decoded).as_deref() != Some(name)
        {
            return Err(mismatch("Mcp-Name"));
        }
        if version == STATELESS { Ok(Self::Stateless) } else { Err(unsupported(version)) }
    }
}
