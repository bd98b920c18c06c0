//! One message for each POST, in both families of the protocol (openscouter 19.1).

use harness::{
    Answer, Bench,
    openscouter::{
        bearer, data, get,
        oauth::{connected, connected_for_mcp},
        person, post, send,
    },
};
use serde_json::{Value, json};
use shared::model::{Role, User};
use time::Duration;

use super::{meta, rpc, stateless};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const METADATA: &str = "https://api.test/.well-known/oauth-protected-resource/api/mcp";

async fn bench() -> (Bench, User, String) {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let credential = connected_for_mcp(&bench, &user).await;
    (bench, user, credential)
}

/// A status and the code of an error.
fn coded(answer: &Answer) -> (u64, i64) {
    let body = answer.json();
    assert_eq!(body["jsonrpc"], "2.0");
    assert!(body["error"]["message"].is_string(), "{}", answer.body);
    (answer.status, body["error"]["code"].as_i64().unwrap())
}

async fn raw(bench: &Bench, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    send(bench, "POST", "/api/mcp", &headers, body).await
}

#[tokio::test]
async fn who_has_no_token_for_it_is_told_where_they_are() {
    let (bench, user, credential) = bench().await;
    for path in ["/api/mcp", "/api/mcp/mcp"] {
        let answer = post(&bench, path, &[], &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["error"], "Missing credentials");
        assert_eq!(answer.header("www-authenticate"), format!("Bearer resource_metadata=\"{METADATA}\""));
    }
    let (jwt, api) = (bearer(&bench, "dana@example.com").await, connected(&bench, &user).await);
    let unknown = format!("Bearer osat_{}", "A".repeat(43));
    for credential in [jwt.as_str(), &api, &unknown, "Bearer x", "Basic x"] {
        let answer = raw(&bench, &[("authorization", credential)], PING).await;
        assert_eq!((answer.status, answer.json()["error"].clone()), (401, json!("Invalid credentials")));
        let challenge = format!("Bearer resource_metadata=\"{METADATA}\", error=\"invalid_token\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    for method in ["GET", "DELETE"] {
        let answer = send(&bench, method, "/api/mcp", &[("authorization", &credential)], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST, OPTIONS"));
    }
    assert_eq!(get(&bench, "/api/auth/me", &credential).await.status, 401, "nowhere else");
}

#[tokio::test]
async fn a_connection_that_is_revoked_or_suspended_ends_at_the_next_call() {
    let (bench, _, credential) = bench().await;
    assert_eq!(rpc(&bench, &credential, "ping", &json!({})).await.json()["result"], json!({}));
    let dana = bearer(&bench, "dana@example.com").await;
    let listed = data(&get(&bench, "/api/connections", &dana).await);
    assert_eq!(listed[0]["audience"], "https://api.test/api/mcp");
    let path = format!("/api/connections/{}", listed[0]["connectionId"].as_str().unwrap());
    assert_eq!(send(&bench, "DELETE", &path, &[("authorization", &dana)], "").await.status, 200);
    let answer = rpc(&bench, &credential, "ping", &json!({})).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").ends_with("error=\"invalid_token\""));
    // and an hour later each token does
    let otto = person(&bench, Role::Business, "otto@example.com").await;
    let credential = connected_for_mcp(&bench, &otto).await;
    bench.advance(Duration::seconds(3_599));
    assert_eq!(rpc(&bench, &credential, "ping", &json!({})).await.status, 200);
    bench.advance(Duration::seconds(1));
    assert_eq!(rpc(&bench, &credential, "ping", &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_foreign_page_is_refused_and_a_known_one_may_read_what_it_needs() {
    let (bench, _, credential) = bench().await;
    for origin in ["https://evil.example", "null", "http://openscouter.com"] {
        for credential in [&[][..], &[("authorization", credential.as_str())]] {
            let answer = raw(&bench, &[credential, &[("origin", origin)]].concat(), PING).await;
            assert_eq!((answer.status, answer.json()["error"].clone()), (403, json!("Origin is not allowed")));
        }
    }
    let page = ("origin", "http://localhost:6274");
    let answer = raw(&bench, &[("authorization", &credential), page], PING).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, page.1));
    assert!(answer.header("access-control-expose-headers").ends_with(", WWW-Authenticate"));
    let preflight = send(&bench, "OPTIONS", "/api/mcp", &[page], "").await;
    let headers = preflight.header("access-control-allow-headers");
    assert!(headers.ends_with("MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID"), "{headers}");
    let elsewhere = send(&bench, "OPTIONS", "/api/jobs", &[page], "").await;
    assert!(elsewhere.header("access-control-allow-headers").ends_with("x-webhook-secret"));
}

#[tokio::test]
async fn a_body_is_one_message() {
    let (bench, _, credential) = bench().await;
    let known = [("authorization", credential.as_str())];
    for (body, code) in [
        ("", -32_600),
        ("{", -32_700),
        ("nope", -32_700),
        (&"[".repeat(200), -32_700),
        ("[]", -32_600),
        (&format!("[{PING}]"), -32_600),
        ("1", -32_600),
        ("{}", -32_600),
        (r#"{"id":1,"method":"ping"}"#, -32_600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32_600),
    ] {
        let answer = raw(&bench, &known, body).await;
        assert_eq!(coded(&answer), (400, code), "{body}");
        assert!(answer.json().get("id").is_none());
    }
    let form = [known[0], ("content-type", "text/plain")];
    assert_eq!(coded(&send(&bench, "POST", "/api/mcp", &form, PING).await), (400, -32_600));
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#, "x".repeat(1_048_576));
    assert_eq!(coded(&raw(&bench, &known, &long).await), (422, -32_600));
    for id in ["0", "-3", "\"\"", "\"a\"", "9007199254740993"] {
        let answer = raw(&bench, &known, &PING.replace(":1,", &format!(":{id},"))).await;
        assert_eq!(answer.body, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.header("mcp-session-id").is_empty());
    }
    // what nobody waits for is taken, whatever it says
    for method in ["notifications/initialized", "notifications/cancelled", "notifications/x", "tools/call"] {
        let answer = raw(&bench, &known, &json!({"jsonrpc": "2.0", "method": method}).to_string()).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    }
}

#[tokio::test]
async fn the_handshake_agrees_on_a_version() {
    let (bench, _, credential) = bench().await;
    for (asked, agreed) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("x", "2025-11-25"),
    ] {
        let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        for path in ["/api/mcp", "/api/mcp/mcp"] {
            let result = post(&bench, path, &[("authorization", &credential)], &body).await.json()["result"].clone();
            assert_eq!(result["protocolVersion"], agreed);
            assert_eq!(
                (&result["capabilities"], &result["serverInfo"]["name"]),
                (&json!({"tools": {}}), &json!("openscouter"))
            );
            assert!(result.get("resultType").is_none() && result.get("_meta").is_none());
        }
    }
    assert_eq!(coded(&rpc(&bench, &credential, "initialize", &json!({})).await), (200, -32_602));
    for method in ["server/discover2", "resources/list", "prompts/list", "logging/setLevel", "subscriptions/listen", ""]
    {
        assert_eq!(coded(&rpc(&bench, &credential, method, &json!({})).await), (200, -32_601), "{method}");
    }
    // a version that is not known; none at all is an old client
    for method in ["ping", "initialize"] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string();
        for version in ["1900-01-01", "", "2025-11-25, 2025-11-25"] {
            let answer = raw(&bench, &[("authorization", &credential), ("mcp-protocol-version", version)], &body).await;
            assert_eq!(coded(&answer), (400, -32_022), "{version}");
            assert_eq!(answer.json()["error"]["data"]["requested"], version);
        }
    }
    assert_eq!(raw(&bench, &[("authorization", &credential)], PING).await.status, 200);
}

#[tokio::test]
async fn a_stateless_request_says_all_that_there_is_to_know() {
    let (bench, _, credential) = bench().await;
    let discovered = stateless(&bench, &credential, "server/discover", &json!({})).await;
    let result = &discovered.json()["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]));
    assert_eq!((&result["capabilities"], &result["resultType"]), (&json!({"tools": {}}), &json!("complete")));
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(300_000), &json!("public")));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "openscouter");
    let tools = stateless(&bench, &credential, "tools/list", &json!({})).await.json()["result"].clone();
    assert_eq!((&tools["ttlMs"], &tools["cacheScope"]), (&json!(300_000), &json!("public")));
    let called =
        stateless(&bench, &credential, "tools/call", &json!({"name": "list_studies"})).await.json()["result"].clone();
    assert_eq!(
        (&called["resultType"], &called["structuredContent"]),
        (&json!("complete"), &json!({"studies": [], "total": 0}))
    );
    for method in ["initialize", "ping", "subscriptions/listen", "resources/read", "x"] {
        let answer = stateless(&bench, &credential, method, &json!({})).await;
        assert_eq!(coded(&answer), (404, -32_601), "{method}");
        assert_eq!(answer.json()["id"], "a");
    }
}

const CALL: &str = "tools/call";

#[tokio::test]
async fn headers_say_what_the_body_says() {
    let (bench, _, credential) = bench().await;
    let (now, name) = ("2026-07-28", "list_studies");
    let good = [("mcp-protocol-version", now), ("mcp-method", CALL), ("mcp-name", name)];
    let ask = async |headers: &[(&str, &str)], meta: Option<Value>| {
        let mut params = json!({"name": name, "arguments": {}});
        if let Some(meta) = meta {
            params["_meta"] = meta;
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": CALL, "params": params}).to_string();
        raw(&bench, &[headers, &[("authorization", &credential)]].concat(), &body).await
    };
    assert_eq!(ask(&good, Some(meta(now))).await.status, 200);
    let encoded = [good[0], good[1], ("mcp-name", "=?base64?bGlzdF9zdHVkaWVz?=")];
    assert_eq!(ask(&encoded, Some(meta(now))).await.status, 200);
    for (at, value) in [
        (0, None),
        (0, Some("2025-11-25")),
        (0, Some("x")),
        (1, None),
        (1, Some("tools/list")),
        (1, Some("Tools/Call")),
        (2, None),
        (2, Some("get_study")),
        (2, Some("=?base64?!?=")),
        (2, Some("=?base64?Z2V0X3N0dWR5?=")),
        (2, Some("list_studies, list_studies")),
    ] {
        let mut headers = good.to_vec();
        match value {
            Some(value) => headers[at].1 = value,
            None => drop(headers.remove(at)),
        }
        assert_eq!(coded(&ask(&headers, Some(meta(now))).await), (400, -32_020), "{headers:?}");
    }
    // a version that both name and nobody knows
    let odd = [("mcp-protocol-version", "2027-01-01"), good[1], good[2]];
    let answer = ask(&odd, Some(meta("2027-01-01"))).await;
    assert_eq!(coded(&answer), (400, -32_022));
    assert_eq!(answer.json()["error"]["data"]["supported"][0], now);
    // what every request must say
    for without in [json!(null), json!({}), json!([])] {
        assert_eq!(coded(&ask(&good, Some(without)).await), (400, -32_602));
    }
    assert_eq!(coded(&ask(&good, None).await), (400, -32_602));
    for key in ["protocolVersion", "clientCapabilities"] {
        let mut lacking = meta(now);
        lacking.as_object_mut().unwrap().remove(&format!("io.modelcontextprotocol/{key}"));
        assert_eq!(coded(&ask(&good, Some(lacking)).await), (400, -32_602), "{key}");
    }
    let mut anonymous = meta(now);
    anonymous.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    assert_eq!(ask(&good, Some(anonymous)).await.status, 200);
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover"}).to_string();
    assert_eq!(coded(&raw(&bench, &[("authorization", &credential)], &bare).await), (400, -32_602));
}
