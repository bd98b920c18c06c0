//! Mails and the tokens that they carry (outsend 6.1, 6.2, openscouter 7).

use harness::{
    http,
    mails::{World, token},
    outsend::{PASSWORD, cookie, detail, sign_up_body},
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn from_the_welcome_mail_to_a_verified_address() {
    let world = World::start().await;
    let mut body = sign_up_body("dana@example.com");
    body["name"] = json!("Dana <b>");
    // the name of whoever signed up goes to nobody's address
    let session = cookie(&world.post("/api/auth/signup", &[], &body).await);
    let caller = [("Cookie", session.as_str())];
    let mails = world.mails(1).await;
    assert_eq!(mails[0]["to"], json!(["dana@example.com"]));
    assert_eq!(mails[0]["subject"], "Welcome to Outsend");
    assert!(mails[0]["html"].as_str().unwrap().contains("<p>Hello,</p>"));
    let first = token(&mails[0], "/verify-email");
    let again = world.post("/api/auth/resend-verification", &caller, &json!({})).await;
    assert_eq!((again.status, again.header("ratelimit-policy")), (200, "\"resend\";q=3;w=3600"));
    let second = token(&world.mails(2).await[1], "/verify-email");
    let verify = async |token: &str| world.post("/api/auth/verify-email", &[], &json!({"token": token})).await;
    let of_reset = json!({"token": second, "new_password": "another 22"});
    assert_eq!(world.post("/api/auth/password/reset", &[], &of_reset).await.status, 400, "a token has one purpose");
    let verified = world.post("/api/auth/verify-email", &caller, &json!({"token": second})).await;
    assert_eq!(verified.body, r#"{"ok":true}"#);
    let renewed = cookie(&verified);
    let caller = [("Cookie", renewed.as_str())];
    assert_eq!(verify(&second).await.status, 400, "a token works once");
    let refused = verify(&first).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (400, "This link is invalid or has expired."));
    let own = http::send(&world.0.outsend, "GET", "/api/auth/me", &caller, b"").await.unwrap();
    assert_eq!(own.json()["user"]["email_verified"], true);
    let again = world.post("/api/auth/resend-verification", &caller, &json!({})).await;
    assert_eq!((again.status, detail(&again).as_str()), (400, "E-mail address is already verified."));
    // somebody else tries the address: its owner is told, once
    assert_eq!(world.post("/api/auth/signup", &[], &sign_up_body("dana@example.com")).await.status, 400);
    assert_eq!(world.mails(3).await[2]["subject"], "You already have an account");
    world.nothing_waits().await;
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew() {
    let world = World::start().await;
    let session = cookie(&world.post("/api/auth/signup", &[], &sign_up_body("dana@example.com")).await);
    world.mails(1).await;
    let ask = async |email: &str| {
        world.post("/api/auth/password/reset-request", &[("Accept-Language", "fr")], &json!({"email": email})).await
    };
    let (known, unknown) = (ask("Dana@example.com").await, ask("nobody@example.com").await);
    assert_eq!((known.status, &known.body), (200, &unknown.body));
    assert_eq!(ask("no address").await.status, 422);
    let mail = world.mails(2).await[1].clone();
    assert_eq!(mail["subject"], "Set a new password", "in the language of the account");
    let token = token(&mail, "/reset-password");
    let reset = async |token: &str, password: &str| {
        world.post("/api/auth/password/reset", &[], &json!({"token": token, "new_password": password})).await
    };
    assert_eq!(reset(&token, "short 1").await.status, 422);
    let both = futures_util::future::join(reset(&token, "another 22"), reset(&token, "another 22")).await;
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "of two uses one counts");
    let caller = [("Cookie", session.as_str())];
    let own = http::send(&world.0.outsend, "GET", "/api/auth/me", &caller, b"").await.unwrap();
    assert_eq!(own.status, 401, "every session ended");
    let log_in = async |password: &str| {
        world.post("/api/auth/login", &[], &json!({"email": "dana@example.com", "password": password})).await
    };
    assert_eq!(log_in(PASSWORD).await.status, 401);
    let answer = log_in("another 22").await;
    assert_eq!((answer.status, answer.json()["user"]["email_verified"].as_bool()), (200, Some(true)));
    // an hour later a token is worth nothing
    ask("dana@example.com").await;
    let late = self::token(&world.mails(3).await[2], "/reset-password");
    world.advance(Duration::hours(1)).await;
    assert_eq!(reset(&late, "another 33").await.status, 400);
    world.nothing_waits().await;
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openscouter_s_mails_go_to_whom_they_concern() {
    let world = World::start().await;
    let send = async |path: &str, body: &Value| {
        let headers = [("Content-Type", "application/json")];
        let answer =
            http::send(&world.0.openscouter, "POST", path, &headers, body.to_string().as_bytes()).await.unwrap();
        assert!(matches!(answer.status, 200 | 202), "{}", answer.body);
        answer.json()
    };
    let sign_up = json!({"role": "tester", "email": "tess@example.com", "password": PASSWORD, "fullName": "Tess"});
    send("/api/auth/sign-up", &sign_up).await;
    let first = token(&world.mails(1).await[0], "/verify-email");
    let email = json!({"email": "tess@example.com"});
    // known and not confirmed: another link, whatever is asked for
    send("/api/auth/sign-up", &sign_up).await;
    world.mails(2).await;
    send("/api/auth/magic-link", &email).await;
    let mails = world.mails(3).await;
    assert!(mails.iter().all(|mail| mail["subject"] == "Confirm your e-mail address"), "{mails:?}");
    let newest = token(&mails[2], "/verify-email");
    assert_ne!(first, newest);
    send("/api/auth/verify-email", &json!({"token": newest})).await;
    // known and confirmed: its owner is told
    send("/api/auth/sign-up", &sign_up).await;
    assert_eq!(world.mails(4).await[3]["subject"], "You already have an account");
    send("/api/auth/magic-link", &email).await;
    let link = token(&world.mails(5).await[4], "/magic-link");
    let session = send("/api/auth/magic-link/verify", &json!({"token": link})).await;
    assert_eq!(session["data"]["user"]["email"], "tess@example.com");
    send("/api/auth/forgot-password", &email).await;
    let reset = token(&world.mails(6).await[5], "/reset-password");
    send("/api/auth/reset-password", &json!({"token": reset, "password": "another long phrase"})).await;
    // nobody, or nothing to confirm: no mail
    send("/api/auth/resend-verification", &email).await;
    for path in ["/api/auth/resend-verification", "/api/auth/forgot-password", "/api/auth/magic-link"] {
        send(path, &json!({"email": "nobody@example.com"})).await;
    }
    world.nothing_waits().await;
    world.mails(6).await;
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_is_told_of_new_threads_and_not_too_often() {
    let world = World::with(&[("OUTSCOUT_FEEDBACK_EMAIL", "staff@example.com")]).await;
    let session = cookie(&world.post("/api/auth/signup", &[], &sign_up_body("dana@example.com")).await);
    let caller = [("Cookie", session.as_str())];
    world.mails(1).await;
    let open = async || {
        let body = json!({"subject": "Export <b>", "message": "Add ODS\nand XML", "kind": "idea"});
        world.post("/api/feedback", &caller, &body).await
    };
    let thread = open().await.json();
    let mail = world.mails(2).await[1].clone();
    assert_eq!((&mail["to"], &mail["subject"]), (&json!(["staff@example.com"]), &json!("New feedback")));
    let text = mail["text"].as_str().unwrap();
    assert!(text.starts_with("idea: Export <b>\n\nAdd ODS\nand XML\n\n"), "{text}");
    assert!(text.contains(thread["id"].as_str().unwrap()) && !text.contains("dana@example.com"), "{text}");
    assert!(mail["html"].as_str().unwrap().contains("Export &lt;b&gt;"));
    // a message and a vote are no new feedback
    let path = format!("/api/feedback/{}/messages", thread["id"].as_str().unwrap());
    assert_eq!(world.post(&path, &caller, &json!({"message": "and"})).await.status, 200);
    assert_eq!(world.post("/api/modules-registry/reviews/interest", &caller, &json!({})).await.status, 200);
    for _ in 2..20 {
        assert_eq!(open().await.status, 200);
    }
    world.nothing_waits().await;
    world.mails(20).await;
    world.advance(Duration::HOUR).await;
    assert_eq!(open().await.status, 200);
    world.mails(21).await;
    world.0.shutdown().await;
}
