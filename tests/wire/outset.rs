//! The contract's checklist (outset 16), against the functions.

use harness::{Answer, Bench, Fixture};
use shared::lambda::Function;

const LIST: &'static dyn Function = &outset_studies_list::FUNCTION;
const RETRIEVE: &'static dyn Function = &outset_studies_retrieve::FUNCTION;
const UPDATE: &'static dyn Function = &outset_studies_update::FUNCTION;
const SCHEMA: &'static dyn Function = &outset_schema_retrieve::FUNCTION;
const START: &'static dyn Function = &outset_participant_start::FUNCTION;
const COMPLETE: &'static dyn Function = &outset_participant_complete::FUNCTION;
const S01: &str = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001/";

fn study(number: u8) -> String {
    format!("/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-0000000000{number:02}/")
}

struct World {
    bench: Bench,
    fixture: Fixture,
}

impl World {
    async fn new() -> Self {
        let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]).await.unwrap();
        let fixture = bench.fixture().await.unwrap();
        Self { bench, fixture }
    }

    async fn get(&self, function: &'static dyn Function, url: &str) -> Answer {
        self.with(function, "GET", url, &[], "").await
    }

    async fn with(
        &self,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let key = format!("Api-Key {}", self.fixture.full);
        let mut all = vec![("authorization", key.as_str())];
        all.extend_from_slice(headers);
        self.bench.send(function, method, url, &all, body.as_bytes()).await.unwrap()
    }

    async fn patch(&self, url: &str, body: &str) -> Answer {
        self.with(UPDATE, "PATCH", url, &[("content-type", "application/json")], body).await
    }

    async fn open(&self, function: &'static dyn Function, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.bench.send(function, method, url, headers, b"").await.unwrap()
    }
}

fn error(field: &str, code: &str, detail: &str) -> String {
    format!(r#"{{"status":"error","errors":[{{"field":{field},"detail":"{detail}","code":"{code}"}}]}}"#)
}

#[tokio::test]
async fn credentials_and_errors_before_a_view() {
    let world = World::new().await;
    let none = world.open(LIST, "GET", "/v1/studies/", &[]).await;
    assert_eq!(
        (none.status, none.header("www-authenticate"), none.header("allow")),
        (401, "Api-Key", "GET, HEAD, OPTIONS")
    );
    assert_eq!(none.body, error("null", "not_authenticated", "Authentication credentials were not provided."));
    assert_eq!(none.header("content-length"), "128");
    let bad = world.open(RETRIEVE, "GET", S01, &[("authorization", "Api-Key nope")]).await;
    assert_eq!(bad.body, error("null", "authentication_failed", "Incorrect authentication credentials."));
    let slashless = world.open(RETRIEVE, "GET", "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001?a=1", &[]).await;
    assert_eq!(
        (slashless.status, slashless.header("location")),
        (301, "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001/?a=1")
    );
    let html = world.open(LIST, "GET", "/v1/studies/", &[("accept", "text/html")]).await;
    assert_eq!((html.status, html.header("www-authenticate")), (406, ""));
    let reader = format!("Api-Key {}", world.fixture.reader);
    let post = world.open(LIST, "POST", "/v1/studies/", &[("authorization", &reader)]).await;
    assert_eq!(post.body, error("null", "permission_denied", "You do not have permission to perform this action."));
    let put = world.with(RETRIEVE, "PUT", S01, &[], "").await;
    assert_eq!((put.status, put.body), (405, error("null", "method_not_allowed", r#"Method \"PUT\" not allowed."#)));
}

#[tokio::test]
async fn lists_and_their_links() {
    let world = World::new().await;
    let one = world.get(LIST, "/v1/studies/?page=1&page_size=1").await;
    assert_eq!(
        one.body,
        r#"{"count":25,"next":"https://api.test/v1/studies/?page=2&page_size=1","previous":null,"results":[{"id":"0b5e7c1a-4d2f-4e8c-9a6b-000000000024","active":true,"completion_url":null,"name":"Study 24","status":"open","created_at":"2025-07-01T12:24:00Z","updated_at":"2025-07-01T12:24:00Z","share_url":"https://api.test/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000024/start/"}]}"#
    );
    let two = world.get(LIST, "/v1/studies/?page=2&page_size=10").await.json();
    assert_eq!(two["results"][0]["name"], "Study 14");
    assert_eq!(two["results"][9]["name"], "Study 05");
    assert_eq!(two["previous"], "https://api.test/v1/studies/?page_size=10");
    let last = world.get(LIST, "/v1/studies/?page=last&page_size=0").await.json();
    assert_eq!((last["results"].as_array().unwrap().len(), &last["next"]), (5, &serde_json::Value::Null));
    assert_eq!(world.get(LIST, "/v1/studies/?page_size=500").await.json()["results"].as_array().unwrap().len(), 25);
    let beyond = world.get(LIST, "/v1/studies/?page=99").await;
    assert_eq!((beyond.status, beyond.body), (404, error("null", "not_found", "Invalid page.")));
    for (query, count) in [
        ("active=true", 13),
        ("status=paused", 10),
        ("status=draft,closed", 2),
        ("search=study%2007", 1),
        ("created_after=2025-07-01T12:20:00Z", 4),
    ] {
        assert_eq!(world.get(LIST, &format!("/v1/studies/?{query}")).await.json()["count"], count, "{query}");
    }
    assert_eq!(world.get(LIST, "/v1/studies/?active=maybe").await.status, 400);
}

#[tokio::test]
async fn one_study_read_and_changed() {
    let world = World::new().await;
    let before = world.get(RETRIEVE, S01).await;
    assert_eq!(before.status, 200);
    assert_eq!(world.get(RETRIEVE, "/v1/studies/0B5E7C1A4D2F4E8C9A6B000000000001/").await.body, before.body);
    assert_eq!(world.with(RETRIEVE, "HEAD", S01, &[], "").await.header("content-length"), "291");
    assert_eq!(world.get(RETRIEVE, "/v1/studies/abc/").await.body.len(), 85);
    let changed = world.patch(S01, r#"{"active":true,"completion_url":"https://yourapp.com/complete"}"#).await;
    assert_eq!((changed.status, changed.json()["status"].as_str()), (200, Some("open")));
    assert_ne!(changed.header("etag"), before.header("etag"));
    assert_eq!(world.get(RETRIEVE, S01).await.body, changed.body);
    assert_eq!(world.get(LIST, "/v1/studies/?active=true").await.json()["count"], 14);
    let both = world.patch(S01, r#"{"completion_url":"nope","active":"maybe"}"#).await;
    assert_eq!(both.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(world.patch(S01, r#"{"id":"x","name":1,"zzz":[]}"#).await.header("etag"), changed.header("etag"));
    assert_eq!(world.patch(S01, "").await.body, changed.body);
    assert!(world.patch(S01, "{bad").await.body.contains("JSON parse error - "));
    assert_eq!(
        world.patch(&study(21), r#"{"active":true}"#).await.body,
        error("\"active\"", "invalid", "This study is not ready to launch: it has no tasks.")
    );
    assert_eq!(world.patch("/v1/studies/00000000-0000-4000-8000-000000000000/", "{bad").await.status, 404);
    let stale =
        world.with(UPDATE, "PATCH", S01, &[("content-type", "application/json"), ("if-match", "\"0\"")], "{}").await;
    assert_eq!((stale.status, stale.header("etag")), (412, changed.header("etag")));
    let cached = world.with(RETRIEVE, "GET", S01, &[("if-none-match", changed.header("etag"))], "").await;
    assert_eq!((cached.status, cached.body.as_str()), (304, ""));
}

#[tokio::test]
async fn an_idempotency_key_has_one_effect() {
    let world = World::new().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = world.with(UPDATE, "PATCH", S01, &headers, r#"{"active":true}"#).await;
    let again = world.with(UPDATE, "PATCH", S01, &headers, r#"{"active":true}"#).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!((again.body, again.headers.get("etag")), (first.body.clone(), first.headers.get("etag")));
    assert_eq!(world.with(UPDATE, "PATCH", S01, &headers, "{}").await.status, 422);
}

#[tokio::test]
async fn participants_come_and_go() {
    let world = World::new().await;
    assert_eq!(world.patch(&study(2), r#"{"completion_url":"https://p.com/c?pid={pid}"}"#).await.status, 200);
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/start/?pid=a%20b&outset_survey_uid=u1";
    let start = world.open(START, "GET", link, &[]).await;
    let session =
        start.header("location").strip_prefix("https://proto.test/app?v=2&outset_session=").unwrap().to_owned();
    assert_eq!(world.open(START, "GET", link, &[]).await.header("location"), start.header("location"));
    assert_eq!(world.get(RETRIEVE, &study(2)).await.json()["status"], "in_progress");
    for _ in 0..2 {
        let done = world.open(COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[]).await;
        assert_eq!((done.status, done.header("location")), (302, "https://p.com/c?pid=a%20b"));
    }
    assert_eq!(world.open(START, "GET", link, &[]).await.status, 409);
    for (number, status) in [(1, 403), (23, 410)] {
        let link = study(number).replace("/v1/studies/", "/interviews/public-surveys/") + "start/";
        assert_eq!(world.open(START, "GET", &link, &[]).await.status, status);
    }
}

#[tokio::test]
async fn the_121st_request_waits() {
    let world = World::new().await;
    for left in (0..120).rev() {
        let answer = world.get(RETRIEVE, S01).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").starts_with(&format!("\"free\";r={left};")));
    }
    let refused = world.get(RETRIEVE, S01).await;
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
    world.bench.advance(time::Duration::seconds(61));
    assert_eq!(world.get(RETRIEVE, S01).await.status, 200);
}

#[tokio::test]
async fn the_schema_is_one_document_in_two_notations() {
    let world = World::new().await;
    let yaml = world.open(SCHEMA, "GET", "/v1/schema/", &[]).await;
    assert_eq!(yaml.header("content-type"), "application/vnd.oai.openapi; charset=utf-8");
    assert!(yaml.body.starts_with("openapi: 3.0.3\n"));
    let json = world.open(SCHEMA, "GET", "/v1/schema/", &[("accept", "application/json")]).await;
    assert_eq!((json.header("content-type"), json.header("vary")), ("application/json", "Accept"));
    assert_eq!(json.json()["servers"][0]["url"], "https://api.test");
    assert_eq!(yaml_serde::from_str::<serde_json::Value>(&yaml.body).unwrap(), json.json());
    assert_eq!(world.open(SCHEMA, "GET", "/v1/schema/?format=xml", &[]).await.status, 404);
    assert_eq!(world.open(SCHEMA, "GET", "/v1/schema/", &[("accept", "text/html")]).await.status, 406);
    assert_eq!(world.open(SCHEMA, "POST", "/v1/schema/", &[]).await.status, 405);
}

#[tokio::test]
async fn unsafe_requests_are_served_without_the_slash_and_closed_studies_stay_closed() {
    let world = World::new().await;
    let bare = S01.trim_end_matches('/');
    assert_eq!(world.patch(bare, r#"{"active":true}"#).await.json()["status"], "open");
    let paused = world.patch(bare, r#"{"active":false}"#).await;
    assert_eq!((paused.status, paused.header("location")), (200, ""));
    assert_eq!((&paused.json()["active"], &paused.json()["status"]), (&false.into(), &"paused".into()));
    let closed = world.patch(&study(23), r#"{"active":true}"#).await;
    assert_eq!(closed.body, error("\"active\"", "invalid", "A completed or closed study cannot be activated."));
    assert_eq!(world.patch(&study(23), r#"{"active":false}"#).await.json()["status"], "closed");
    // a pause remembers the state that it left
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000004/start/";
    assert_eq!(world.open(START, "GET", link, &[]).await.status, 302);
    assert_eq!(world.patch(&study(4), r#"{"active":"off"}"#).await.json()["status"], "paused");
    assert_eq!(world.patch(&study(4), r#"{"active":"on"}"#).await.json()["status"], "in_progress");
}

#[tokio::test]
async fn links_for_browsers_and_for_programs() {
    let world = World::new().await;
    let unknown = "/interviews/public-surveys/00000000-0000-4000-8000-000000000000/start/";
    let html = world.open(START, "GET", unknown, &[]).await;
    assert_eq!(
        (html.status, html.header("content-type"), html.header("location")),
        (404, "text/html; charset=utf-8", "")
    );
    assert_eq!(html.header("cache-control"), "no-store");
    let json = world.open(START, "GET", unknown, &[("accept", "application/json")]).await;
    assert_eq!((json.status, json.body), (404, error("null", "not_found", "Not found.")));
    let post = world.open(START, "POST", unknown, &[]).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
    let open = study(6).replace("/v1/studies/", "/interviews/public-surveys/") + "start/";
    assert_eq!(world.open(START, "HEAD", &open, &[]).await.status, 200);
    assert_eq!(world.get(RETRIEVE, &study(6)).await.json()["status"], "open", "HEAD changes nothing");
    let start = world.open(START, "GET", &open, &[]).await;
    let session = start.header("location").rsplit('=').next().unwrap().to_owned();
    world.bench.advance(time::Duration::hours(25));
    let late = world
        .open(COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[("accept", "application/json")])
        .await;
    assert_eq!((late.status, late.json()["errors"][0]["code"].as_str()), (410, Some("session_expired")));
    let slashless = world.open(COMPLETE, "GET", &format!("/interviews/{session}/complete"), &[]).await;
    assert_eq!(slashless.status, 301);
    assert_eq!(world.open(COMPLETE, "GET", "/interviews/nobody/complete/", &[]).await.status, 404);
}

#[tokio::test]
async fn the_anonymous_bucket_turns_401_into_429() {
    let bench = Bench::start().await.unwrap();
    for _ in 0..30 {
        assert_eq!(bench.send(LIST, "GET", "/v1/studies/", &[], b"").await.unwrap().status, 401);
    }
    let waits = bench.send(LIST, "GET", "/v1/studies/", &[], b"").await.unwrap();
    assert_eq!((waits.status, waits.header("www-authenticate")), (429, ""));
    assert!(waits.header("ratelimit-policy").starts_with("\"anonymous\";q=30"));
    assert_eq!(bench.send(SCHEMA, "GET", "/v1/schema/", &[], b"").await.unwrap().status, 429);
    // steps 1 and 2 touch no bucket
    assert_eq!(bench.send(LIST, "GET", "/v1/studies", &[], b"").await.unwrap().status, 301);
    assert_eq!(bench.send(LIST, "GET", "/v1/studies/", &[("accept", "text/html")], b"").await.unwrap().status, 406);
}

#[tokio::test]
async fn a_refusal_for_scope_does_not_count() {
    let bench = Bench::start().await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    let reader = format!("Api-Key {}", fixture.reader);
    let headers = [("authorization", reader.as_str())];
    for left in [119, 118] {
        assert_eq!(bench.send(UPDATE, "PATCH", S01, &headers, b"{}").await.unwrap().status, 403);
        let read = bench.send(RETRIEVE, "GET", S01, &headers, b"").await.unwrap();
        assert!(read.header("ratelimit").contains(&format!(";r={left};")), "{}", read.header("ratelimit"));
    }
}
