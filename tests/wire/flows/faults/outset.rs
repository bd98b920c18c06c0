//! Outset's operations while the store throttles, conflicts, loses answers and is slow.

use std::collections::BTreeSet;

use harness::{Answer, Bench, Fixture, faults::Fault, fixture_study, outset::S02};
use shared::{
    lambda::Function,
    model::{Plan, Study, StudyId},
};

const FAULTS: [Fault; 4] = [Fault::Throttled, Fault::Conflict, Fault::LostAnswer, Fault::Slow(20)];

async fn send(
    bench: &Bench,
    fixture: &Fixture,
    function: &'static dyn Function,
    method: &str,
    url: &str,
    more: &[(&str, &str)],
    body: &str,
) -> Answer {
    let key = format!("Api-Key {}", fixture.full);
    let mut headers = vec![("authorization", key.as_str()), ("content-type", "application/json")];
    headers.extend_from_slice(more);
    bench.send(function, method, url, &headers, body.as_bytes()).await.unwrap()
}

async fn world() -> (Bench, Fixture) {
    let bench =
        Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_FREE", "0"), ("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]).await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    (bench, fixture)
}

/// Each list's count equals its members, and the lists agree with the studies.
async fn assert_lists_whole(bench: &Bench, fixture: &Fixture, total: usize) {
    let mut seen = 0;
    for query in ["", "active=true", "active=false"] {
        let url = format!("/v1/studies/?page_size=100&{query}");
        let page = send(bench, fixture, &outset_studies_list::FUNCTION, "GET", &url, &[], "").await.json();
        let members = page["results"].as_array().unwrap();
        assert_eq!(page["count"], members.len());
        assert!(members.iter().all(|study| query.is_empty() || query == format!("active={}", study["active"])));
        seen += members.len();
    }
    assert_eq!(seen, 2 * total);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_succeed_and_effects_happen_once() {
    for fault in FAULTS {
        let (bench, fixture) = world().await;
        bench.faults.every(if fault == Fault::Conflict { 2 } else { 4 }, fault);
        for round in 0..4 {
            let tag = send(&bench, &fixture, &outset_studies_retrieve::FUNCTION, "GET", S02, &[], "").await;
            assert_eq!(tag.status, 200, "{fault:?}");
            let body = format!(r#"{{"active":{},"completion_url":"https://a.test/{round}"}}"#, round % 2 == 1);
            let key = format!("{fault:?}{round}");
            let headers = [("if-match", tag.header("etag")), ("idempotency-key", key.as_str())];
            let update = &outset_studies_update::FUNCTION;
            let changed = send(&bench, &fixture, update, "PATCH", S02, &headers, &body).await;
            assert_eq!(changed.status, 200, "{fault:?} {round}: {}", changed.body);
            let again = send(&bench, &fixture, update, "PATCH", S02, &headers, &body).await;
            assert_eq!((again.body, again.headers.contains_key("idempotency-replayed")), (changed.body, true));
            let list =
                send(&bench, &fixture, &outset_studies_list::FUNCTION, "GET", "/v1/studies/?page=2", &[], "").await;
            assert_eq!(list.status, 200, "{fault:?}");
        }
        assert!(bench.faults.stop() > 0, "{fault:?} never happened");
        assert_lists_whole(&bench, &fixture, 25).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_gets_one_session() {
    for fault in FAULTS {
        let (bench, fixture) = world().await;
        bench.faults.every(4, fault);
        let mut places = BTreeSet::new();
        for _ in 0..6 {
            let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000004/start/?outset_survey_uid=u";
            let visit = bench.send(&outset_participant_start::FUNCTION, "GET", link, &[], b"").await.unwrap();
            assert_eq!(visit.status, 302, "{fault:?}");
            places.insert(visit.header("location").to_owned());
        }
        assert_eq!(places.len(), 1, "{fault:?}");
        bench.faults.stop();
        assert_lists_whole(&bench, &fixture, 25).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_stores_each_study_once() {
    for fault in FAULTS {
        let (bench, _) = world().await;
        let fixture = bench.organization(Plan::Free).await.unwrap();
        let base = fixture_study(fixture.organization, 0).unwrap();
        let studies: Vec<_> = (0..95).map(|_| Study { id: StudyId::generate(), ..base.clone() }).collect();
        bench.faults.every(2, fault);
        assert!(bench.context.store().create_studies(&studies).await.unwrap().is_empty(), "{fault:?}");
        assert!(bench.faults.stop() > 0, "{fault:?} never happened");
        assert_lists_whole(&bench, &fixture, 95).await;
    }
}
