//! Many at once, over HTTP against the whole local system.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use harness::{Answer, Failure, fixture_study, http, log};
use local::server::{Options, Server};
use serde_json::Value;
use shared::model::Plan;

const S02: &str = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/";

struct World {
    server: Server,
    key: String,
}

impl World {
    async fn new(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = Server::start(Options { variables, ..Options::default() }, log().clone()).await.unwrap();
        let organization = local::demo::create_organization(&server.context, "fixture", Plan::Free).await.unwrap();
        let studies: Vec<_> = (0..25).map(|number| fixture_study(organization.id, number).unwrap()).collect();
        server.context.store().create_studies(&studies).await.unwrap();
        let (_, key) = local::demo::create_key(&server.context, &organization, "test", &[], None).await.unwrap();
        Self { server, key: format!("Api-Key {}", key.reveal()) }
    }

    fn unlimited() -> [(&'static str, &'static str); 2] {
        [("OUTSCOUT_OUTSET_LIMIT_FREE", "0"), ("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, Failure> {
        let mut all = vec![("Authorization", self.key.as_str()), ("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        http::send(&self.server.outset, method, path, &all, body.as_bytes()).await
    }

    /// How often each status came.
    fn statuses(answers: Vec<Result<Answer, Failure>>) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for answer in answers {
            *counts.entry(answer.unwrap().status).or_default() += 1;
        }
        counts
    }

    /// Each list's count must equal its members, and the lists must agree with the studies.
    async fn assert_lists_whole(&self) {
        for query in ["", "active=true", "active=false", "status=open", "status=paused", "status=in_progress"] {
            let answer = self.send("GET", &format!("/v1/studies/?page_size=100&{query}"), &[], "").await.unwrap();
            let page: Value = serde_json::from_str(&answer.body).unwrap();
            let members = page["results"].as_array().unwrap();
            assert_eq!(page["count"], members.len(), "{query}");
            for study in members {
                let status = study["status"].as_str().unwrap();
                let active = study["active"].to_string();
                let belongs =
                    query.is_empty() || query == format!("status={status}") || query == format!("active={active}");
                assert!(belongs, "{query}: {study}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_requests_on_one_key_exactly_the_limit_passes() {
    let world = World::new(&[]).await;
    let answers = join_all((0..1_000).map(|_| world.send("GET", S02, &[], ""))).await;
    assert_eq!(World::statuses(answers), BTreeMap::from([(200, 120), (429, 880)]));
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_conditional_updates_one_wins() {
    let world = World::new(&World::unlimited()).await;
    let tag = world.send("GET", S02, &[], "").await.unwrap().header("etag").to_owned();
    let bodies: Vec<_> = (0..20).map(|number| format!(r#"{{"completion_url":"https://a.test/{number}"}}"#)).collect();
    let headers = [("If-Match", tag.as_str())];
    let answers = join_all(bodies.iter().map(|body| world.send("PATCH", S02, &headers, body))).await;
    assert_eq!(World::statuses(answers), BTreeMap::from([(200, 1), (412, 19)]));
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_updates_all_succeed_and_leave_whole_lists() {
    let world = World::new(&World::unlimited()).await;
    let requests: Vec<_> = (0..60)
        .map(|number| (format!("/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-0000000000{:02}/", number % 6), number % 4 < 2))
        .collect();
    let send = |(path, active): &(String, bool)| {
        let body = format!(r#"{{"active":{active}}}"#);
        let path = path.clone();
        let world = &world;
        async move { world.send("PATCH", &path, &[], &body).await }
    };
    let answers = join_all(requests.iter().map(send)).await;
    assert_eq!(World::statuses(answers), BTreeMap::from([(200, 60)]));
    world.assert_lists_whole().await;
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_first_visits_of_one_participant_are_one_session() {
    let world = World::new(&World::unlimited()).await;
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/start/?outset_survey_uid=u1";
    let answers = join_all((0..20).map(|_| http::send(&world.server.outset, "GET", link, &[], b""))).await;
    let mut places: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().header("location").to_owned()).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 1, "{places:?}");
    assert!(places[0].starts_with("https://proto.test/app?v=2&outset_session="));
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_with_one_idempotency_key_have_one_effect() {
    let world = World::new(&World::unlimited()).await;
    let headers = [("Idempotency-Key", "once")];
    let body = r#"{"completion_url":"https://a.test/once"}"#;
    let answers = join_all((0..30).map(|_| world.send("PATCH", S02, &headers, body))).await;
    let mut firsts = 0;
    for answer in answers {
        let answer = answer.unwrap();
        match answer.status {
            200 => firsts += usize::from(answer.header("idempotency-replayed").is_empty()),
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(firsts, 1);
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_input_gets_the_envelope() {
    let world = World::new(&World::unlimited()).await;
    let long = "x".repeat(6_000);
    let paths = [
        "/v1/studies/%00/",
        "/v1/studies/%ff%fe/",
        "/v1/studies/..%2f..%2f/",
        "//",
        "/v1/studies/?page=%ff",
        "/v1/%F0%9F%98%80",
    ];
    for path in
        paths.into_iter().chain([format!("/v1/studies/{long}/").as_str(), format!("/v1/studies/?a={long}").as_str()])
    {
        for method in ["GET", "PATCH", "BREW"] {
            let answer = world.send(method, path, &[], "{").await.unwrap();
            assert!((200..500).contains(&answer.status), "{method} {path}: {}", answer.status);
            if answer.status >= 400 {
                assert_eq!(answer.json()["status"], "error", "{method} {path}: {}", answer.body);
            }
        }
    }
    let odd = ["ht tp", "", "javascript", "http,https", "\u{fc}"];
    for value in odd {
        for name in [
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "Accept",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "X-Request-Id",
            "Origin",
        ] {
            let answer = world.send("PATCH", S02, &[(name, value)], "{}").await.unwrap();
            assert!((200..500).contains(&answer.status), "{name}: {value}: {}", answer.status);
        }
    }
    let header = "x".repeat(11_000);
    let answer = world.send("GET", S02, &[("X-Long", header.as_str())], "").await.unwrap();
    assert_eq!((answer.status, answer.json()["status"].as_str()), (413, Some("error")));
    let large = format!(r#"{{"zzz":"{}"}}"#, "x".repeat(1024 * 1024));
    for (body, status) in [(large, 413), ("x".repeat(11 * 1024 * 1024), 413), ("[".repeat(1024 * 1024), 400)] {
        let answer = world.send("PATCH", S02, &[], &body).await.unwrap();
        assert_eq!((answer.status, answer.json()["status"].as_str()), (status, Some("error")));
    }
    for host in ["a b", "[", "a:99999999", "<script>", "\u{e9}.test", "a/b"] {
        let request =
            format!("GET {S02} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n", world.key);
        let answer = http::raw(&world.server.outset, request.as_bytes()).await.unwrap();
        assert!((200..500).contains(&answer.status), "{host}: {}", answer.status);
        assert!(!answer.body.contains("<script>"));
    }
    world.server.shutdown().await;
}
