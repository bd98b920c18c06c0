//! Quiz versions, approvals at any number, the trail of what was decided and how long it is kept (openscouter 2.7, 12.4,
//! 17, 18, 21).

use harness::{Bench, log};
use serde_json::{Value, json};
use shared::{
    model::{Action, Approval, ApprovalId, AttemptId, AuditEntry, QuizAttempt, Role, StudyId, UserId},
    store::{ApprovalFilter, AuditFilter},
};
use time::{Duration, OffsetDateTime};

use super::{
    bearer, data,
    oauth::connected_to,
    person,
    research::{Team, ask, get, tester},
    told, work,
};

/// As large as the contract lets it be, of nothing that compression makes small.
fn largest_quiz() -> Value {
    let text = |name: &str, length: usize| {
        let digests = (0..length / 32 + 1).map(|part| shared::secret::sha256_hex(format!("{name}/{part}").as_bytes()));
        let bytes = digests.flat_map(|digest| {
            (0..32).map(|at| u32::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>()
        });
        bytes.map(|byte| char::from_u32(0x100 + byte).unwrap()).take(length).collect::<String>()
    };
    let questions: Vec<_> = (0..100)
        .map(|question| {
            let option = |id: &str| json!({"id": id, "text": text(&format!("{question}{id}"), 500)});
            let options: Vec<_> = ["a", "b", "c", "d", "e", "f"].into_iter().map(option).collect();
            json!({"text": text(&question.to_string(), 1_000), "options": options, "correctOptionId": "f", "points": 1})
        })
        .collect();
    json!({"passingScore": 50, "questions": questions})
}

#[tokio::test]
async fn a_quiz_of_any_size_is_published_once() {
    let team = Team::start().await;
    let bench = &team.bench;
    let quiz = largest_quiz().to_string();
    assert!((800_000..1_048_576).contains(&quiz.len()), "more than an item holds, even when it is compressed");
    let headers =
        [("authorization", team.admin.as_str()), ("content-type", "application/json"), ("idempotency-key", "the-quiz")];
    let publish = async || super::send(bench, "POST", "/api/admin/quiz", &headers, &quiz).await;
    let first = publish().await;
    assert_eq!((first.status, &data(&first)["quizId"]), (201, &json!("quiz_v2")));
    let again = publish().await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert!(again.body == first.body, "the replay is the answer, whatever its length");
    let seen = data(&get(bench, &team.tester, "/api/testers/quiz").await);
    assert_eq!(seen["questions"].as_array().unwrap().len(), 100);
    assert_eq!(seen["questions"][99]["options"][5]["text"].as_str().unwrap().chars().count(), 500);
    assert_eq!(data(&get(bench, &team.admin, "/api/admin/quiz").await), data(&first));
}

#[tokio::test]
async fn an_attempt_at_a_version_that_was_replaced_meanwhile_does_not_count() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let user = person(bench, Role::Tester, "penny@example.com").await;
    let penny = bearer(bench, "penny@example.com").await;
    let read = store.quiz().await.unwrap().unwrap();
    let quiz = json!({"passingScore": 1, "questions": [{"text": "?", "correctOptionId": "b", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    assert_eq!(team.admin("POST", "/api/admin/quiz", &quiz).await.status, 201);
    let now = bench.context.clock().now();
    let attempt = QuizAttempt {
        id: AttemptId::at(now),
        tester: user.id,
        version: read.version,
        answers: vec![("q_001".to_owned(), "a".to_owned())],
        score: 100,
        passed: true,
        created_at: now,
    };
    let kept = store.attempt_quiz(&attempt, user.clone()).await.unwrap();
    assert_eq!(kept, shared::store::Attempted::Replaced);
    assert_eq!(data(&get(bench, &penny, "/api/auth/me").await)["status"], "pending", "nobody passes an old quiz");
    assert!(store.attempts_of(user.id).await.unwrap().is_empty(), "nor is it one of the three a day");
    let body = json!({"quizId": "quiz_v2", "answers": [{"questionId": "q_001", "optionId": "b"}]});
    assert_eq!(ask(bench, &penny, "POST", "/api/testers/quiz/attempts", &body).await.status, 201);
    let kept = store.attempts_of(user.id).await.unwrap();
    assert_eq!((kept.len(), &kept[0].answers), (1, &vec![("q_001".to_owned(), "b".to_owned())]));
}

#[tokio::test]
async fn decisions_are_in_the_trail() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let approval = team.approve(&study).await;
    for _ in 0..2 {
        team.admin("DELETE", &format!("/api/admin/approvals/{approval}"), &Value::Null).await;
    }
    let give = json!({"kind": "special_category", "version": "v1.1"});
    for _ in 0..2 {
        team.tester("POST", "/api/me/consents", &give).await;
    }
    let never = team.admin("GET", "/api/me/consents", &Value::Null).await;
    assert_eq!(never.status, 403);
    for _ in 0..2 {
        team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    }
    work(&team.bench).await;
    let trail = async |query: &str| {
        let answer = team.admin("GET", &format!("/api/admin/audit?{query}"), &Value::Null).await;
        data(&answer).as_array().unwrap().clone()
    };
    let tester = team.user.id.wire();
    for (action, object, detail, role) in [
        ("quiz.published", "quiz_v1", json!({}), "admin"),
        ("approval.created", &*approval, json!({"jobId": study}), "admin"),
        ("approval.revoked", &*approval, json!({}), "admin"),
        ("consent.given", &*tester, json!({"kind": "special_category", "version": "v1.1"}), "tester"),
        ("consent.revoked", &*tester, json!({"kind": "special_category"}), "tester"),
    ] {
        let found = trail(&format!("action={action}&objectId={object}")).await;
        let found: Vec<_> = found.iter().filter(|row| row["detail"] == detail).collect();
        assert_eq!(found.len(), 1, "{action}: once, however often it was asked for");
        assert_eq!(found[0]["actorRole"], role, "{action}");
    }
}

#[tokio::test]
async fn a_consent_is_given_once_and_again_after_it_was_withdrawn() {
    let team = Team::start().await;
    let bench = &team.bench;
    let penny = person(bench, Role::Tester, "penny@example.com").await;
    let credential = bearer(bench, "penny@example.com").await;
    for kind in ["testing", "special_category"] {
        let path = format!("/api/me/consents/{kind}");
        let never = ask(bench, &credential, "DELETE", &path, &Value::Null).await;
        assert_eq!(told(&never), (404, "Consent not found".to_owned()), "never given");
    }
    let body = json!({"kind": "testing", "version": "v1.1"}).to_string();
    let headers = [("authorization", credential.as_str()), ("content-type", "application/json")];
    // all at the same instant
    let calls = (0..6).map(|_| super::send(bench, "POST", "/api/me/consents", &headers, &body));
    let mut statuses: Vec<_> = futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    let withdrawn = ask(bench, &credential, "DELETE", "/api/me/consents/testing", &Value::Null).await;
    assert_eq!(withdrawn.status, 202);
    work(bench).await;
    let again = super::send(bench, "POST", "/api/me/consents", &headers, &body).await;
    assert_eq!((again.status, &data(&again)["revokedAt"]), (201, &Value::Null));
    assert!(bench.context.store().has_consent(penny.id, shared::model::ConsentKind::Testing, "v1.1").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_is_decided_once_when_answers_are_lost() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let quiz = json!({"passingScore": 1, "questions": [{"text": "?", "correctOptionId": "b", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    let study = team.study(&json!({})).await;
    let mut given = 0;
    // more often than that, a call loses all of its tries
    for round in 5..11_usize {
        let email = format!("t{round}@example.com");
        let user = person(bench, Role::Tester, &email).await;
        let credential = bearer(bench, &email).await;
        bench.faults.every(round, harness::faults::Fault::LostAnswer);
        let published = team.admin("POST", "/api/admin/quiz", &quiz).await;
        let consent = json!({"kind": "testing", "version": "v1.1"});
        let consented = ask(bench, &credential, "POST", "/api/me/consents", &consent).await;
        let body = json!({"quizId": data(&published)["quizId"], "answers": [{"questionId": "q_001", "optionId": "b"}]});
        let tried = ask(bench, &credential, "POST", "/api/testers/quiz/attempts", &body).await;
        let approved = team.admin("POST", "/api/admin/approvals", &json!({"jobId": study})).await;
        assert!(bench.faults.stop() > 0);
        assert_eq!(data(&published)["version"], json!(given + 2), "one version for a publication");
        assert_eq!((consented.status, tried.status, approved.status), (201, 201, 201), "every {round}");
        assert_eq!(store.attempts_of(user.id).await.unwrap().len(), 1, "every {round}");
        given += 1;
        let page = store.approvals_page(ApprovalFilter::default(), 0, 99, bench.context.clock().now()).await.unwrap();
        assert_eq!((page.total, page.members.len()), (given, given as usize), "every {round}");
    }
}

/// What a request read, and in how many steps.
async fn cost(bench: &Bench, credential: &str, path: &str) -> (u64, u64) {
    let id = uuid::Uuid::new_v4().to_string();
    let headers = [("authorization", credential), ("x-request-id", id.as_str())];
    let answer = super::send(bench, "GET", path, &headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let line = log().of(&id).pop().unwrap();
    (line["store.items_read"].as_u64().unwrap(), line["store.sequential"].as_u64().unwrap())
}

async fn approve_at(bench: &Bench, study: StudyId, at: OffsetDateTime, end: OffsetDateTime) {
    let id = ApprovalId::at(at);
    let approval = Approval {
        id,
        study,
        approved_by: UserId::at(at),
        reason: None,
        created_at: at,
        expires_at: end,
        revoked_at: None,
    };
    let audit = AuditEntry::of_operator(Action::ApprovalCreated, Some(id.wire()), json!({}), at);
    bench.context.store().create_approval(&approval, &audit).await.unwrap();
}

#[tokio::test]
async fn approvals_that_ended_are_told_at_once_at_any_depth() {
    log();
    const MANY: i64 = 300;
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let (study, other) = (team.study(&json!({})).await, team.study(&json!({})).await);
    let ids = [&study, &other].map(|id| StudyId::from_wire(id).unwrap());
    let began = bench.context.clock().now();
    for number in 0..MANY {
        let at = began + Duration::milliseconds(number);
        // every tenth one ends soon
        let end = at + if number % 10 == 3 { Duration::minutes(1) } else { Duration::days(7) };
        approve_at(bench, ids[usize::from(number % 3 == 0)], at, end).await;
    }
    let admin = bearer(bench, "ann@example.com").await;
    let page = async |query: &str| {
        let answer = get(bench, &admin, &format!("/api/admin/approvals?{query}")).await.json();
        let rows = answer["data"].as_array().unwrap().clone();
        let ids: Vec<_> = rows.iter().map(|row| row["approvalId"].as_str().unwrap().to_owned()).collect();
        (ids, answer["metadata"]["total"].as_u64().unwrap())
    };
    // every list by its pages, before and after the sweep
    let lists = async || {
        let mut lists = Vec::new();
        for filter in [
            "active=true",
            "active=false",
            &format!("active=true&jobId={study}"),
            &format!("active=false&jobId={other}"),
        ] {
            let (mut all, mut number) = (Vec::new(), 1);
            loop {
                let (ids, total) = page(&format!("{filter}&limit=40&page={number}")).await;
                if ids.is_empty() {
                    assert_eq!(all.len() as u64, total, "{filter}");
                    break;
                }
                all.extend(ids);
                number += 1;
            }
            assert!(all.is_sorted_by(|left, right| left > right), "{filter}: newest first");
            lists.push(all);
        }
        lists
    };
    assert_eq!(page("active=true&limit=1").await.1, 300);
    bench.advance(Duration::minutes(2));
    let told = lists().await;
    let counts: Vec<_> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [270, 30, 180, 10]);
    for query in ["", "active=true&", "active=false&"] {
        let first = cost(bench, &admin, &format!("/api/admin/approvals?{query}limit=10&page=1")).await;
        let depth = if query == "active=false&" { 3 } else { 27 };
        let deep = cost(bench, &admin, &format!("/api/admin/approvals?{query}limit=10&page={depth}")).await;
        assert!(deep.0 <= first.0 + 10 && deep.1 <= first.1 + 2, "{query}: {first:?} {deep:?}");
        assert!(deep.1 <= 8, "{query}: {deep:?}");
    }
    let now = bench.context.clock().now();
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (25, 0));
    assert_eq!(lists().await, told, "in the middle of a sweep");
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (5, 0));
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (0, 0));
    assert_eq!(lists().await, told, "after it");
    let open = store.current_approval(ids[0], now).await.unwrap();
    assert!(open.is_some());
}

#[tokio::test]
async fn approvals_go_with_their_study() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let study = team.study(&json!({})).await;
    let id = StudyId::from_wire(&study).unwrap();
    let mut ids = vec![team.approve(&study).await, team.approve(&study).await];
    team.admin("DELETE", &format!("/api/admin/approvals/{}", ids[0]), &Value::Null).await;
    let short = json!({"jobId": study, "expiresAt": team.at(60_000)});
    ids.push(
        data(&team.admin("POST", "/api/admin/approvals", &short).await)["approvalId"].as_str().unwrap().to_owned(),
    );
    bench.advance(Duration::minutes(2));
    let owner = bearer(bench, "dana@example.com").await;
    ask(bench, &owner, "POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    bench.advance(Duration::days(31));
    for _ in 0..4 {
        work(bench).await;
        bench.advance(Duration::minutes(2));
    }
    let now = bench.context.clock().now();
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (0, 0), "none is left in the list of ends");
    for active in [None, Some(true), Some(false)] {
        let page = store.approvals_page(ApprovalFilter { study: None, active }, 0, 9, now).await.unwrap();
        assert_eq!(page.total, 0, "{active:?}");
    }
    let settings = bench.context.settings();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let ids: Vec<_> = ids.iter().map(|id| ApprovalId::from_wire(id).unwrap().to_string()).collect();
    let traces = |item: &&String| item.contains(&id.to_string()) || ids.iter().any(|id| item.contains(id));
    let left: Vec<_> =
        items.iter().filter(traces).filter(|item| !item.contains("AUDIT#") && !item.contains("RANK#audit")).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn the_trail_is_kept_for_two_years_and_costs_the_same_at_any_depth() {
    log();
    const MANY: i64 = 300;
    let bench = Bench::start().await.unwrap();
    let ann = person(&bench, Role::Admin, "ann@example.com").await;
    let store = bench.context.store();
    let began = bench.context.clock().now();
    let record = |number: i64| {
        let at = began + Duration::milliseconds(number);
        AuditEntry {
            actor: Some(ann.id),
            role: Some(Role::Admin),
            ..AuditEntry::of_operator(Action::QuizPublished, Some(format!("quiz_v{}", number % 2)), json!({}), at)
        }
    };
    for number in 0..MANY {
        let entry = record(number);
        store.record(&entry).await.unwrap();
        store.rank_audit(entry.id).await.unwrap();
    }
    let admin = bearer(&bench, "ann@example.com").await;
    for query in ["", "action=quiz.published&", "objectId=quiz_v1&"] {
        let last = if query.starts_with("object") { 15 } else { 30 };
        let first = cost(&bench, &admin, &format!("/api/admin/audit?{query}limit=10&page=1")).await;
        let deep = cost(&bench, &admin, &format!("/api/admin/audit?{query}limit=10&page={last}")).await;
        assert!(deep.0 <= first.0 + 5 && deep.1 <= first.1 + 1 && deep.1 <= 5, "{query}: {first:?} {deep:?}");
    }
    let total = async |action: Option<Action>, object: Option<&str>| {
        let filter = AuditFilter { action, object: object.map(str::to_owned), ..AuditFilter::default() };
        store.audit_page(&filter, 0, 1).await.unwrap().total
    };
    bench.advance(Duration::days(729));
    let late = record(729 * 86_400_000);
    store.record(&late).await.unwrap();
    store.rank_audit(late.id).await.unwrap();
    assert_eq!(store.forget_audit(bench.context.clock().now(), 1_000).await.unwrap(), (0, 0));
    bench.advance(Duration::days(2));
    let now = bench.context.clock().now();
    assert_eq!(store.forget_audit(now, 100).await.unwrap(), (100, 0));
    assert_eq!(total(Some(Action::QuizPublished), None).await, 201, "a slice at a time");
    for _ in 0..3 {
        store.forget_audit(now, 100).await.unwrap();
    }
    assert_eq!(store.forget_audit(now, 100).await.unwrap(), (0, 0));
    assert_eq!((total(Some(Action::QuizPublished), None).await, total(None, Some("quiz_v1")).await), (1, 0));
    let settings = bench.context.settings();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let records = items.iter().filter(|item| item.contains("S(\"AUDIT#") && item.contains("quiz.published")).count();
    assert_eq!(records, 1, "a record goes with its places");
}

#[tokio::test]
async fn an_admin_s_connections_to_others_go_with_the_admin() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let user = async |email: &str| {
        store.account_by_email(&shared::model::Email::parse(email).unwrap()).await.unwrap().unwrap().user
    };
    let (ann, dana) = (user("ann@example.com").await, user("dana@example.com").await);
    let ended = connected_to(bench, &ann, &dana).await;
    assert_eq!(get(bench, &ended, "/api/auth/me").await.status, 200);
    connected_to(bench, &ann, &dana).await;
    let own = store.connections_of(ann.id).await.unwrap();
    assert_eq!(own.len(), 2);
    // one that is ended is not named any more
    let path = format!("/api/connections/{}", own[0].id.wire());
    assert_eq!(team.owner("DELETE", &path, &Value::Null).await.status, 200);
    assert_eq!(store.connections_of(ann.id).await.unwrap().len(), 1);
    assert_eq!(store.connections_of(dana.id).await.unwrap(), []);
    team.admin("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    bench.advance(Duration::days(31));
    for _ in 0..4 {
        work(bench).await;
        bench.advance(Duration::minutes(2));
    }
    assert_eq!(store.connections_page(Some(dana.organization), 0, 9).await.unwrap().total, 0);
    let settings = bench.context.settings();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let id = own[1].id.to_string();
    let left: Vec<_> = items
        .iter()
        .filter(|item| item.contains(&id) && !item.contains("AUDIT#") && !item.contains("RANK#audit"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    // and the organization is still there
    tester(bench, "terry@example.com").await;
    assert!(store.organization(dana.organization).await.unwrap().is_some());
}
