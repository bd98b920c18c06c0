//! Deletion of an account: nothing of it stays but the audit trail (outsend 6.2, openscouter 18, 21).

use std::collections::BTreeMap;

use harness::{
    Bench,
    faults::Fault,
    fixture_study, is_audit,
    openscouter::{
        PASSWORD, ask, bearer, data, erase_due,
        exports::{Finished, asked, create, stored},
        get,
        oauth::{connected, connected_to},
        person, post, read, send,
        team::{Team, tester},
        work,
    },
    outsend,
};
use serde_json::{Value, json};
use shared::{
    model::{
        ApprovalId, Author, Email, Message, Plan, Role, Scope, SessionToken, StudyId, TestSessionId, Thread,
        ThreadKind, User, UserId,
    },
    store::{ApprovalFilter, Run, StartOutcome},
};
use time::Duration;

/// Everything that is stored and names one of `traces`, but for what may stay.
async fn left(bench: &Bench, traces: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    for table in ["main", "hot"] {
        for item in bench.items(table).await.unwrap() {
            let names = traces.iter().any(|trace| item.contains(trace.as_str()));
            // the trail keeps ids; what ends by itself within days holds neither name nor address
            let ends = table == "hot" && item.contains("\"ttl\"");
            if names && !is_audit(&item) && !ends {
                left.push(item);
            }
        }
    }
    left
}

/// What an account left in each dialect: its credentials, and what names it.
struct Everything {
    cookie: String,
    key: String,
    access: String,
    token: String,
    connection: String,
    outset: String,
    traces: Vec<String>,
}

/// More threads than a slice removes: their ids.
async fn threads_of(bench: &Bench, user: &User) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..30 {
        let now = bench.context.clock().now();
        let message = Message::new(Author::User, "thread-of-dana".to_owned(), now).unwrap();
        let thread = Thread::new(user.id, ThreadKind::Bug, "of Dana".to_owned(), now).unwrap().with(&message).unwrap();
        assert!(bench.context.store().open_thread(&thread, &message, None).await.unwrap());
        ids.push(thread.id.to_string());
    }
    ids
}

/// Makes all that there is of an account.
async fn everything_of(bench: &Bench, user: &User) -> Everything {
    let (store, organization) = (bench.context.store(), user.organization);
    let cookie = outsend::log_in(bench, "dana@example.com", PASSWORD).await;
    let headers = [("cookie", cookie.as_str())];
    let key = outsend::ask(bench, "POST", "/api/api-keys", &headers, &json!({"name": "x"})).await.json();
    let key = key["key"].as_str().unwrap().to_owned();
    // a webhook that nobody answers for, so that its deliveries are tried again and again
    let webhook =
        json!({"url": "http://127.0.0.1:9/of-dana", "events": ["job.cancelled"], "secret": "secret-of-dana-0123"});
    let made = outsend::ask(bench, "POST", "/api/webhooks", &headers, &webhook).await;
    assert_eq!(made.status, 200, "{}", made.body);
    // one job that is over, one that runs or waits, and a thread
    let rows = json!({"items": [{"email": "row-of-dana@mailinator.com", "who": "somebody"}]});
    for _ in 0..2 {
        let made = outsend::ask(bench, "POST", "/api/jobs/verify-emails", &headers, &rows).await;
        assert_eq!(made.status, 200, "{}", made.body);
        store.admit(engine::Lane::Parallel, bench.context.clock().now()).await.unwrap();
    }
    let list = outsend::ask(bench, "GET", "/api/jobs", &headers, &json!({})).await.json();
    let cancel = format!("/api/jobs/{}/cancel", list[1]["id"].as_str().unwrap());
    assert_eq!(outsend::ask(bench, "POST", &cancel, &headers, &json!({})).await.status, 200);
    let vote = json!({"message": "thread-of-dana"});
    assert_eq!(
        outsend::ask(bench, "POST", "/api/modules-registry/reviews/interest", &headers, &vote).await.status,
        200
    );
    let threads = threads_of(bench, user).await;
    let access = bearer(bench, "dana@example.com").await;
    let made =
        post(bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "x", "scopes": ["read"]})).await;
    let token = format!("Token {}", data(&made)["token"].as_str().unwrap());
    let connection = connected(bench, user).await;
    let outset = bench.new_key(organization, Plan::Free, &Scope::ALL).await.unwrap();
    let mut studies = Vec::new();
    for number in 0..60 {
        let mut study = fixture_study(organization, 2).unwrap();
        study.id = StudyId::generate();
        study.name = format!("of Dana {number}");
        studies.push(study);
    }
    store.create_studies(&studies).await.unwrap();
    let mut tokens: Vec<SessionToken> = Vec::new();
    for uid in [None, Some("uid-1")] {
        let metadata = BTreeMap::from([("who".to_owned(), "participant-of-dana".to_owned())]);
        let now = bench.context.clock().now();
        match store.start_session(studies[0].id, uid, &metadata, now, false).await.unwrap() {
            StartOutcome::Session(token, _) => tokens.push(token),
            other => assert!(matches!(other, StartOutcome::Session(..)), "{other:?}"),
        }
    }
    work(bench).await;
    let mut traces: Vec<_> = [user.id.to_string(), organization.to_string(), user.email.hash()].into();
    traces.extend(["dana@example.com".to_owned(), "participant-of-dana".to_owned(), "of Dana".to_owned()]);
    traces.extend(["thread-of-dana".to_owned(), "JOB#j_".to_owned()]);
    traces.extend(["127.0.0.1:9/of-dana", "secret-of-dana", "FEED#", "evt_", "dlv_"].map(str::to_owned));
    traces.extend(tokens.iter().map(SessionToken::hash));
    traces.extend(threads);
    Everything { cookie, key, access, token, connection, outset, traces }
}

#[tokio::test]
async fn nothing_of_a_deleted_account_stays() {
    // no name server is asked: the address is on a list
    let bench = Bench::with(&[("OUTSCOUT_DNS_SERVER", "127.0.0.1:9"), ("OUTSCOUT_WEBHOOK_ALLOW_HOSTS", "127.0.0.1")])
        .await
        .unwrap();
    let store = bench.context.store();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let other = person(&bench, Role::Business, "otto@example.com").await;
    let Everything { cookie, key, access, token, connection, outset, traces } = everything_of(&bench, &user).await;
    let headers = [("cookie", cookie.as_str())];
    let kept = get(&bench, "/api/auth/me", &bearer(&bench, "otto@example.com").await).await;
    assert!(left(&bench, &traces).await.len() > 80, "the test sees what is there");

    let delete = async |password: Value| {
        outsend::ask(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": password})).await
    };
    assert_eq!(delete(Value::Null).await.status, 422);
    let wrong = delete(json!("wrong")).await;
    assert_eq!((wrong.status, wrong.json()["detail"].as_str().unwrap()), (400, "Current password is incorrect."));
    let answer = delete(json!(PASSWORD)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true}"#));
    assert!(answer.header("set-cookie").starts_with("outsend_session=; Max-Age=0;"));
    // refused on the very next request
    for (name, value) in [("cookie", cookie.as_str()), ("x-api-key", &key)] {
        assert_eq!(
            outsend::ask(&bench, "GET", "/api/auth/me", &[(name, value)], &json!({})).await.status,
            401,
            "{name}"
        );
    }
    for credential in [&access, &token, &connection] {
        assert_eq!(get(&bench, "/api/auth/me", credential).await.status, 401);
    }
    let authorization = format!("Api-Key {outset}");
    let list = &outset_studies_list::FUNCTION;
    let refused = bench.send(list, "GET", "/v1/studies/", &[("authorization", &authorization)], b"").await.unwrap();
    assert_eq!(refused.status, 401);

    for _ in 0..10 {
        work(&bench).await;
    }
    // a request that was on its way opens nothing any more
    let message = Message::new(Author::User, "thread-of-dana".to_owned(), bench.context.clock().now()).unwrap();
    let late = Thread::new(user.id, ThreadKind::Bug, "of Dana".to_owned(), message.at).unwrap();
    assert!(!store.open_thread(&late.with(&message).unwrap(), &message, None).await.unwrap());
    let left = left(&bench, &traces).await;
    assert!(left.is_empty(), "{left:#?}");
    let again = get(&bench, "/api/auth/me", &bearer(&bench, "otto@example.com").await).await;
    assert_eq!(data(&again), data(&kept), "nobody else's is touched");
    assert!(store.organization(other.organization).await.unwrap().is_some());
    // the address is free again, and the ids are new
    let next = person(&bench, Role::Business, "dana@example.com").await;
    assert_ne!((next.id, next.number), (user.id, user.number));
    assert!(next.number > user.number);
    assert!(store.account_by_email(&Email::parse("dana@example.com").unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn of_many_deletions_at_once_one_is_done() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let cookie = outsend::log_in(&bench, "dana@example.com", PASSWORD).await;
    let calls = (0..8).map(|_| async {
        let headers = [("cookie", cookie.as_str())];
        outsend::ask(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": PASSWORD})).await.status
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.contains(&200));
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    work(&bench).await;
    assert!(left(&bench, &[user.id.to_string(), user.organization.to_string()]).await.is_empty());
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
    erase_due(bench).await;
    let now = bench.context.clock().now();
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (0, 0), "none is left in the list of ends");
    for active in [None, Some(true), Some(false)] {
        let page = store.approvals_page(ApprovalFilter { study: None, active }, 0, 9, now).await.unwrap();
        assert_eq!(page.total, 0, "{active:?}");
    }
    let mut gone: Vec<_> = ids.iter().map(|id| ApprovalId::from_wire(id).unwrap().to_string()).collect();
    gone.push(id.to_string());
    let left = bench.left(&gone).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
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
    assert_eq!(read(bench, &ended, "/api/auth/me").await.status, 200);
    connected_to(bench, &ann, &dana).await;
    let own = store.connections_of(ann.id).await.unwrap();
    assert_eq!(own.len(), 2);
    // one that is ended is not named any more
    let path = format!("/api/connections/{}", own[0].id.wire());
    assert_eq!(team.owner("DELETE", &path, &Value::Null).await.status, 200);
    assert_eq!(store.connections_of(ann.id).await.unwrap().len(), 1);
    assert_eq!(store.connections_of(dana.id).await.unwrap(), []);
    team.admin("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    erase_due(bench).await;
    assert_eq!(
        store.connections_page(Some(dana.organization), 0, 9, team.bench.context.clock().now()).await.unwrap().total,
        0
    );
    let left = bench.left(&[own[1].id.to_string()]).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
    // and the organization is still there
    tester(bench, "terry@example.com").await;
    assert!(store.organization(dana.organization).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_is_written_for_an_account_that_is_gone() {
    let team = Team::start().await;
    let (bench, store, user) = (&team.bench, team.bench.context.store(), team.user.id);
    let (_, id) = asked(&create(bench, &team.tester).await);
    let export = stored(&team, user, id).await;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    erase_due(bench).await;
    let now = bench.context.clock().now();
    let mut run = Run::begin();
    assert!(!store.put_export_parts(&export, &mut run, b"what is left", now).await.unwrap());
    store.advance_export(&export.with_run(run, None, Some(now))).await.unwrap();
    store.fail_export(user, id, now).await.unwrap();
    let items = bench.items("main").await.unwrap();
    let left: Vec<_> =
        items.iter().filter(|item| item.contains("EXPORT") && item.contains(&user.to_string())).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn an_erasure_that_breaks_off_again_and_again_is_finished() {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 3}, "abTest": null})).await;
    let mut sessions = vec![team.session(&study).await];
    for name in ["theo", "thea"] {
        let (user, _) = tester(&team.bench, &format!("{name}@example.com")).await;
        let made = team.admin("POST", "/api/sessions", &json!({"jobId": study, "testerId": user.id.wire()})).await;
        sessions.push(data(&made)["sessionId"].as_str().unwrap().to_owned());
    }
    for session in &sessions {
        team.owner("POST", "/api/ai", &json!({"sessionId": session})).await;
    }
    work(&team.bench).await;
    team.approve(&study).await;
    let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
    team.owner("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    team.bench.advance(Duration::days(31));
    // each time it comes a little further, and is broken off somewhere else
    for nth in (1..=9).chain([2, 3, 5]) {
        team.bench.faults.every(nth, Fault::Broken);
        work(&team.bench).await;
        team.bench.faults.stop();
        team.bench.advance(Duration::minutes(2));
    }
    for _ in 0..4 {
        work(&team.bench).await;
        team.bench.advance(Duration::minutes(16));
    }
    let inside = |wire: &str, kind: &str| match kind {
        "study" => StudyId::from_wire(wire).unwrap().to_string(),
        "session" => TestSessionId::from_wire(wire).unwrap().to_string(),
        _ => UserId::from_wire(wire).unwrap().to_string(),
    };
    let mut gone = vec![inside(&study, "study"), inside(me["userId"].as_str().unwrap(), "user")];
    gone.extend(sessions.iter().map(|session| inside(session, "session")));
    let left = team.bench.left(&gone).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
    for total in ["/api/jobs", "/api/sessions"] {
        let admin = bearer(&team.bench, "ann@example.com").await;
        assert_eq!(read(&team.bench, &admin, total).await.json()["metadata"]["total"], 0, "{total}");
    }
}

#[tokio::test]
async fn a_tester_goes_with_reports_and_all_snapshots() {
    let done = Finished::new().await;
    let team = &done.team;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    erase_due(&team.bench).await;
    let left = done.left().await;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(team.bench.context.store().report(done.report).await.unwrap(), None);
}

#[tokio::test]
async fn a_tester_goes_with_all_sessions() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": [event]})).await;
    team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let export = data(&team.tester("POST", "/api/me/exports", &json!({})).await);
    work(&team.bench).await;
    let path = format!("/api/me/exports/{}", export["exportId"].as_str().unwrap());
    let ready = data(&team.tester("GET", &path, &Value::Null).await);
    let url = ready["downloadUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
    let bundle = send(&team.bench, "GET", &format!("/api/{url}"), &[], "").await.json();
    assert_eq!(bundle["testSessions"][0]["events"][0]["targetSelector"], "#a");
    assert_eq!(bundle["consents"][0]["kind"], "testing");
    assert_eq!(bundle["quizAttempts"].as_array().unwrap().len(), 1);
    let counts = async || {
        let owner = bearer(&team.bench, "dana@example.com").await;
        let listed = read(&team.bench, &owner, &format!("/api/sessions?jobId={study}")).await.json();
        let seen = data(&read(&team.bench, &owner, &format!("/api/jobs/{study}")).await)["progress"].clone();
        (listed["metadata"]["total"].as_u64().unwrap(), seen)
    };
    let (thea, credential) = tester(&team.bench, "thea@example.com").await;
    team.completed(&study, (&thea, &credential), "#b").await;
    let of = |sessions: u64, completed: u64| {
        (sessions, json!({"sessions": sessions, "completed": completed, "confirmed": 0}))
    };
    assert_eq!(counts().await, of(2, 1));
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    erase_due(&team.bench).await;
    assert_eq!(counts().await, of(1, 1), "what is counted is what is listed");
    let (user, session) = (team.user.id.to_string(), TestSessionId::from_wire(&session).unwrap().to_string());
    let left = team.bench.left(&[user, session]).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
}
