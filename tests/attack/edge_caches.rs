//! Caches between: none of them may keep what is one caller's own, and hand it to the next.

use harness::{
    Answer, Bench,
    functions::{Api, resources, routed},
    openscouter::{bearer, oauth::begin, oauth::register, person},
    outsend::{self, cookie, log_in},
    outset,
};
use shared::model::Role;
use time::Duration;

/// What an answer says to caches.
fn rule(answer: &Answer) -> &str {
    answer.header("cache-control")
}

/// Whether a shared cache may hand an answer to somebody else: it is public, or says nothing and may be guessed about.
fn is_shared(answer: &Answer) -> bool {
    let rule = rule(answer);
    rule.contains("public")
        || rule.contains("s-maxage")
        || !["no-store", "private", "no-cache"].iter().any(|word| rule.contains(word))
}

/// Whether what `Vary` names holds `name`.
fn varies(answer: &Answer, name: &str) -> bool {
    answer.header("vary").split(',').any(|known| known.trim().eq_ignore_ascii_case(name))
}

/// Every GET of an API, with `x` for what is in braces.
fn reads(api: Api) -> Vec<String> {
    let mut paths: Vec<_> = resources(api)
        .into_iter()
        .map(|resource| {
            let segments = resource.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
            segments.collect::<Vec<_>>().join("/")
        })
        .collect();
    if api == Api::Outset {
        let slashed: Vec<_> = paths.iter().map(|path| format!("{path}/")).collect();
        paths.extend(slashed);
        paths.push(outset::S02.to_owned());
        paths.push(outset::S02.trim_end_matches('/').to_owned());
    }
    paths
}

async fn get(bench: &Bench, api: Api, path: &str, headers: &[(&str, &str)]) -> Answer {
    bench.advance(Duration::seconds(3));
    bench.send(routed(api, "GET", path), "GET", path, headers, b"").await.unwrap()
}

#[tokio::test]
async fn a_session_that_slides_is_kept_by_no_cache() {
    let bench = Bench::start().await.unwrap();
    let session = outsend::signed_up(&bench, "ada@example.com").await;
    let caller = [("cookie", session.as_str())];
    for path in reads(Api::Outsend) {
        // near enough to its end that every answer moves it
        bench.advance(Duration::days(6));
        let answer = get(&bench, Api::Outsend, &path, &caller).await;
        if answer.header("set-cookie").is_empty() {
            let again = get(&bench, Api::Outsend, "/api/auth/me", &caller).await;
            assert_eq!(cookie(&again), session, "{path}: the session goes on");
            assert!(rule(&again).contains("no-store"), "{path}: {}", rule(&again));
            continue;
        }
        assert!(rule(&answer).contains("no-store"), "{path}: {} with a cookie", rule(&answer));
        assert!(!is_shared(&answer), "{path}: {} with a cookie", rule(&answer));
    }
    bench.advance(Duration::days(6));
    let registry = get(&bench, Api::Outsend, "/api/modules-registry", &caller).await;
    assert_eq!((registry.status, cookie(&registry)), (200, session.clone()));
    assert_eq!(rule(&registry), "no-store");
}

#[tokio::test]
async fn what_a_credential_was_sent_for_is_nobody_else_s() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]).await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = log_in(&bench, "dana@example.com", harness::openscouter::PASSWORD).await;
    let made =
        outsend::ask(&bench, "POST", "/api/api-keys", &[("cookie", &session)], &serde_json::json!({"name": "x"})).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let jwt = bearer(&bench, "dana@example.com").await;
    let outset = format!("Api-Key {}", fixture.full);
    let callers = [
        (Api::Outset, ("authorization", outset.as_str())),
        (Api::Outsend, ("cookie", session.as_str())),
        (Api::Outsend, ("x-api-key", key.as_str())),
        (Api::OpenScouter, ("authorization", jwt.as_str())),
    ];
    // also credentials that the API does not know, or that nobody has
    let strangers = [("authorization", "Bearer x"), ("cookie", "a=b"), ("x-api-key", "x")];
    for api in [Api::Outset, Api::Outsend, Api::OpenScouter] {
        let own = callers.iter().filter(|(known, _)| *known == api).map(|(_, header)| *header);
        for header in own.chain(strangers) {
            for path in reads(api) {
                let answer = get(&bench, api, &path, &[header]).await;
                assert!(!is_shared(&answer), "{path} with {}: {} {:?}", header.0, answer.status, rule(&answer));
            }
        }
    }
}

#[tokio::test]
async fn what_everybody_may_keep_is_these() {
    let bench =
        Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0"), ("OUTSCOUT_OUTSEND_CORS_ORIGINS", "https://a.test")])
            .await
            .unwrap();
    bench.fixture().await.unwrap();
    let mut public = Vec::new();
    for api in [Api::Outset, Api::Outsend, Api::OpenScouter] {
        for path in reads(api) {
            let answer = get(&bench, api, &path, &[]).await;
            assert!(!rule(&answer).is_empty(), "{path}: {}", answer.status);
            if !is_shared(&answer) {
                continue;
            }
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.header("set-cookie").is_empty(), "{path}");
            if api != Api::Outset {
                assert!(varies(&answer, "origin"), "{path}: its headers depend on the origin");
                let other = get(&bench, api, &path, &[("origin", "https://evil.test")]).await;
                assert!(varies(&other, "origin"), "{path}");
            }
            let language = get(&bench, api, &path, &[("accept-language", "fr"), ("accept", "*/*")]).await;
            let same = language.body == answer.body;
            assert!(same || varies(&answer, "accept-language"), "{path}: its texts depend on the language");
            let host = get(&bench, api, &path, &[("x-forwarded-host", "evil.test")]).await;
            // whose host the document names then, nobody else must read
            assert!(host.body == answer.body || !is_shared(&host), "{path}: {}", rule(&host));
            public.push(path);
        }
    }
    let expected = [
        "/v1/schema/",
        "/api/modules-registry",
        "/api/pipelines/schema",
        // of Outsend, and of OpenScouter
        "/api/openapi.json",
        "/api/openapi.json",
        "/api/auth/jwks",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/api/mcp",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/api",
        "/.well-known/oauth-protected-resource/api/mcp",
        "/.well-known/oauth-protected-resource/api/mcp/mcp",
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    public.sort_unstable();
    assert_eq!(public, expected);
}

#[tokio::test]
async fn a_refusal_of_something_public_is_kept_by_nobody() {
    let bench = Bench::start().await.unwrap();
    for (api, path) in [
        (Api::Outset, "/v1/schema/"),
        (Api::Outsend, "/api/modules-registry"),
        (Api::OpenScouter, "/.well-known/jwks.json"),
    ] {
        let refused = loop {
            let answer = bench.send(routed(api, "GET", path), "GET", path, &[], b"").await.unwrap();
            if answer.status != 200 {
                break answer;
            }
        };
        assert_eq!((refused.status, rule(&refused)), (429, "no-store"), "{path}");
        bench.advance(Duration::minutes(2));
        for method in ["POST", "DELETE", "FOO"] {
            let answer = bench.send(routed(api, method, path), method, path, &[], b"").await.unwrap();
            assert_eq!(rule(&answer), "no-store", "{method} {path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn pages_and_redirects_of_a_sign_in_are_kept_by_nobody() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    for change in [vec![], vec![("scope", Some("nope"))], vec![("client_id", Some("x"))]] {
        let answer = begin(&bench, &client, &change).await;
        assert_eq!(rule(&answer), "no-store", "{}", answer.status);
    }
}
