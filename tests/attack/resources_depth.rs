//! Bodies that nest: no depth, and no name of a member, ends the process.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::{
    Bench,
    functions::Api,
    openscouter::{
        PASSWORD, data, error, get,
        ingestion::{begun, post_batch},
        person, send,
    },
    outsend, outset,
};
use serde_json::{Value, json};
use shared::model::Role;

use crate::fuzz::surface::{Sample, Surface, broke};

/// The name by which `serde_json` knows its raw values.
const RAW: &str = "$serde_json::private::RawValue";

/// Arrays in arrays, in texts that `serde_json` takes for raw values and reads with a depth of their own.
fn restarted(levels: usize) -> String {
    (0..levels).fold("[".repeat(126), |inner, _| format!("{}{{\"{RAW}\":{}", "[".repeat(126), json!(inner)))
}

/// An object of this depth.
fn nested(depth: usize) -> String {
    format!("{{\"zzz\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

/// Bodies that may overflow a stack.
fn bombs() -> Vec<String> {
    let inside = format!("{{\"email\":{}", restarted(9));
    let objects = format!("{{\"a\":{}", "{\"a\":".repeat(9_000));
    vec![restarted(8), restarted(9), inside, objects, "[".repeat(60_000), nested(30_000)]
}

/// What a route says to a body.
async fn told(world: &Surface, sample: &Sample, body: &str) -> (u64, String) {
    let sample = Sample { body: body.as_bytes().to_vec(), ..sample.clone() };
    let answer = world.send(&sample).await.unwrap();
    (answer.status, answer.body)
}

#[tokio::test]
async fn three_kilobytes_of_a_stranger_do_not_end_the_server() {
    let bench = Bench::start().await.unwrap();
    let body = restarted(9);
    assert!(body.len() < 3_600, "{}", body.len());
    let headers = [("content-type", "application/json")];
    let answer = send(&bench, "POST", "/api/auth/sign-in", &headers, &body).await;
    assert_eq!((answer.status, error(&answer).as_str()), (400, "Malformed JSON body"));
    let answer = outsend::send(&bench, "POST", "/api/auth/login", &headers, &body).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn no_route_is_ended_by_what_nests() {
    let world = Surface::start().await;
    for sample in &world.samples {
        for body in bombs() {
            let (status, text) = told(&world, sample, &body).await;
            assert!(!broke(status), "{}: {status} {text}", sample.function);
        }
    }
}

#[tokio::test]
async fn a_header_of_a_signed_text_is_no_place_for_depth_either() {
    let bench = Bench::start().await.unwrap();
    for inner in [json!({ (RAW): restarted(7) }).to_string(), restarted(6), "[".repeat(2_000)] {
        let header = format!("{{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"x\",\"zzz\":{inner}}}");
        let text = format!("Bearer {}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
        assert!(text.len() < 4_096, "{}", text.len());
        assert_eq!(get(&bench, "/api/auth/me", &text).await.status, 401);
    }
}

#[tokio::test]
async fn a_body_is_128_deep_and_no_deeper() {
    let world = Surface::start().await;
    let broken = |api| match api {
        Api::Outset => "parse_error",
        Api::Outsend => "JSON",
        Api::OpenScouter => "Malformed JSON body",
    };
    let mut read = 0;
    for sample in &world.samples {
        let json = sample.headers.iter().any(|(_, value)| value == "application/json");
        let (status, text) = told(&world, sample, "{").await;
        // routes that read no body, have none, or have the form of an RFC
        if !json || status != 400 || !text.contains(broken(sample.api)) {
            continue;
        }
        read += 1;
        let (deep, deeper) = (told(&world, sample, &nested(128)).await, told(&world, sample, &nested(129)).await);
        assert!(deep.0 != 400 || !deep.1.contains(broken(sample.api)), "{}: {deep:?}", sample.function);
        assert!(deeper.0 == 400 && deeper.1.contains(broken(sample.api)), "{}: {deeper:?}", sample.function);
        let strings = json!({"zzz": "[{".repeat(300), "yyy": "\\\"[[[[".repeat(100)}).to_string();
        let strings = told(&world, sample, &strings).await;
        assert!(strings.0 != 400 || !strings.1.contains(broken(sample.api)), "{}: {strings:?}", sample.function);
    }
    assert!(read > 40, "{read} routes read JSON");
    let registered = told(&world, &world.sample("openscouter-oauth-register"), &nested(129)).await;
    assert_eq!(registered.0, 400, "{registered:?}");
}

#[tokio::test]
async fn a_member_may_have_any_name() {
    let world = Surface::start().await;
    // as a member that nobody knows it is passed over, whatever it holds
    for inner in [json!("no JSON at all"), json!("{}"), json!(1), json!({"a": RAW}), json!([{ (RAW): "[1" }])] {
        for name in [RAW, "$serde_json::private::Number"] {
            let mut body = json!({"email": "dana@example.com", "password": PASSWORD});
            body[name] = inner.clone();
            body["zzz"] = json!({ name: inner.clone() });
            let sample = world.sample("openscouter-auth-sign-in");
            let (status, text) = told(&world, &sample, &body.to_string()).await;
            assert_eq!(status, 200, "{name}: {text}");
        }
    }
    // a value of that name is not what its text says
    let body = json!({"email": { (RAW): "\"dana@example.com\"" }, "password": PASSWORD}).to_string();
    let (status, text) = told(&world, &world.sample("openscouter-auth-sign-in"), &body).await;
    assert_eq!(status, 422, "{text}");
    // and a column is one like any other: what is kept comes back
    let jobs = outsend::jobs::World::start().await;
    let items = json!([{"email": "a@b.fr", (RAW): "[1, 2"}, {"email": "c@d.fr", (RAW): "{}"}]);
    let made = jobs.post("/api/jobs/verify-emails", &json!({"items": items, (RAW): "x"})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let job = made.json()["id"].as_str().unwrap().to_owned();
    jobs.react().await;
    jobs.settle().await;
    let rows = jobs.get(&format!("/api/jobs/{job}/items")).await;
    assert_eq!(rows.json()["items"][0][RAW], "[1, 2", "{}", rows.body);
    assert_eq!(rows.json()["items"][1][RAW], "{}");
}

#[tokio::test]
async fn a_query_s_name_is_kept_as_it_is() {
    let world = outset::World::new().await;
    let name = "%24serde_json%3A%3Aprivate%3A%3ARawValue";
    let url =
        format!("{}?{name}=%5B1&uid=x", outset::S02.replace("/v1/studies/", "/interviews/public-surveys/") + "start/");
    let answer = world.open(outset::START, "GET", &url, &[]).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    let (_, query) = answer.header("location").rsplit_once("outset_session=").unwrap();
    let session = query.split('&').next().unwrap();
    let done = world.open(outset::COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[]).await;
    assert!(done.status < 500, "{}", done.body);
}

#[tokio::test]
async fn items_of_a_batch_nest_no_deeper_than_others() {
    let (team, session) = begun().await;
    let at = team.at(0);
    let batch = |more: &str, id: &str| {
        format!(
            r##"{{"sessionId":{id},"batch":[{{"eventType":"click","targetSelector":"#pay","timestamp":"{at}","zzz":{more}}}]}}"##
        )
    };
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let id = json!(session).to_string();
    // three levels are the body, the batch and the item
    let taken = post_batch(&team, "events", &team.tester, &batch(&arrays(125), &id)).await;
    assert_eq!(data(&taken)["accepted"], 1, "{}", taken.body);
    for stream in ["events", "facial", "voice"] {
        let deep = post_batch(&team, stream, &team.tester, &batch(&arrays(126), &id)).await;
        assert_eq!((deep.status, error(&deep).as_str()), (400, "Malformed JSON body"), "{stream}");
    }
    let bomb = json!({ (RAW): restarted(8) }).to_string();
    let answer = post_batch(&team, "events", &team.tester, &batch("1", &bomb)).await;
    assert_eq!((answer.status, error(&answer).as_str()), (422, "sessionId: must be a string"));
}

#[tokio::test]
async fn the_media_type_is_judged_before_the_body() {
    let world = Surface::start().await;
    for sample in &world.samples {
        let mut text = sample.clone();
        text.headers.retain(|(name, _)| name != "content-type");
        // beacons of test sessions are text
        text.headers.push(("content-type".to_owned(), "text/html".to_owned()));
        for body in [nested(129), "{".to_owned(), restarted(9)] {
            let (status, said) = told(&world, &text, &body).await;
            let (json, name) = (said.contains("Malformed") || said.contains("valid JSON"), sample.function);
            assert!(!broke(status) && !json, "{name}: {status} {said}");
        }
    }
    // a batch in another media type costs what one event costs: it was not looked at
    let mut hook = world.sample("openscouter-webhooks-receive");
    let events: Vec<Value> = (0..100).map(|id| json!({"id": id.to_string(), "type": "x"})).collect();
    hook.body = json!(events).to_string().into_bytes();
    hook.headers.retain(|(name, _)| name != "content-type");
    hook.headers.push(("content-type".to_owned(), "text/plain".to_owned()));
    let answer = world.send(&hook).await.unwrap();
    assert_eq!((answer.status, error(&answer).as_str()), (400, "Unsupported content type"));
    let left = answer.header("ratelimit").to_owned();
    let left: u64 = left.split("r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!(left > 990, "{left} of 1000 events are left");
}

#[tokio::test]
async fn an_address_is_not_read_out_of_a_body_of_another_type() {
    // the bucket of a log-in names the address that the body names, before the body is checked
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let body = format!("{{\"email\":{}", restarted(9));
    for media in ["text/plain", "application/json"] {
        for path in ["/api/auth/login", "/api/auth/password/reset-request"] {
            let answer = outsend::send(&bench, "POST", path, &[("content-type", media)], &body).await;
            assert_eq!(answer.status, 400, "{}", answer.body);
        }
    }
}
