//! Outset's and Outsend's part of the day.

use engine::Module;
use harness::{
    Answer,
    outsend::{self, sign_up_body},
    outset,
};
use serde_json::{Value, json};
use shared::model::{Details, Job, Status, Study, StudyId, Task};

use super::day::Day;

const TIMES: u32 = 2;

/// Outset's studies and participants.
pub(super) async fn studies(day: &mut Day) {
    day.begin("Outset: list").await;
    for _ in 0..TIMES {
        assert_eq!(day.outset.get(outset::LIST, "/v1/studies/").await.status, 200);
        day.done().await;
    }
    day.end();
    day.begin("Outset: study read").await;
    for _ in 0..TIMES {
        assert_eq!(day.outset.get(outset::RETRIEVE, &outset::study(2)).await.status, 200);
        day.done().await;
    }
    day.end();
    day.begin("Outset: study changed").await;
    for number in 0..TIMES {
        let body = json!({"completion_url": format!("https://p.com/c{number}?pid={{pid}}")});
        assert_eq!(day.outset.patch(&outset::study(2), &body.to_string()).await.status, 200);
        day.done().await;
    }
    day.end();
    day.begin("1,000 studies imported").await;
    let studies: Vec<_> = (0..1_000).map(|number| imported(day, number)).collect();
    day.outset.bench.context.store().create_studies(&studies).await.unwrap();
    day.done().await;
    day.end();
    participants(day).await;
}

pub(super) fn imported(day: &Day, number: i64) -> Study {
    let at = day.outset.bench.context.clock().now() + time::Duration::milliseconds(number);
    Study {
        id: StudyId::parse(&format!("1b5e7c1a-4d2f-4e8c-9a6b-{number:012}")).unwrap(),
        organization: day.outset.fixture.organization,
        name: format!("Study {number:04}"),
        status: Status::Draft,
        paused_from: None,
        completion_url: None,
        target_url: Some("https://proto.test/app?v=2".to_owned()),
        tasks: vec![Task::titled("look around")],
        details: Details::default(),
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

async fn participants(day: &mut Day) {
    let link = outset::study(2).replace("/v1/studies/", "/interviews/public-surveys/");
    let mut sessions = Vec::new();
    // the first one moves the study on, too
    let first = format!("{link}start/?pid=first&outset_survey_uid=first");
    assert_eq!(day.outset.open(outset::START, "GET", &first, &[]).await.status, 302);
    day.begin("participant started").await;
    for number in 0..TIMES {
        let url = format!("{link}start/?pid=p{number}&outset_survey_uid=u{number}");
        let start = day.outset.open(outset::START, "GET", &url, &[]).await;
        sessions.push(start.header("location").rsplit('=').next().unwrap().to_owned());
        day.done().await;
    }
    day.end();
    day.begin("participant completed").await;
    for session in sessions {
        let url = format!("/interviews/{session}/complete/");
        assert_eq!(day.outset.open(outset::COMPLETE, "GET", &url, &[]).await.status, 302);
        day.done().await;
    }
    day.end();
}

/// Outsend's accounts and jobs.
pub(super) async fn jobs(day: &mut Day) {
    day.begin("Outsend: sign-up").await;
    for number in 0..2 {
        // few accounts come from one address
        day.outsend.bench.advance(time::Duration::hours(1));
        let body = sign_up_body(&format!("ada{number}@example.com"));
        let answer = outsend::post(&day.outsend.bench, "/api/auth/signup", &[], &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        day.done().await;
    }
    day.end();
    day.begin("Outsend: log-in").await;
    for _ in 0..TIMES {
        assert!(!outsend::log_in(&day.outsend.bench, "ada@example.com", outsend::PASSWORD).await.is_empty());
        day.done().await;
    }
    day.end();
    day.begin("1,000 addresses verified").await;
    let id = day.outsend.verification_of(1_000).await;
    day.done().await;
    day.end();
    assert_eq!(day.outsend.job(&id).await.status.as_str(), "done");
    let table: String = (0..1_000)
        .map(|n| format!("Company {n};user{n}@site{}.test;{};01 45 31 {:02} {:02}\n", n % 7, n % 5, n % 100, n / 10))
        .collect();
    let text = format!("Name;E-mail;Note;Phone\n{table}");
    let import = step(day, "1,000 rows imported", Module::Import, json!({"source": "paste", "text": text}), None).await;
    let filter = step(day, "1,000 rows filtered", Module::Filter, json!({"require_phone": true}), Some(&import)).await;
    let sort = step(day, "1,000 rows sorted", Module::Sort, json!({"sort_by": "note"}), Some(&filter)).await;
    assert_eq!((sort.status.as_str(), sort.results), ("done", 1_000));
    let path = format!("/api/jobs/{}", sort.id);
    gets(day, "Outsend: job read", &path).await;
    gets(day, "1,000 rows of a job read", &format!("{path}/items?limit=1000")).await;
    gets(day, "job downloaded", &format!("{path}/download?format=csv")).await;
}

async fn step(day: &mut Day, name: &'static str, module: Module, options: Value, source: Option<&Job>) -> Job {
    day.begin(name).await;
    let job = day.outsend.create(module, options, source).await;
    day.done().await;
    day.end();
    let job = day.outsend.job(&job.id.to_string()).await;
    assert_eq!(job.status.as_str(), "done", "{name}");
    job
}

async fn gets(day: &mut Day, name: &'static str, path: &str) {
    day.begin(name).await;
    for _ in 0..TIMES {
        let answer: Answer = day.outsend.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        day.done().await;
    }
    day.end();
}
