//! `POST /api/mcp` and `POST /api/mcp/mcp`: the MCP server (openscouter 19).

mod tools;
mod transport;

use harness::{
    Answer, Bench,
    openscouter::{
        oauth::{approve, connected_for_mcp, consent, exchange, location, register},
        post,
        team::Team,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::User;

/// What every stateless request says of itself.
fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A connection that may read and nothing else.
async fn reader(bench: &Bench, user: &User) -> String {
    let client = register(bench).await;
    let page = consent(bench, &client, user.email.as_str(), &[]).await;
    let answer = approve(bench, &page, user, false).await;
    let code = location(&answer).1.last("code").unwrap().to_owned();
    let tokens = exchange(bench, &client, &code).await.json();
    assert_eq!(tokens["scope"], "read");
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

/// A request of a client that shook hands.
async fn rpc(bench: &Bench, credential: &str, method: &str, params: &Value) -> Answer {
    let headers = [("authorization", credential), ("mcp-protocol-version", "2025-11-25")];
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    post(bench, "/api/mcp", &headers, &body).await
}

/// A request of a client that never does.
async fn stateless(bench: &Bench, credential: &str, method: &str, params: &Value) -> Answer {
    let mut params = params.clone();
    params["_meta"] = meta("2026-07-28");
    let mut headers =
        vec![("authorization", credential), ("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    let name = params["name"].as_str().map(str::to_owned);
    headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
    post(bench, "/api/mcp", &headers, &json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params})).await
}

/// What a tool answers; an error is its text.
async fn call(bench: &Bench, credential: &str, tool: &str, arguments: &Value) -> Result<Value, String> {
    let answer = rpc(bench, credential, "tools/call", &json!({"name": tool, "arguments": arguments})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let result = &answer.json()["result"];
    let text = result["content"][0]["text"].as_str().unwrap().to_owned();
    if result["isError"] == true {
        assert!(result["structuredContent"].is_null());
        return Err(text);
    }
    let content = result["structuredContent"].clone();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), content);
    Ok(content)
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    team.study(&json!({})).await;
    let owner = harness::openscouter::user(&team.bench, "dana@example.com").await;
    let credential = connected_for_mcp(&team.bench, &owner).await;
    let arguments = json!({"name": "list_studies", "arguments": {}});
    let answer = stateless(&team.bench, &credential, "tools/call", &arguments).await;
    snapshot!("mcp", &answer);
}
