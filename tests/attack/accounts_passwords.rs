//! The strictest rule for passwords holds everywhere.

use harness::{
    Answer, Bench,
    openscouter::{self, one_time, person, post},
    outsend,
};
use serde_json::json;
use shared::model::{Email, Organization, OrganizationId, Plan, Role, TokenKind};

const DANA: &str = "dana7@example.com";
/// Too short, too common, the address itself.
const WEAK: [&str; 5] = ["nine ch 1", "12345678a", "1q2w3e4r5t", "Password12", DANA];

fn field(answer: &Answer) -> (u64, String) {
    (answer.status, answer.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_weak_password_is_refused_wherever_it_is_set() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, DANA).await;
    let cookie = outsend::log_in(&bench, DANA, openscouter::PASSWORD).await;
    for weak in WEAK {
        bench.advance(time::Duration::hours(1));
        let mut body = outsend::sign_up_body(if weak == DANA { DANA } else { "new@example.com" });
        body["password"] = json!(weak);
        let answer = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &body).await;
        assert_eq!(field(&answer), (422, "password".to_owned()), "sign-up with {weak}: {}", answer.body);
        let token = one_time(&bench, DANA, TokenKind::Reset).await;
        let body = json!({"token": token, "new_password": weak});
        let answer = outsend::ask(&bench, "POST", "/api/auth/password/reset", &[], &body).await;
        assert_eq!(field(&answer), (422, "new_password".to_owned()), "reset to {weak}: {}", answer.body);
        let body = json!({"current_password": openscouter::PASSWORD, "new_password": weak});
        let headers = [("cookie", cookie.as_str())];
        let answer = outsend::ask(&bench, "POST", "/api/auth/password/change", &headers, &body).await;
        assert_eq!(field(&answer), (422, "new_password".to_owned()), "change to {weak}: {}", answer.body);
        // the other dialect, as before
        let mut body = openscouter::sign_up_body(if weak == DANA { DANA } else { "new@example.com" });
        body["password"] = json!(weak);
        assert_eq!(post(&bench, "/api/auth/sign-up", &[], &body).await.status, 422, "{weak}");
        let token = one_time(&bench, DANA, TokenKind::ScouterReset).await;
        let body = json!({"token": token, "password": weak});
        assert_eq!(post(&bench, "/api/auth/reset-password", &[], &body).await.status, 422, "{weak}");
        // and the operator's
        let now = bench.context.clock().now();
        let organization = Organization {
            id: OrganizationId::at(now),
            name: "Roe".to_owned(),
            plan: Plan::Free,
            billing_exempt: true,
            created_at: now,
        };
        let email = Email::parse(if weak == DANA { DANA } else { "operator@example.com" }).unwrap();
        let who = (&email, "Operator");
        let made = local::people::create_person(&bench.context, &organization, Role::Admin, who, weak).await;
        assert!(made.is_err(), "{weak}");
    }
}

#[tokio::test]
async fn a_password_is_the_same_however_its_letters_are_composed() {
    let bench = Bench::start().await.unwrap();
    let (composed, apart) =
        ("P\u{e4}ssw\u{f6}rter f\u{fc}r \u{d6}l 1", "Pa\u{308}sswo\u{308}rter fu\u{308}r O\u{308}l 1");
    for (number, (set, sent)) in [(composed, apart), (apart, composed), (apart, apart)].into_iter().enumerate() {
        bench.advance(time::Duration::hours(1));
        let email = format!("user-{number}@example.com");
        let mut body = outsend::sign_up_body(&email);
        body["password"] = json!(set);
        let made = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &body).await;
        assert_eq!(made.status, 200, "{}", made.body);
        outsend::change(&bench, &email, |user| user.verified = true).await;
        let body = json!({"email": email, "password": sent});
        assert_eq!(outsend::ask(&bench, "POST", "/api/auth/login", &[], &body).await.status, 200, "{number}");
        assert_eq!(post(&bench, "/api/auth/sign-in", &[], &body).await.status, 200, "{number}");
    }
}
