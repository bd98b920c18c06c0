//! Nobody learns whether an address has an account (openscouter 7).

use harness::{
    Bench,
    cost::measured,
    log,
    openscouter::{data, person, post, sign_up_body, told},
};
use serde_json::{Value, json};
use shared::model::{Email, Role};
use time::Duration;

#[tokio::test]
async fn a_known_address_is_answered_like_an_unknown_one_and_nothing_changes() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "known@example.com").await;
    let store = bench.context.store();
    let known = async || store.account_by_email(&Email::parse("known@example.com").unwrap()).await.unwrap().unwrap();
    let before = known().await;
    let mut bodies = Vec::new();
    for email in ["known@example.com", "fresh@example.com", "fresh@example.com"] {
        let mut body = sign_up_body(email);
        body["password"] = json!("quite another phrase");
        let answer = post(&bench, "/api/auth/sign-up", &[], &body).await;
        assert_eq!(answer.status, 202);
        bodies.push(answer.body.replace(email, "x"));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(known().await, before);
    for path in ["resend-verification", "forgot-password", "magic-link"] {
        for email in ["known@example.com", "nobody@example.com"] {
            let answer = post(&bench, &format!("/api/auth/{path}"), &[], &json!({"email": email})).await;
            assert_eq!((answer.status, data(&answer)), (202, json!({"status": "accepted"})), "{path} {email}");
        }
    }
    for (email, password) in [("known@example.com", "wrong"), ("nobody@example.com", "wrong"), ("nonsense", "wrong")] {
        let body = json!({"email": email, "password": password});
        let answer = post(&bench, "/api/auth/sign-in", &[], &body).await;
        assert_eq!(told(&answer), (401, "Invalid email or password".to_owned()), "{email}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_known_address_costs_what_an_unknown_one_does() {
    harness::binaries::linked(async {
        log();
        let bench = Bench::start().await.unwrap();
        person(&bench, Role::Business, "known@example.com").await;
        let cost = async |path: &str, body: Value| {
            bench.advance(Duration::seconds(61));
            let (answer, cost) = measured(async |id| post(&bench, path, &[("x-request-id", id)], &body).await).await;
            (answer.status, cost.calls, cost.sequential)
        };
        for path in ["resend-verification", "forgot-password", "magic-link"] {
            let path = format!("/api/auth/{path}");
            let known = cost(&path, json!({"email": "known@example.com"})).await;
            assert_eq!(known, cost(&path, json!({"email": "nobody@example.com"})).await, "{path}");
        }
        let sign_in = |email: &str| json!({"email": email, "password": "wrong"});
        let known = cost("/api/auth/sign-in", sign_in("known@example.com")).await;
        assert_eq!(known, cost("/api/auth/sign-in", sign_in("nobody@example.com")).await);
        let known = cost("/api/auth/sign-up", sign_up_body("known@example.com")).await;
        let fresh = cost("/api/auth/sign-up", sign_up_body("fresh@example.com")).await;
        let pending = cost("/api/auth/sign-up", sign_up_body("fresh@example.com")).await;
        assert_eq!((&known, &pending), (&fresh, &fresh));
    })
    .await;
}
