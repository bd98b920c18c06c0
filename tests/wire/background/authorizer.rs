//! `background-authorizer`: which gateway key each request counts for. What the gateway does with it is in `flows/gateway`.

use std::{collections::BTreeSet, time::Instant};

use bytes::Bytes;
use harness::{
    Bench,
    openscouter::{PASSWORD, access, api_token, bearer, oauth::connected, person, sign_in, team::Team},
    outsend,
};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    context::Context,
    lambda::{Function as _, Invoke},
    model::{OrganizationId, Plan, Role, Scope},
    store::round_trips::counted,
};
use time::Duration;

const TEMPLATES: [(&str, &str); 3] = [
    ("outset", include_str!("../../../functions/outset/template.yaml")),
    ("outsend", include_str!("../../../functions/outsend/template.yaml")),
    ("openscouter", include_str!("../../../functions/openscouter/template.yaml")),
];

const ADDRESS: &str = "203.0.113.7";

/// The gateway's question about a request.
fn event(bench: &Bench, api: &str, headers: &[(&str, &str)], source: &str) -> Value {
    let proxied = bench.event_from("background-authorizer", "GET", "/api/anything", headers, b"", source);
    let mut event: Value = serde_json::from_slice(&proxied).unwrap();
    event.as_object_mut().unwrap().remove("body");
    event["type"] = json!("REQUEST");
    event["methodArn"] = json!("arn:aws:execute-api:eu-west-3:123456789012:abc/prod/GET/api/anything");
    event["stageVariables"] = json!({"api": api});
    event
}

/// A process of the authorizer.
struct Process(Invoke);

impl Process {
    fn of(context: &Context) -> Self {
        Self(background_authorizer::FUNCTION.invoke(context.clone()))
    }

    async fn answer(&self, event: Bytes) -> Value {
        serde_json::from_slice(&(self.0)(event).await.unwrap().whole().unwrap()).unwrap()
    }

    /// The key that a request counts for. The answer allows the stage, whatever was sent.
    async fn key(&self, event: &Value) -> String {
        let answer = self.answer(Bytes::from(event.to_string())).await;
        let statement = &answer["policyDocument"]["Statement"];
        assert_eq!(statement.as_array().unwrap().len(), 1, "{answer}");
        assert_eq!((&statement[0]["Effect"], &statement[0]["Action"]), (&json!("Allow"), &json!("execute-api:Invoke")));
        assert_eq!(statement[0]["Resource"], "arn:aws:execute-api:eu-west-3:123456789012:abc/prod/*");
        answer["usageIdentifierKey"].as_str().unwrap().to_owned()
    }
}

/// The tier that a request counts for in a process that remembers nothing. On a busy machine the store may not answer in time:
/// then another process is asked.
async fn pool(bench: &Bench, api: &str, headers: &[(&str, &str)]) -> String {
    let mut tier = String::new();
    for _ in 0..3 {
        tier = pool_once(bench, api, headers).await;
        if !tier.ends_with("-anonymous") {
            break;
        }
    }
    tier
}

async fn pool_once(bench: &Bench, api: &str, headers: &[(&str, &str)]) -> String {
    let _running = bench.faults.running(background_authorizer::FUNCTION.name());
    let key = Process::of(&bench.another_process().context).key(&event(bench, api, headers, ADDRESS)).await;
    let (name, number) = key.strip_suffix("-local").unwrap().rsplit_once('-').unwrap();
    assert!(number.parse::<u8>().is_ok(), "{key}");
    name.to_owned()
}

/// Gives an organization a gateway key of its own.
async fn give_key(bench: &Bench, organization: OrganizationId, key: &str) {
    let item = (format!("ORG#{organization}"), "ORG");
    let (settings, endpoint) = (bench.context.settings(), &bench.faults.endpoint);
    harness::plant(settings, endpoint, (&item.0, item.1), ("gateway_key", key)).await.unwrap();
}

#[tokio::test]
async fn a_key_of_outset_counts_for_its_organization() {
    let bench = Bench::start().await.unwrap();
    for (plan, tier) in [(Plan::Free, "outset-free"), (Plan::Pro, "outset-pro")] {
        let of = bench.organization(plan).await.unwrap();
        for key in [&of.full, &of.reader] {
            assert_eq!(pool(&bench, "outset", &[("Authorization", &format!("api-KEY {key}"))]).await, tier);
        }
    }
    let of = bench.organization(Plan::Free).await.unwrap().organization;
    let now = bench.context.clock().now();
    let revoked = bench.spoiled_key(of, |key| key.revoked_at = Some(now)).await.unwrap();
    let ended = bench.spoiled_key(of, |key| key.expires_at = Some(now)).await.unwrap();
    let unknown = shared::secret::PlainKey::generate().unwrap();
    for key in [&revoked, &ended, unknown.reveal(), "oset_x", ""] {
        let sent = format!("Api-Key {key}");
        assert_eq!(pool(&bench, "outset", &[("authorization", &sent)]).await, "outset-anonymous", "{sent}");
    }
    let key = bench.new_key(of, Plan::Free, &Scope::ALL).await.unwrap();
    for sent in
        [format!("Bearer {key}"), key.clone(), format!("Api-Key {key} x"), format!("Api-Key {key},Api-Key {key}")]
    {
        assert_eq!(pool(&bench, "outset", &[("authorization", &sent)]).await, "outset-anonymous", "{sent}");
    }
    assert_eq!(pool(&bench, "outset", &[("x-api-key", &key)]).await, "outset-anonymous");
}

#[tokio::test]
async fn sessions_and_keys_of_outsend_count_for_their_workspace() {
    let bench = Bench::start().await.unwrap();
    let cookie = outsend::confirmed(&bench, "dana@example.com").await;
    let made = outsend::new_key(&bench, &cookie, &json!({"name": "x"})).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(pool(&bench, "outsend", &[("cookie", &cookie)]).await, "outsend-free");
    assert_eq!(pool(&bench, "outsend", &[("cookie", &format!("a=b; {cookie}"))]).await, "outsend-free");
    assert_eq!(pool(&bench, "outsend", &[("x-api-key", &key)]).await, "outsend-free");
    for headers in [
        [("x-api-key", "osk_x"), ("cookie", &*cookie)],
        [("x-api-key", &key.to_uppercase()), ("accept", "*/*")],
        [("authorization", &format!("Bearer {key}")), ("accept", "*/*")],
        [("cookie", "outsend_session=x"), ("accept", "*/*")],
    ] {
        assert_eq!(pool(&bench, "outsend", &headers).await, "outsend-anonymous", "{headers:?}");
    }
    // a session that ended
    bench.advance(Duration::days(8));
    assert_eq!(pool(&bench, "outsend", &[("cookie", &cookie)]).await, "outsend-anonymous");
}

#[tokio::test]
async fn each_credential_of_openscouter_counts_for_who_holds_it() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let jwt = bearer(&bench, "dana@example.com").await;
    let token = api_token(&bench, &jwt, &["read"]).await;
    let oauth = connected(&bench, &user).await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let of_tester = bearer(&bench, "tess@example.com").await;
    person(&bench, Role::Admin, "ada@example.com").await;
    let of_admin = access(&sign_in(&bench, "ada@example.com").await);
    for (credential, tier) in
        [(&jwt, "free"), (&token, "free"), (&oauth, "free"), (&of_tester, "free"), (&of_admin, "pro")]
    {
        let found = pool(&bench, "openscouter", &[("authorization", credential)]).await;
        assert_eq!(found, format!("openscouter-{tier}"), "{credential}");
    }
    let changed = |credential: &str| {
        let (rest, end) = credential.split_at(credential.len() - 1);
        format!("{rest}{}", if end == "A" { "Q" } else { "A" })
    };
    for credential in [&jwt, &token, &oauth].map(|credential| changed(credential)) {
        let found = pool(&bench, "openscouter", &[("authorization", &credential)]).await;
        assert_eq!(found, "openscouter-anonymous", "{credential}");
    }
    for credential in ["", "Bearer", "Bearer ", "Token x", "Basic eDp5", PASSWORD] {
        let found = pool(&bench, "openscouter", &[("authorization", credential)]).await;
        assert_eq!(found, "openscouter-anonymous", "{credential}");
    }
    // access tokens end after a day
    bench.advance(Duration::hours(25));
    assert_eq!(pool(&bench, "openscouter", &[("authorization", &jwt)]).await, "openscouter-anonymous");
    assert_eq!(pool(&bench, "openscouter", &[("authorization", &token)]).await, "openscouter-free");
}

#[tokio::test]
async fn a_test_token_counts_for_its_tester() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let token = team.test_token(&study).await;
    let found = pool(&team.bench, "openscouter", &[("authorization", &token)]).await;
    assert_eq!(found, "openscouter-free");
    team.bench.advance(Duration::days(400));
    assert_eq!(pool(&team.bench, "openscouter", &[("authorization", &token)]).await, "openscouter-anonymous");
}

#[tokio::test]
async fn an_organization_with_a_key_is_named_by_it_wherever_it_calls() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let outset = bench.new_key(user.organization, Plan::Free, &Scope::ALL).await.unwrap();
    let cookie = outsend::log_in(&bench, "dana@example.com", PASSWORD).await;
    let jwt = bearer(&bench, "dana@example.com").await;
    let api_key = format!("Api-Key {outset}");
    let presented = [
        ("outset", ("authorization", api_key.as_str())),
        ("outsend", ("cookie", cookie.as_str())),
        ("openscouter", ("authorization", jwt.as_str())),
    ];
    let process = Process::of(&bench.context);
    let keys = async || {
        let _running = bench.faults.running(background_authorizer::FUNCTION.name());
        let mut keys = BTreeSet::new();
        for (api, header) in presented {
            keys.insert(process.key(&event(&bench, api, &[header], ADDRESS)).await);
        }
        keys
    };
    // before it has one, and for a minute afterwards, pool keys
    assert!(keys().await.iter().all(|key| key.contains("-free-")));
    give_key(&bench, user.organization, "the-organization-s-own-key").await;
    bench.advance(Duration::seconds(59));
    assert!(keys().await.iter().all(|key| key.contains("-free-")));
    bench.advance(Duration::seconds(2));
    assert_eq!(keys().await, BTreeSet::from(["the-organization-s-own-key".to_owned()]));
}

#[tokio::test]
async fn a_caller_is_looked_up_once_a_minute_by_two_reads_and_an_anonymous_one_never() {
    let bench = Bench::start().await.unwrap();
    let of = bench.organization(Plan::Pro).await.unwrap();
    let api_key = format!("Api-Key {}", of.full);
    let process = Process::of(&bench.context);
    let reads = async |headers: &[(&str, &str)]| {
        let event = event(&bench, "outset", headers, ADDRESS);
        let (_, cost) = counted(async { process.key(&event).await }).await;
        (cost.calls, cost.items_read)
    };
    assert_eq!(reads(&[]).await, (0, 0));
    // the first time on a day its organization is marked as used
    assert_eq!(reads(&[("authorization", &api_key)]).await, (3, 2));
    for _ in 0..10 {
        assert_eq!(reads(&[("authorization", &api_key)]).await, (0, 0));
    }
    bench.advance(Duration::seconds(61));
    assert_eq!(reads(&[("authorization", &api_key)]).await, (2, 2));
    // what is nobody's is remembered, too
    let unknown = format!("Api-Key {}", shared::secret::PlainKey::generate().unwrap().reveal());
    assert_eq!(reads(&[("authorization", &unknown)]).await, (1, 0));
    assert_eq!(reads(&[("authorization", &unknown)]).await, (0, 0));
}

#[tokio::test]
async fn with_the_store_down_or_silent_a_caller_counts_as_anonymous_and_hardly_waits() {
    let bench = Bench::start().await.unwrap();
    let of = bench.organization(Plan::Pro).await.unwrap();
    let credential = format!("Api-Key {}", of.full);
    // it takes the connection and never answers
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &*silent] {
        let mut settings = bench.context.settings().clone();
        settings.store.endpoint = Some(endpoint.to_owned());
        let process = Process::of(&Context::new(settings, Clock::system()));
        let began = Instant::now();
        for _ in 0..50 {
            let key = process.key(&event(&bench, "outset", &[("authorization", &credential)], ADDRESS)).await;
            assert!(key.starts_with("outset-anonymous-"), "{key}");
        }
        assert!(began.elapsed().as_millis() < 900, "{endpoint}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn odd_events_are_allowed_as_anonymous_ones() {
    let bench = Bench::start().await.unwrap();
    let process = Process::of(&bench.context);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for text in ["", "null", "{}", "[]", "7", "\"x\"", "{", "\u{0}", &deep, r#"{"stageVariables":7,"methodArn":[]}"#] {
        let answer = process.answer(Bytes::from(text.to_owned())).await;
        assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Allow", "{text}");
        assert!(answer["usageIdentifierKey"].as_str().unwrap().starts_with("outset-anonymous-"), "{answer}");
    }
    let usual = event(&bench, "openscouter", &[("authorization", "Bearer \u{fc}\u{20ac}")], "not an address");
    let odd = [Value::Null, json!(7), json!([]), json!({}), json!({"a": [1]}), json!("x"), json!(["\u{0}"])];
    for name in usual.as_object().unwrap().keys() {
        for value in &odd {
            let mut event = usual.clone();
            event[name] = value.clone();
            let answer = process.answer(Bytes::from(event.to_string())).await;
            assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Allow", "{name}: {value}");
            assert!(answer["usageIdentifierKey"].as_str().unwrap().contains("-anonymous-"), "{name}: {value}");
        }
    }
}

/// The values of the pool keys that an API's template makes.
fn of_template(template: &str) -> BTreeSet<String> {
    let values =
        template.lines().filter_map(|line| line.split_once("Value: !Sub \"")?.1.split_once("${GatewayKeys}\""));
    values.map(|(name, _)| format!("{name}local")).collect()
}

#[tokio::test]
async fn the_pool_keys_are_those_of_the_templates_and_each_is_used() {
    let bench = Bench::start().await.unwrap();
    let process = Process::of(&bench.context);
    for (api, template) in TEMPLATES {
        let mut used = BTreeSet::new();
        for number in 0..200 {
            let source = format!("203.0.113.{number}");
            let key = process.key(&event(&bench, api, &[], &source)).await;
            assert_eq!(key, process.key(&event(&bench, api, &[], &source)).await, "an address has one key");
            used.insert(key);
        }
        let mut made = of_template(template);
        assert_eq!(made.len(), 16, "{api}: {made:?}");
        if api == "outset" {
            for plan in [Plan::Free, Plan::Pro] {
                for _ in 0..60 {
                    let credential = format!("Api-Key {}", bench.organization(plan).await.unwrap().full);
                    used.insert(process.key(&event(&bench, api, &[("authorization", &credential)], ADDRESS)).await);
                }
            }
        } else {
            made.retain(|key| key.contains("-anonymous-"));
        }
        assert_eq!(used, made, "{api}");
    }
    // IPv6 counts by /64
    let key = async |source: &str| process.key(&event(&bench, "outset", &[], source)).await;
    assert_eq!(key("2001:db8:1:2::1").await, key("2001:db8:1:2:ffff::9").await);
}
