//! `POST /api/auth/refresh`: a refresh token for new tokens (openscouter 3.3, 7).

use harness::{
    Bench,
    openscouter::{bearer, data, get, person, post, sign_in, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn a_refresh_token_works_once_and_a_used_one_ends_its_family() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let refresh = async |token: &Value| post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
    let bystander = bearer(&bench, "dana@example.com").await;
    let first = sign_in(&bench, "dana@example.com").await;
    let second = data(&refresh(&first["refreshToken"]).await);
    assert_ne!(first["refreshToken"], second["refreshToken"]);
    let access = |session: &Value| format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(get(&bench, "/api/auth/me", &access(&first)).await.status, 200, "rotation ends no access token");
    let third = data(&refresh(&second["refreshToken"]).await);
    let stolen = refresh(&first["refreshToken"]).await;
    assert_eq!(told(&stolen), (401, "Invalid refresh token".to_owned()));
    assert_eq!(refresh(&third["refreshToken"]).await.status, 401, "all later members fail");
    assert_eq!(get(&bench, "/api/auth/me", &access(&third)).await.status, 401, "and the access tokens with them");
    assert_eq!(get(&bench, "/api/auth/me", &bystander).await.status, 200, "another sign-in is untouched");
    for wrong in [json!("osr_x"), json!(format!("osr_{}", "A".repeat(43))), json!("")] {
        let status = refresh(&wrong).await.status;
        assert_eq!(status, if wrong == "" { 422 } else { 401 }, "{wrong}");
    }
    bench.advance(Duration::seconds(61));
    let late = sign_in(&bench, "dana@example.com").await;
    bench.advance(Duration::days(30));
    assert_eq!(refresh(&late["refreshToken"]).await.status, 401, "thirty days are over");
}

#[tokio::test]
async fn of_two_refreshes_at_once_both_get_tokens_that_go_on() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let refresh = async |token: &Value| post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
    let first = sign_in(&bench, "dana@example.com").await;
    let (one, other) = tokio::join!(refresh(&first["refreshToken"]), refresh(&first["refreshToken"]));
    let (one, other) = (data(&one), data(&other));
    assert_ne!(one["refreshToken"], other["refreshToken"]);
    bench.advance(Duration::seconds(61));
    let one = data(&refresh(&one["refreshToken"]).await);
    let other = data(&refresh(&other["refreshToken"]).await);
    for session in [&one, &other] {
        let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
        assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 200);
    }
    // after the ten seconds it is reuse, which ends both
    assert_eq!(refresh(&first["refreshToken"]).await.status, 401);
    for session in [&one, &other] {
        assert_eq!(refresh(&session["refreshToken"]).await.status, 401);
    }
}

#[tokio::test]
async fn a_replaced_token_is_good_for_ten_seconds() {
    for (seconds, grace, status) in [(9, "10", 200), (10, "10", 401), (0, "0", 401)] {
        let bench = Bench::with(&[("OUTSCOUT_REFRESH_GRACE_SECONDS", grace)]).await.unwrap();
        person(&bench, Role::Business, "dana@example.com").await;
        let refresh =
            async |token: &Value| post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
        let first = sign_in(&bench, "dana@example.com").await;
        let second = data(&refresh(&first["refreshToken"]).await);
        bench.advance(Duration::seconds(seconds));
        assert_eq!(refresh(&first["refreshToken"]).await.status, status, "{seconds} {grace}");
        // reuse ends the family, a late request does not
        assert_eq!(refresh(&second["refreshToken"]).await.status, status);
    }
}

#[tokio::test]
async fn of_many_who_refresh_at_once_a_few_succeed_and_the_sign_in_lives() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let body = json!({"refreshToken": session["refreshToken"]});
    let calls = (0..20).map(|_| post(&bench, "/api/auth/refresh", &[], &body));
    let answers = futures_util::future::join_all(calls).await;
    let fine = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(fine, 9, "the first, and eight beside it");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
    assert_eq!(
        get(&bench, "/api/auth/me", &format!("Bearer {}", session["accessToken"].as_str().unwrap())).await.status,
        200
    );
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let body = json!({"refreshToken": session["refreshToken"]});
    let answer = post(&bench, "/api/auth/refresh", &[], &body).await;
    snapshot!("auth-refresh", &answer);
}
