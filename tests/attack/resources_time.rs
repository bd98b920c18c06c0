//! What a request costs grows with its length and no faster, whatever its form.
//!
//! CPU time of the thread is measured, not the clock's: each test has a runtime of one thread, on which also the store
//! runs. Bounds are those of a debug build, with room for a busy machine.

use std::{fmt::Write as _, time::Duration};

use harness::{Answer, functions::Api};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use crate::fuzz::surface::{Sample, Surface, broke};

/// What the largest body may cost in a debug build, which is some twenty times slower than a release.
const MOST: Duration = Duration::from_secs(3);
/// What is so cheap that its growth cannot be told from noise.
const CHEAP: Duration = Duration::from_millis(250);
/// Twice the length may cost this many times as much.
const GROWTH: f64 = 3.0;

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Most bytes of a route's body, with room for what stands around.
fn most(sample: &Sample) -> usize {
    let limit = match sample.api {
        Api::Outsend if sample.url.starts_with("/api/jobs") => 4 << 20,
        Api::Outsend => 64 << 10,
        Api::Outset | Api::OpenScouter => 1 << 20,
    };
    limit - 1_024
}

/// As many pieces as fit, each made with its number.
fn pieces(size: usize, separator: &str, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size);
    for number in 0.. {
        let next = piece(number);
        if text.len() + next.len() + separator.len() > size {
            break;
        }
        if number > 0 {
            text.push_str(separator);
        }
        text.push_str(&next);
    }
    text
}

/// Members of a sample, each blown up, and unknown ones.
fn blown_up(sample: &Sample, size: usize) -> Vec<(String, Vec<u8>)> {
    let body: Value = serde_json::from_slice(&sample.body).unwrap_or_else(|_| json!({}));
    let members = body.as_object().cloned().unwrap_or_else(Map::new);
    let object = |members: &Map<String, Value>, raw: &str| {
        let mut text = Value::from(members.clone()).to_string();
        text.pop();
        let comma = if members.is_empty() { "" } else { "," };
        format!("{text}{comma}{raw}}}").into_bytes()
    };
    let names = pieces(size, ",", |number| format!("\"k{number}\":0"));
    let mut all = vec![("many names".to_owned(), object(&members, &names))];
    for (name, value) in &members {
        let mut others = members.clone();
        others.remove(name);
        let grown = match value {
            Value::Array(entries) => {
                let entry = entries.first().cloned().unwrap_or_default();
                let numbered = |number: usize| match &entry {
                    Value::String(text) => json!(format!("{text}{number}")).to_string(),
                    Value::Object(inner) => {
                        let mut inner = inner.clone();
                        inner.insert(format!("k{}", number % 190), json!(number));
                        Value::from(inner).to_string()
                    }
                    other => other.to_string(),
                };
                let wide = format!("[{{{}}}]", pieces(size, ",", |number| format!("\"k{number}\":\"x\"")));
                all.push((format!("{name}: one wide entry"), object(&others, &format!("{}:{wide}", json!(name)))));
                format!("[{}]", pieces(size, ",", numbered))
            }
            Value::Object(_) => format!("{{{}}}", pieces(size, ",", |number| format!("\"k{number}\":{{}}"))),
            Value::String(text) => format!("\"{text}{}\"", pieces(size, "", |_| "\\u00e9.a-@\\\\".to_owned())),
            _ => "9".repeat(size),
        };
        all.push((name.clone(), object(&others, &format!("{}:{grown}", json!(name)))));
    }
    all
}

/// Forms: names that differ, one field that is long, and nothing but separators.
fn forms(sample: &Sample, size: usize) -> Vec<(String, Vec<u8>)> {
    let start = String::from_utf8(sample.body.clone()).unwrap();
    let form = |more: String| format!("{start}&{more}").into_bytes();
    vec![
        ("many names".to_owned(), form(pieces(size, "&", |number| format!("k{number}")))),
        ("one long field".to_owned(), form(format!("k={}", "%C3%A9+".repeat(size / 7)))),
        ("no fields".to_owned(), form("&".repeat(size))),
    ]
}

/// Sends a body and measures it.
async fn measured(world: &Surface, sample: &Sample, body: Vec<u8>) -> (Answer, Duration) {
    let sample = Sample { body, ..sample.clone() };
    let before = cpu();
    let answer = world.send(&sample).await.unwrap();
    (answer, cpu() - before)
}

/// Bodies of a sample in several forms, each with its name, of about so many bytes.
type Forms = fn(&Sample, usize) -> Vec<(String, Vec<u8>)>;

/// Holds that a body of each form costs little, and twice as much as half of it.
async fn check_costs(world: &Surface, sample: &Sample, forms: Forms) {
    for (form, (name, body)) in forms(sample, most(sample)).into_iter().enumerate() {
        let name = format!("{}, {name}", sample.function);
        let (answer, whole) = measured(world, sample, body).await;
        assert!(!broke(answer.status), "{name}: {}", answer.body);
        assert!(whole < MOST, "{name}: {whole:?}");
        if whole > CHEAP {
            let (_, half) = forms(sample, most(sample) / 2).swap_remove(form);
            let (_, half) = measured(world, sample, half).await;
            let growth = whole.as_secs_f64() / half.as_secs_f64();
            assert!(growth < GROWTH, "{name}: {half:?} became {whole:?}");
        }
    }
}

async fn all_of(api: Api) {
    let world = Surface::start().await;
    for sample in world.samples.iter().filter(|sample| sample.api == api) {
        if !sample.headers.iter().any(|(_, value)| value == "application/x-www-form-urlencoded") {
            check_costs(&world, sample, blown_up).await;
        }
    }
}

#[tokio::test]
async fn the_largest_bodies_of_outset() {
    all_of(Api::Outset).await;
}

#[tokio::test]
async fn the_largest_bodies_of_outsend() {
    all_of(Api::Outsend).await;
}

#[tokio::test]
async fn the_largest_bodies_of_openscouter() {
    all_of(Api::OpenScouter).await;
}

#[tokio::test]
async fn the_largest_forms() {
    let world = Surface::start().await;
    for function in ["openscouter-oauth-token", "openscouter-oauth-revoke", "openscouter-oauth-authorize"] {
        let sample = world.sample(function);
        check_costs(&world, &sample, forms).await;
        // no client sends as many fields
        let body = pieces(2_000, "&", |number| format!("k{number}"));
        let (answer, _) = measured(&world, &sample, body.into_bytes()).await;
        assert_eq!(answer.status, 400, "{function}: {}", answer.body);
    }
    // a field that nobody knows is passed over, one that comes twice is refused
    let sample = world.sample("openscouter-oauth-revoke");
    for (body, error) in [("token=x&client_id=y&a=1&b=2", "invalid_client"), ("token=x&a=1&a=2", "invalid_request")] {
        let (answer, _) = measured(&world, &sample, body.as_bytes().to_vec()).await;
        assert_eq!(answer.json()["error"], error, "{}", answer.body);
    }
}

/// The largest that the gateway lets pass: 10,240 bytes of headers.
const HEADERS: usize = 10_000;

#[tokio::test]
async fn the_longest_headers() {
    let world = Surface::start().await;
    let routes =
        ["openscouter-auth-sign-in", "openscouter-jobs-update", "outsend-jobs-create", "outset-studies-update"];
    for function in routes {
        let sample = world.sample(function);
        let pattern = |piece: &str| piece.repeat(HEADERS / piece.len());
        for name in [
            "accept",
            "accept-language",
            "authorization",
            "content-type",
            "cookie",
            "if-match",
            "if-none-match",
            "origin",
        ]
        .into_iter()
        .chain([
            "host",
            "idempotency-key",
            "x-api-key",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-request-id",
        ]) {
            for piece in
                ["a/b;q=0.1,", "\"\\\";=,", "a=b;", ",", " ", "W/\"a\",", "fr-a-b;q=1;q=1,", "[::", "a.", "-", "é"]
            {
                let mut sample = sample.clone();
                sample.headers.retain(|(known, _)| known != name);
                sample.headers.push((name.to_owned(), pattern(piece)));
                let (answer, took) = measured(&world, &sample, sample.body.clone()).await;
                assert!(!broke(answer.status), "{function}, {name}: {}", answer.body);
                assert!(took < CHEAP, "{function}, {name} of {piece:?}: {took:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_longest_queries() {
    // a URL is at most 64 KiB long where the local gateway reads it, and 8 KiB in the cloud
    const LONG: usize = 60_000;
    let world = Surface::start().await;
    let lists = [
        (Api::Outset, "outset-studies-list", "/v1/studies/", "outset-studies-update"),
        (Api::Outset, "outset-schema-retrieve", "/v1/schema/", "outset-studies-update"),
        (
            Api::Outset,
            "outset-participant-start",
            "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/start/",
            "outset-studies-update",
        ),
        (Api::Outsend, "outsend-jobs-list", "/api/jobs", "outsend-jobs-create"),
        (Api::OpenScouter, "openscouter-jobs-list", "/api/jobs", "openscouter-jobs-create"),
        (Api::OpenScouter, "openscouter-sessions-list", "/api/sessions", "openscouter-jobs-create"),
        (Api::OpenScouter, "openscouter-oauth-authorize", "/api/oauth/authorize", "openscouter-oauth-token"),
    ];
    let query = |make: fn(usize) -> String| pieces(LONG, "&", make);
    let queries = [
        query(|number| format!("k{number}={number}")),
        query(|_| "page=1".to_owned()),
        query(|number| format!("status=a{number},b,c&type=x")),
        format!("sort={}", "%C3%A9,".repeat(LONG / 8)),
        "&=".repeat(LONG / 2),
        format!("outset_survey_uid={}", "a%20".repeat(LONG / 4)),
    ];
    for (api, function, path, like) in lists {
        for (number, query) in queries.iter().enumerate() {
            let mut url = path.to_owned();
            write!(url, "?{query}").unwrap();
            let headers = world.sample(like).headers;
            let sample = Sample { api, function, method: "GET".to_owned(), url, headers, body: Vec::new() };
            let (answer, took) = measured(&world, &sample, Vec::new()).await;
            assert!(!broke(answer.status), "{function}, query {number}: {}", answer.body);
            assert!(took < 4 * CHEAP, "{function}, query {number}: {took:?}");
        }
    }
}

#[tokio::test]
async fn a_batch_of_odd_addresses() {
    let world = Surface::start().await;
    let sample = world.sample("openscouter-data-events");
    let body: Value = serde_json::from_slice(&sample.body).unwrap();
    // hosts that are hard to write in ASCII, of the longest address that an event may have
    for part in ["é", "\u{4e00}", "a.", "xn--a", "a\u{301}", "%e9"] {
        let mut event = body["batch"][0].clone();
        event["url"] = json!(format!("https://{}.test/", part.repeat(2_000 / part.chars().count())));
        let size = event.to_string().len() + 1;
        let events = vec![event; (most(&sample) / size).min(500)];
        let mut body = body.clone();
        body["batch"] = json!(events);
        let (answer, took) = measured(&world, &sample, body.to_string().into_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(took < MOST, "{part:?}: {took:?}");
    }
}
