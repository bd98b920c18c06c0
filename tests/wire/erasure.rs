//! Deletion of an account: nothing of it stays but the audit trail (outsend 6.2, openscouter 21).

use std::collections::BTreeMap;

use harness::{Answer, Bench, fixture_study};
use serde_json::{Value, json};
use shared::{
    model::{Email, Plan, Role, Scope, SessionToken, StudyId},
    store::StartOutcome,
};

use crate::openscouter::{PASSWORD, bearer, data, get, oauth::connected, person, post, work};

/// Sends a request to Outsend.
pub(crate) async fn outsend(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let routes = local::template::Templates::embedded().unwrap().outsend.routes;
    let found = local::routing::find(&routes, method, path).unwrap();
    let function = local::functions::ALL.into_iter().find(|known| known.name() == found.function).unwrap();
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    bench.send(function, method, path, &all, body.to_string().as_bytes()).await.unwrap()
}

pub(crate) async fn log_in(bench: &Bench, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = outsend(bench, "POST", "/api/auth/login", &[], &body).await;
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Everything that is stored and names one of `traces`, but for what may stay.
async fn left(bench: &Bench, traces: &[String]) -> Vec<String> {
    let settings = bench.context.settings();
    let endpoint = settings.store.endpoint.as_deref().unwrap();
    let mut left = Vec::new();
    for table in ["main", "hot"] {
        for item in harness::stored(settings, endpoint, table).await.unwrap() {
            let names = traces.iter().any(|trace| item.contains(trace.as_str()));
            // the trail keeps ids; what ends by itself within days holds neither name nor address
            let audit = item.contains("S(\"AUDIT#") || item.contains("S(\"RANK#audit");
            let ends = table == "hot" && item.contains("\"ttl\"");
            if names && !audit && !ends {
                left.push(item);
            }
        }
    }
    left
}

#[tokio::test]
async fn nothing_of_a_deleted_account_stays() {
    // no name server is asked: the address is on a list
    let bench = Bench::with(&[("OUTSCOUT_DNS_SERVER", "127.0.0.1:9")]).await.unwrap();
    let store = bench.context.store();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let other = person(&bench, Role::Business, "otto@example.com").await;
    let organization = user.organization;
    // in each dialect all that there is
    let cookie = log_in(&bench, "dana@example.com").await;
    let headers = [("cookie", cookie.as_str())];
    let key = outsend(&bench, "POST", "/api/api-keys", &headers, &json!({"name": "x"})).await.json();
    let key = key["key"].as_str().unwrap().to_owned();
    // one job that is over, one that runs or waits, and a thread
    let rows = json!({"items": [{"email": "row-of-dana@mailinator.com", "who": "somebody"}]});
    for _ in 0..2 {
        let made = outsend(&bench, "POST", "/api/jobs/verify-emails", &headers, &rows).await;
        assert_eq!(made.status, 200, "{}", made.body);
        store.admit(engine::Lane::Parallel, bench.context.clock().now()).await.unwrap();
    }
    let list = outsend(&bench, "GET", "/api/jobs", &headers, &json!({})).await.json();
    let cancel = format!("/api/jobs/{}/cancel", list[1]["id"].as_str().unwrap());
    assert_eq!(outsend(&bench, "POST", &cancel, &headers, &json!({})).await.status, 200);
    let vote = json!({"message": "thread-of-dana"});
    assert_eq!(outsend(&bench, "POST", "/api/modules-registry/reviews/interest", &headers, &vote).await.status, 200);
    let access = bearer(&bench, "dana@example.com").await;
    let made =
        post(&bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "x", "scopes": ["read"]})).await;
    let token = format!("Token {}", data(&made)["token"].as_str().unwrap());
    let connection = connected(&bench, &user).await;
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
    work(&bench).await;
    let kept = get(&bench, "/api/auth/me", &bearer(&bench, "otto@example.com").await).await;
    let mut traces: Vec<_> = [user.id.to_string(), organization.to_string(), user.email.hash()].into();
    traces.extend(["dana@example.com".to_owned(), "participant-of-dana".to_owned(), "of Dana".to_owned()]);
    traces.extend(["thread-of-dana".to_owned(), "JOB#j_".to_owned()]);
    traces.extend(tokens.iter().map(SessionToken::hash));
    assert!(left(&bench, &traces).await.len() > 80, "the test sees what is there");

    let delete = async |password: Value| {
        outsend(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": password})).await
    };
    assert_eq!(delete(Value::Null).await.status, 422);
    let wrong = delete(json!("wrong")).await;
    assert_eq!((wrong.status, wrong.json()["detail"].as_str().unwrap()), (400, "Current password is incorrect."));
    let answer = delete(json!(PASSWORD)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true}"#));
    assert!(answer.header("set-cookie").starts_with("outsend_session=; Max-Age=0;"));
    // refused on the very next request
    for (name, value) in [("cookie", cookie.as_str()), ("x-api-key", &key)] {
        assert_eq!(outsend(&bench, "GET", "/api/auth/me", &[(name, value)], &json!({})).await.status, 401, "{name}");
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
    let cookie = log_in(&bench, "dana@example.com").await;
    let calls = (0..8).map(|_| async {
        let headers = [("cookie", cookie.as_str())];
        outsend(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": PASSWORD})).await.status
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.contains(&200));
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    work(&bench).await;
    assert!(left(&bench, &[user.id.to_string(), user.organization.to_string()]).await.is_empty());
}
