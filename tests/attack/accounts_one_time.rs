//! What works once works once.

use futures_util::future::join_all;
use harness::{
    Answer, Bench,
    faults::Fault,
    openscouter::{access, bearer, claims, data, get, oauth, one_time, person, post, provider, sign_in, told},
    outsend,
};
use serde_json::{Value, json};
use shared::{
    model::{FamilyId, Role, TokenKind},
    secret::{new_handle, read_handle},
};
use time::Duration;

const EMAIL: &str = "dana@example.com";
const NEW: &str = "an other phrase 9";
const KINDS: [TokenKind; 6] = [
    TokenKind::Verify,
    TokenKind::Reset,
    TokenKind::ScouterVerify,
    TokenKind::ScouterReset,
    TokenKind::Magic,
    TokenKind::Callback,
];

async fn redeem(bench: &Bench, kind: TokenKind, token: &str) -> u64 {
    let (body, reset) = (json!({"token": token}), json!({"token": token, "password": NEW, "new_password": NEW}));
    let answer = match kind {
        TokenKind::Verify => outsend::post(bench, "/api/auth/verify-email", &[], &body).await,
        TokenKind::Reset => outsend::post(bench, "/api/auth/password/reset", &[], &reset).await,
        TokenKind::ScouterVerify => post(bench, "/api/auth/verify-email", &[], &body).await,
        TokenKind::ScouterReset => post(bench, "/api/auth/reset-password", &[], &reset).await,
        TokenKind::Magic | TokenKind::Callback => post(bench, "/api/auth/magic-link/verify", &[], &body).await,
        // a chat uses it, not a caller: tests/wire/openscouter/telegram_link_code.rs
        TokenKind::Telegram => return 0,
    };
    answer.status
}

fn fine(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test]
async fn of_parallel_uses_of_a_one_time_token_one_succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, EMAIL).await;
    for kind in KINDS {
        for verified in [true, false] {
            bench.advance(Duration::hours(1));
            outsend::change(&bench, EMAIL, |user| user.verified = verified).await;
            let token = one_time(&bench, EMAIL, kind).await;
            let uses = join_all((0..8).map(|_| redeem(&bench, kind, &token))).await;
            let succeeded = uses.iter().filter(|status| **status == 200).count();
            assert_eq!(succeeded, 1, "{} of a verified account: {verified}: {uses:?}", kind.as_str());
        }
    }
}

#[tokio::test]
async fn a_one_time_token_succeeds_once_when_answers_are_lost() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, EMAIL).await;
    for kind in KINDS {
        for nth in 2..=9 {
            bench.advance(Duration::hours(1));
            let token = one_time(&bench, EMAIL, kind).await;
            bench.faults.every(nth, Fault::LostAnswer);
            let first = redeem(&bench, kind, &token).await;
            bench.faults.stop();
            let later = redeem(&bench, kind, &token).await;
            assert!(first == 200 && later != 200, "{}, each answer {nth} lost: {first}, {later}", kind.as_str());
        }
    }
}

#[tokio::test]
async fn of_parallel_uses_of_a_state_a_code_and_an_invitation_one_succeeds() {
    let (bench, world) = provider::start().await;
    let user = person(&bench, Role::Business, EMAIL).await;
    world.says(json!({"email": EMAIL, "email_verified": true}));
    let state = provider::begin(&bench, &world, "role=business").await;
    let back = join_all((0..8).map(|_| provider::come_back(&bench, &state, "good"))).await;
    assert_eq!(fine(&back), 1, "state");
    bench.advance(Duration::seconds(61));
    let client = oauth::register(&bench).await;
    let code = oauth::code(&bench, &client, &user, oauth::API).await;
    let exchanged = join_all((0..8).map(|_| oauth::exchange(&bench, &client, &code))).await;
    assert!(fine(&exchanged) <= 1, "code");

    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_INVITE_ONLY", "true"), ("INVITE_ONLY", "true")]).await.unwrap();
    let store = bench.context.store();
    let end = bench.context.clock().now() + Duration::days(1);
    store.invite(&shared::secret::sha256_hex(b"welcome"), end).await.unwrap();
    let sign_ups = (0..3).map(|number| {
        let mut body = outsend::sign_up_body(&format!("guest{number}@example.com"));
        body["invitation_code"] = json!("welcome");
        let bench = &bench;
        async move { outsend::post(bench, "/api/auth/signup", &[], &body).await }
    });
    assert_eq!(fine(&join_all(sign_ups).await), 1, "invitation");
}

#[tokio::test]
async fn a_refresh_token_that_was_never_issued_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, EMAIL).await;
    let session = sign_in(&bench, EMAIL).await;
    // the family's id stands in every access token
    let jti = claims(session["accessToken"].as_str().unwrap())["jti"].as_str().unwrap().to_owned();
    let family = FamilyId::from_wire(jti.split_once('.').unwrap().0).unwrap();
    for _ in 0..3 {
        let (forged, _) = new_handle("osr_", family.as_bytes()).unwrap();
        let answer = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": forged})).await;
        assert_eq!(told(&answer), (401, "Invalid refresh token".to_owned()));
    }
    assert_eq!(get(&bench, "/api/auth/me", &access(&session)).await.status, 200, "the sign-in goes on");
    let trail = bench.items("main").await.unwrap();
    assert!(!trail.iter().any(|item| item.contains("auth.refresh_reuse")), "and nothing is recorded");
    // signing out of another sign-in needs a token of it, too
    let other = bearer(&bench, EMAIL).await;
    let (forged, _) = new_handle("osr_", family.as_bytes()).unwrap();
    let out = post(&bench, "/api/auth/sign-out", &[("authorization", &other)], &json!({"refreshToken": forged})).await;
    assert_eq!(data(&out), json!({"signedOut": true}));
    assert_eq!(get(&bench, "/api/auth/me", &access(&session)).await.status, 200, "the other sign-in goes on");
    // one that was issued and used ends the family as ever
    let refresh = async |token: &Value| post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
    let second = data(&refresh(&session["refreshToken"]).await);
    let third = data(&refresh(&second["refreshToken"]).await);
    assert_eq!(refresh(&session["refreshToken"]).await.status, 401);
    assert_eq!(refresh(&third["refreshToken"]).await.status, 401, "the family ended");
    assert_eq!(get(&bench, "/api/auth/me", &access(&third)).await.status, 401);
}

#[tokio::test]
async fn a_token_of_a_connection_that_was_never_issued_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, EMAIL).await;
    let client = oauth::register(&bench).await;
    let code = oauth::code(&bench, &client, &user, oauth::API).await;
    let tokens = oauth::exchange(&bench, &client, &code).await.json();
    let (id, _) = read_handle("osat_", tokens["access_token"].as_str().unwrap()).unwrap();
    let (forged, _) = new_handle("osrt_", &id).unwrap();
    let refused = oauth::refresh(&bench, &client, &json!(forged), None).await;
    assert_eq!(oauth::rfc(&refused), (400, "invalid_grant".to_owned()));
    assert_eq!(oauth::me(&bench, &tokens).await.status, 200, "a forged refresh token");
    let (forged, _) = new_handle("osac_", &id).unwrap();
    assert_eq!(oauth::exchange(&bench, &client, &forged).await.status, 400);
    assert_eq!(oauth::me(&bench, &tokens).await.status, 200, "a forged code");
    let fields = [("token", forged.as_str()), ("client_id", client.as_str())];
    oauth::form(&bench, "/api/oauth/revoke", &fields).await;
    assert_eq!(oauth::me(&bench, &tokens).await.status, 200, "a forged token to be revoked");
    bench.advance(Duration::seconds(61));
    // one that was issued and used ends the connection as ever
    let second = oauth::refresh(&bench, &client, &tokens["refresh_token"], None).await.json();
    let third = oauth::refresh(&bench, &client, &second["refresh_token"], None).await.json();
    assert_eq!(oauth::refresh(&bench, &client, &tokens["refresh_token"], None).await.status, 400);
    assert_eq!(oauth::me(&bench, &third).await.status, 401, "the connection ended");
}
