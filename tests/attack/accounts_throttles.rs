//! Guesses, mails and requests are counted for whom they concern.

use futures_util::{StreamExt as _, future::join_all, stream};
use harness::{
    Answer, Bench,
    functions::{Api, routed},
    http,
    mails::World,
    openscouter::{self, api_token, bearer, oauth, one_time, person},
    outsend, outset,
};
use local::people;
use serde_json::{Value, json};
use shared::model::{Email, Organization, OrganizationId, Plan, Role, Scope, TokenKind};
use time::Duration;

const DANA: &str = "dana@example.com";
const RIGHT: &str = openscouter::PASSWORD;

/// Sends JSON from an address of the network.
async fn send(bench: &Bench, source: &str, (api, method, path): (Api, &str, &str), body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let sent = (headers.as_slice(), body.to_string().into_bytes());
    bench.send_from(source, routed(api, method, path), method, path, (sent.0, &sent.1)).await.unwrap()
}

/// The status of a sign-in at OpenScouter.
async fn sign_in(bench: &Bench, source: &str, password: &str) -> u64 {
    let body = json!({"email": DANA, "password": password});
    send(bench, source, (Api::OpenScouter, "POST", "/api/auth/sign-in"), &body).await.status
}

/// The status of a log-in at Outsend.
async fn log_in(bench: &Bench, source: &str, password: &str) -> u64 {
    let body = json!({"email": DANA, "password": password});
    send(bench, source, (Api::Outsend, "POST", "/api/auth/login"), &body).await.status
}

/// A bench at the beginning of a window of 15 minutes, with an account.
async fn begun() -> Bench {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, DANA).await;
    next_window(&bench);
    bench
}

fn next_window(bench: &Bench) {
    let left = 900 - bench.context.clock().now().unix_timestamp().rem_euclid(900);
    bench.advance(Duration::seconds(left));
}

#[tokio::test]
async fn failures_are_one_count_over_all_dialects() {
    let bench = begun().await;
    for _ in 0..5 {
        assert_eq!(log_in(&bench, "192.0.2.1", "wrong 1").await, 401);
        assert_eq!(sign_in(&bench, "192.0.2.1", "wrong 1").await, 401);
    }
    assert_eq!(sign_in(&bench, "192.0.2.1", RIGHT).await, 429, "the eleventh attempt, at OpenScouter");
    let client = oauth::register(&bench).await;
    let page = oauth::begin(&bench, &client, &[]).await;
    let body = format!("transaction={}&email={DANA}&password=wrong", oauth::hidden(&page));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let path = "/api/oauth/authorize";
    let authorize = routed(Api::OpenScouter, "POST", path);
    let answer = bench.send_from("192.0.2.1", authorize, "POST", path, (&headers, body.as_bytes())).await.unwrap();
    assert_eq!(answer.status, 429, "and at the consent page");
    // what failed elsewhere counts at Outsend, too
    next_window(&bench);
    for _ in 0..10 {
        assert_eq!(sign_in(&bench, "192.0.2.1", "wrong 1").await, 401);
    }
    assert_eq!(log_in(&bench, "192.0.2.1", RIGHT).await, 429, "the eleventh attempt, at Outsend");
}

#[tokio::test]
async fn a_password_is_not_guessed_through_a_stolen_session() {
    let bench = begun().await;
    let cookie = outsend::log_in(&bench, DANA, RIGHT).await;
    let headers = [("cookie", cookie.as_str())];
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let body = json!({"password": "wrong 1"});
        statuses.push(outsend::ask(&bench, "DELETE", "/api/auth/account", &headers, &body).await.status);
    }
    assert_eq!(statuses, [[400; 10].as_slice(), &[429; 2]].concat());
    let change = json!({"current_password": RIGHT, "new_password": "another phrase 2"});
    let changed = outsend::ask(&bench, "POST", "/api/auth/password/change", &headers, &change).await;
    assert_eq!(changed.status, 429, "the same count");
    assert_eq!(sign_in(&bench, "192.0.2.7", RIGHT).await, 200, "who has no session is not locked out by it");
}

#[tokio::test]
async fn a_stranger_does_not_lock_the_owner_out() {
    let bench = begun().await;
    assert_eq!(sign_in(&bench, "192.0.2.1", RIGHT).await, 200, "the owner, at home");
    next_window(&bench);
    for _ in 0..10 {
        assert_eq!(sign_in(&bench, "198.51.100.1", "wrong 1").await, 401);
    }
    assert_eq!(sign_in(&bench, "198.51.100.1", "wrong 1").await, 429);
    assert_eq!(sign_in(&bench, "192.0.2.1", RIGHT).await, 200, "ten failures of a stranger");
    assert_eq!(sign_in(&bench, "203.0.113.9", RIGHT).await, 200, "nor is an owner who travels");
    for source in 2..6 {
        for _ in 0..10 {
            assert_eq!(sign_in(&bench, &format!("198.51.100.{source}"), "wrong 1").await, 401);
        }
    }
    assert_eq!(sign_in(&bench, "198.51.100.9", "wrong 1").await, 429, "fifty by account");
    assert_eq!(sign_in(&bench, "192.0.2.1", RIGHT).await, 200, "from where the owner signed in before");
    assert_eq!(log_in(&bench, "192.0.2.1", RIGHT).await, 200, "in the other dialect");
    assert_eq!(sign_in(&bench, "192.0.2.1", "wrong 1").await, 401);
    next_window(&bench);
    assert_eq!(sign_in(&bench, "198.51.100.9", RIGHT).await, 200, "the next window");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_guesses_fifty_are_tried() {
    let bench = begun().await;
    let guesses = (0..1_000).map(|number| {
        let (bench, source) = (&bench, format!("198.51.{}.{}", number / 5 / 100, number / 5 % 100));
        async move { sign_in(bench, &source, "wrong 1").await }
    });
    let statuses: Vec<_> = stream::iter(guesses).buffer_unordered(100).collect().await;
    let count = |status| statuses.iter().filter(|known| **known == status).count();
    assert_eq!((count(401), count(429)), (50, 950));
    // an address that nobody has is counted alike
    let unknown = json!({"email": "nobody@example.com", "password": "wrong 1"});
    let sign_in = (Api::OpenScouter, "POST", "/api/auth/sign-in");
    let guesses = (0..20).map(|_| send(&bench, "192.0.2.1", sign_in, &unknown));
    let tried = join_all(guesses).await.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(tried, 10);
}

#[tokio::test]
async fn addresses_of_one_network_are_one() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "5")]).await.unwrap();
    let mut statuses = Vec::new();
    for host in 0..7 {
        let source = format!("2001:db8:1:2::{host}");
        let list = outset::LIST;
        statuses.push(bench.send_from(&source, list, "GET", "/v1/studies/", (&[], b"")).await.unwrap().status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "Outset");
    let other = bench.send_from("2001:db8:1:3::1", outset::LIST, "GET", "/v1/studies/", (&[], b"")).await.unwrap();
    assert_eq!(other.status, 401);
    // version 4 within version 6 is as many addresses as there are
    for host in 1..8 {
        let source = format!("::ffff:192.0.2.{host}");
        let answer = bench.send_from(&source, outset::LIST, "GET", "/v1/studies/", (&[], b"")).await.unwrap();
        assert_eq!(answer.status, 401, "{source}");
    }
    // a repetition that comes from another address of a network is one
    person(&bench, Role::Business, DANA).await;
    let mut replayed = Vec::new();
    for source in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1"] {
        let headers = [("content-type", "application/json"), ("idempotency-key", "key-1")];
        let body = openscouter::sign_up_body("otto@example.com").to_string();
        let sign_up = routed(Api::OpenScouter, "POST", "/api/auth/sign-up");
        let sent = (headers.as_slice(), body.as_bytes());
        let answer = bench.send_from(source, sign_up, "POST", "/api/auth/sign-up", sent).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.json()["data"]["email"], "otto@example.com");
        replayed.push(answer.header("idempotency-replayed").to_owned());
    }
    assert_eq!(replayed, ["", "true"]);
}

#[tokio::test]
async fn keys_of_a_tenant_share_its_limit() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_FREE", "10")]).await.unwrap();
    let fixture = bench.organization(Plan::Free).await.unwrap();
    let other = bench.new_key(fixture.organization, Plan::Free, &Scope::ALL).await.unwrap();
    let mut passed = 0;
    for _ in 0..8 {
        for key in [&fixture.full, &other, &fixture.reader] {
            let authorization = format!("Api-Key {key}");
            let headers = [("authorization", authorization.as_str())];
            let answer = bench.send(outset::LIST, "GET", "/v1/studies/", &headers, b"").await.unwrap();
            passed += usize::from(answer.status == 200);
        }
    }
    assert_eq!(passed, 10, "Outset");

    person(&bench, Role::Business, DANA).await;
    let owner = bearer(&bench, DANA).await;
    let user = openscouter::user(&bench, DANA).await;
    let mut credentials = vec![oauth::connected(&bench, &user).await];
    for _ in 0..2 {
        credentials.push(api_token(&bench, &owner, &["read"]).await);
    }
    bench.advance(Duration::seconds(61));
    let mut statuses = Vec::new();
    for number in 0..123 {
        let credential = &credentials[number % 3];
        statuses.push(openscouter::get(&bench, "/api/auth/me", credential).await.status);
    }
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(passed, 120, "OpenScouter");
    assert_eq!(
        openscouter::get(&bench, "/api/auth/me", &owner).await.status,
        200,
        "a person's sign-in is the person's"
    );

    let cookie = outsend::log_in(&bench, DANA, RIGHT).await;
    let mut keys = Vec::new();
    for name in ["a", "b"] {
        let made =
            outsend::ask(&bench, "POST", "/api/api-keys", &[("cookie", &cookie)], &json!({ "name": name })).await;
        keys.push(made.json()["key"].as_str().unwrap().to_owned());
    }
    let left = 60 - bench.context.clock().now().unix_timestamp().rem_euclid(60);
    bench.advance(Duration::seconds(left));
    let mut passed = 0;
    for number in 0..124 {
        let headers = [("x-api-key", keys[number % 2].as_str())];
        passed += usize::from(outsend::me(&bench, &headers).await.status == 200);
    }
    assert_eq!(passed, 120, "Outsend");
    assert_eq!(outsend::me(&bench, &[("cookie", &cookie)]).await.status, 200);
}

#[tokio::test]
async fn a_newer_link_does_not_kill_older_ones() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, DANA).await;
    let kind = TokenKind::ScouterReset;
    let reset = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        openscouter::ask(&bench, "", "POST", "/api/auth/reset-password", &body).await.status
    };
    let mut links = Vec::new();
    for _ in 0..7 {
        links.push(one_time(&bench, DANA, kind).await);
    }
    assert_eq!(reset(&links[0], "another phrase 2").await, 422, "five work at a time");
    assert_eq!(reset(&links[1], "another phrase 2").await, 422);
    assert_eq!(reset(&links[2], "another phrase 2").await, 200, "older than four, and inside its life");
    for link in &links {
        assert_eq!(reset(link, "a third phrase 3").await, 422, "one was used: all of them ended");
    }
    // of many uses at once, of different links, one is done
    let mut links = Vec::new();
    for _ in 0..5 {
        links.push(one_time(&bench, DANA, kind).await);
    }
    let statuses = join_all(links.iter().map(|link| reset(link, "a fourth phrase 4"))).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    // and one outlives its own life under no newer one
    let old = one_time(&bench, DANA, kind).await;
    bench.advance(Duration::minutes(40));
    let new = one_time(&bench, DANA, kind).await;
    bench.advance(Duration::minutes(30));
    assert_eq!(reset(&old, "a fifth phrase 5").await, 422);
    assert_eq!(reset(&new, "a fifth phrase 5").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_one_recipient_are_limited_whoever_asks() {
    let world = World::start().await;
    let context = &world.0.context;
    let now = context.clock().now();
    let organization = Organization {
        id: OrganizationId::at(now),
        name: "Roe Ltd".to_owned(),
        plan: Plan::Free,
        billing_exempt: true,
        created_at: now,
    };
    let email = Email::parse(DANA).unwrap();
    people::create_person(context, &organization, Role::Business, (&email, "Dana"), RIGHT).await.unwrap().unwrap();
    let hour = 3_600 - context.clock().now().unix_timestamp().rem_euclid(3_600);
    world.advance(Duration::seconds(hour)).await;
    let ask = async |path: &str| {
        let headers = [("Content-Type", "application/json")];
        let body = json!({"email": DANA}).to_string();
        let answer = http::send(&world.0.openscouter, "POST", path, &headers, body.as_bytes()).await.unwrap();
        (answer.status, answer.body)
    };
    let mut answers = Vec::new();
    for _ in 0..9 {
        answers.push(ask("/api/auth/forgot-password").await);
        answers.push(ask("/api/auth/magic-link").await);
    }
    for _ in 0..3 {
        assert_eq!(world.post("/api/auth/password/reset-request", &[], &json!({"email": DANA})).await.status, 200);
    }
    world.nothing_waits().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "who asks is told nothing: {answers:?}");
    let mails = world.control("GET", "/_local/mail", "").await.json();
    let with = |subject: &str| mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == subject).count();
    assert_eq!((with("Set a new password"), with("Your sign-in link")), (5, 5), "in an hour");
    for _ in 0..6 {
        world.advance(Duration::hours(1)).await;
        for _ in 0..6 {
            ask("/api/auth/forgot-password").await;
        }
        world.nothing_waits().await;
    }
    let mails = world.control("GET", "/_local/mail", "").await.json();
    let resets = mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == "Set a new password").count();
    assert!((20..=40).contains(&resets), "in a day, or in two whose border was passed: {resets}");
    world.0.shutdown().await;
}
