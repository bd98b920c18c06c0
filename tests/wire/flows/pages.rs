//! The pages that people see (outsend 6.7, openscouter 7.3).

use harness::{
    Answer, Bench,
    functions::Api,
    openscouter::{self, oauth::encoded, one_time, person},
    outsend,
};
use serde_json::json;
use shared::model::{Role, TokenKind};
use time::Duration;

const OPENSCOUTER: [&str; 9] = [
    "/sign-up",
    "/sign-in",
    "/sign-out",
    "/forgot-password",
    "/reset-password?token=x",
    "/verify-email?token=x",
    "/resend-verification",
    "/sign-in-link",
    "/magic-link?token=x",
];
const OUTSEND: [&str; 7] = [
    "/sign-up",
    "/sign-in",
    "/sign-out",
    "/forgot-password",
    "/reset-password?token=x",
    "/verify-email?token=x",
    "/resend-verification",
];
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn send(bench: &Bench, api: Api, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    match api {
        Api::OpenScouter => openscouter::send(bench, method, path, headers, body).await,
        _ => outsend::send(bench, method, path, headers, body).await,
    }
}

/// Each page with a form, where nothing is counted.
async fn pages(bench: &Bench, headers: &[(&str, &str)], method: &str, body: &str) -> Vec<(Api, &'static str, Answer)> {
    let of = |api: Api, paths: &'static [&'static str]| paths.iter().map(move |path| (api, *path));
    let mut answers = Vec::new();
    for (api, path) in of(Api::OpenScouter, &OPENSCOUTER).chain(of(Api::Outsend, &OUTSEND)) {
        bench.advance(Duration::minutes(2));
        answers.push((api, path, send(bench, api, method, path, headers, body).await));
    }
    answers
}

#[tokio::test]
async fn a_form_is_a_whole_page_that_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    for (_, path, page) in pages(&bench, &[], "GET", "").await {
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.body.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}: {}", page.body);
        for part in ["<form method=\"post\"", "name=\"viewport\"", "<button", "<h1>", "</html>"] {
            assert!(page.body.contains(part), "{path} lacks {part}");
        }
        for part in ["<script", "http://", "https://", "href=\"/", "action=\"/"] {
            assert!(!page.body.contains(part), "{path} has {part}");
        }
        assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "same-origin"));
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        assert_eq!(page.header("content-security-policy"), policy, "{path}");
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
    for (_, path, page) in pages(&bench, &[("accept-language", "fr-CA, en;q=0.5")], "GET", "").await {
        assert!(page.body.contains("<html lang=\"fr\">") && page.header("content-language") == "fr", "{path}");
    }
    for (_, path, answer) in pages(&bench, &[], "HEAD", "").await {
        assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{path}");
    }
}

#[tokio::test]
async fn what_no_form_of_ours_sent_is_refused() {
    let bench = Bench::start().await.unwrap();
    let alert = |page: &Answer, text: &str| page.body.contains(&format!("<div role=\"alert\"><p>{text}</p></div>"));
    for foreign in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        for (_, path, page) in pages(&bench, &[FORM, foreign], "POST", "email=a%40b.test&token=x").await {
            assert!(page.status == 403 && alert(&page, "The form came from another site."), "{path}: {}", page.body);
        }
    }
    let many = "a=b&".repeat(65);
    for (media, body) in
        [("application/json", "{}"), ("text/plain", "email=a"), (FORM.1, "email=a&email=b"), (FORM.1, &many)]
    {
        for (_, path, page) in pages(&bench, &[("content-type", media)], "POST", body).await {
            assert!(page.status == 400 && alert(&page, "The form cannot be read."), "{path}: {}", page.body);
        }
    }
    for (_, path, page) in pages(&bench, &[FORM], "POST", &"x".repeat(70_000)).await {
        assert!(
            [400, 413].contains(&page.status) && page.body.contains("<div role=\"alert\">"),
            "{path}: {}",
            page.body
        );
    }
    for path in ["/reset-password", "/verify-email", "/magic-link?token="] {
        let page = send(&bench, Api::OpenScouter, "GET", path, &[], "").await;
        assert!(page.status == 400 && page.body.contains("This link is not whole."), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_page_shows_what_was_filled_in_and_what_was_wrong_with_it() {
    let bench = Bench::start().await.unwrap();
    let post = async |api: Api, path: &str, pairs: &[(&str, &str)], language: &str| {
        let headers = [FORM, ("accept-language", language)];
        send(&bench, api, "POST", path, &headers, &encoded(pairs)).await
    };
    let fields = [
        ("role", "tester"),
        ("email", "zoe@example.com"),
        ("password", "too short"),
        ("fullName", "\"><script>alert(1)</script>"),
    ];
    let page = post(Api::OpenScouter, "/sign-up", &fields, "en").await;
    assert_eq!(page.status, 422);
    assert!(page.body.contains("<p>Password: At least 10 characters, please.</p>"), "{}", page.body);
    assert!(page.body.contains("value=\"zoe@example.com\"") && !page.body.contains("too short"), "{}", page.body);
    assert!(page.body.contains("&quot;&gt;&lt;script&gt;") && !page.body.contains("<script"), "{}", page.body);
    assert!(page.body.contains("value=\"tester\" checked"), "what was chosen stays chosen: {}", page.body);
    let page = post(Api::OpenScouter, "/sign-in", &[("email", "a@b.test"), ("password", "wrong")], "fr").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Adresse e-mail ou mot de passe incorrect."), "{}", page.body);
    let page = post(Api::OpenScouter, "/verify-email", &[("token", "used")], "en").await;
    assert!(page.status == 422 && page.body.contains("This link does not work any more"), "{}", page.body);
    let page = post(Api::Outsend, "/sign-up", &[("email", "zoe@"), ("password", "1234567890")], "fr").await;
    assert_eq!(page.status, 422);
    for text in
        ["Adresse e-mail: Format invalide.", "Mot de passe: ", "Je réponds de l'usage que je fais des données: "]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let page = post(Api::Outsend, "/reset-password", &[("token", "x"), ("new_password", "long enough 1")], "en").await;
    assert!(page.status == 400 && page.body.contains("This link is invalid or has expired."), "{}", page.body);
    for _ in 0..10 {
        post(Api::Outsend, "/sign-in", &[("email", "a@b.test"), ("password", "wrong")], "en").await;
    }
    let page = post(Api::Outsend, "/sign-in", &[("email", "a@b.test"), ("password", "wrong")], "en").await;
    assert!(page.status == 429 && page.body.contains("Too many requests.") && !page.header("retry-after").is_empty());
}

#[tokio::test]
async fn from_a_sign_up_to_the_studies() {
    let bench = Bench::start().await.unwrap();
    let post = async |path: &str, pairs: &[(&str, &str)]| {
        let headers = [FORM, ("origin", "https://api.test"), ("sec-fetch-site", "same-origin")];
        send(&bench, Api::OpenScouter, "POST", path, &headers, &encoded(pairs)).await
    };
    let (email, first, second) = ("zoe@example.com", "long enough phrase", "another long phrase");
    let fields =
        [("role", "business"), ("email", email), ("password", first), ("fullName", "Zoé"), ("companyName", "Zoé & Co")];
    let page = post("/sign-up", &fields).await;
    assert!(page.status == 200 && page.body.contains("<h1>Look into your mail</h1>"), "{}", page.body);
    let page = post("/sign-in", &[("email", email), ("password", first)]).await;
    assert!(page.status == 403 && page.body.contains("is not confirmed yet"), "{}", page.body);
    let page = post("/resend-verification", &[("email", email)]).await;
    assert!(page.status == 200 && page.body.contains("If there is such an account"), "{}", page.body);
    let token = one_time(&bench, email, TokenKind::ScouterVerify).await;
    // previews and scanners look at links before people do
    for method in ["GET", "HEAD", "GET"] {
        send(&bench, Api::OpenScouter, method, &format!("/verify-email?token={token}"), &[], "").await;
    }
    let page = post("/verify-email", &[("token", &token)]).await;
    assert!(page.status == 200 && page.body.contains("<h1>Your address is confirmed</h1>"), "{}", page.body);
    let page = post("/forgot-password", &[("email", email)]).await;
    assert_eq!(page.status, 200);
    let token = one_time(&bench, email, TokenKind::ScouterReset).await;
    let page = post("/reset-password", &[("token", &token), ("password", second)]).await;
    assert!(page.status == 200 && page.body.contains("<h1>Your new password is set</h1>"), "{}", page.body);
    assert_eq!(post("/reset-password", &[("token", &token), ("password", second)]).await.status, 422, "once");
    assert_eq!(post("/sign-in", &[("email", email), ("password", first)]).await.status, 401);
    bench.advance(Duration::minutes(2));
    let page = post("/sign-in", &[("email", email), ("password", second), ("next", "/studies/job_1")]).await;
    assert_eq!((page.status, page.header("location")), (303, "studies/job_1"));
    let cookie = page.header("set-cookie").to_owned();
    let (cookie, rest) = cookie.split_once(';').unwrap();
    assert!(cookie.starts_with("__Host-outscout_session=eyJ"), "{cookie}");
    assert_eq!(rest, " Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax");
    let home = send(&bench, Api::OpenScouter, "GET", "/home", &[("cookie", cookie)], "").await;
    assert!(home.status == 200 && home.body.contains("<bdi>Zoé &amp; Co</bdi>"), "{}", home.body);
    // the cookie is for pages alone
    assert_eq!(openscouter::send(&bench, "GET", "/api/auth/me", &[("cookie", cookie)], "").await.status, 401);
    let headers = [FORM, ("cookie", cookie)];
    let page = send(&bench, Api::OpenScouter, "POST", "/sign-out", &headers, "").await;
    assert_eq!((page.status, page.header("location")), (303, "sign-in"));
    assert!(page.header("set-cookie").starts_with("__Host-outscout_session=; Path=/; Max-Age=0;"));
    let home = send(&bench, Api::OpenScouter, "GET", "/home", &[("cookie", cookie)], "").await;
    assert_eq!((home.status, home.header("location")), (303, "sign-in?next=/home"), "the sign-in ended");
    let page = send(&bench, Api::OpenScouter, "POST", "/sign-out", &headers, "").await;
    assert_eq!(page.status, 303, "twice is as good as once");
    // by link
    assert_eq!(post("/sign-in-link", &[("email", email)]).await.status, 200);
    let token = one_time(&bench, email, TokenKind::Magic).await;
    let page = post("/magic-link", &[("token", &token)]).await;
    assert_eq!((page.status, page.header("location")), (303, "home"));
    assert!(page.header("set-cookie").starts_with("__Host-outscout_session=eyJ"));
    assert_eq!(post("/magic-link", &[("token", &token)]).await.status, 422, "once");
}

#[tokio::test]
async fn an_account_of_outsend_by_its_pages() {
    let bench = Bench::start().await.unwrap();
    let post = async |path: &str, cookie: &str, pairs: &[(&str, &str)]| {
        let headers = [FORM, ("cookie", cookie)];
        send(&bench, Api::Outsend, "POST", path, &headers, &encoded(pairs)).await
    };
    let email = "zoe@example.com";
    let fields = [("email", email), ("password", "correct horse 1"), ("accept_responsibility", "yes")];
    let page = post("/sign-up", "", &fields).await;
    assert_eq!((page.status, page.header("location")), (303, "home"), "{}", page.body);
    let cookie = outsend::cookie(&page);
    let home = outsend::send(&bench, "GET", "/home", &[("cookie", &cookie)], "").await;
    assert!(home.body.contains("Please confirm this address"), "{}", home.body);
    let page = post("/resend-verification", &cookie, &[]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let nobody = post("/resend-verification", "", &[]).await;
    assert_eq!((nobody.status, nobody.header("location")), (303, "sign-in?next=/resend-verification"));
    let token = one_time(&bench, email, TokenKind::Verify).await;
    let page = post("/verify-email", &cookie, &[("token", &token)]).await;
    assert!(page.status == 200 && page.body.contains("Your address is confirmed"), "{}", page.body);
    let cookie = outsend::cookie(&page);
    let home = outsend::send(&bench, "GET", "/home", &[("cookie", &cookie)], "").await;
    assert!(!home.body.contains("Please confirm this address"), "the browser that signed up goes on: {}", home.body);
    assert_eq!(post("/forgot-password", "", &[("email", email)]).await.status, 200);
    let token = one_time(&bench, email, TokenKind::Reset).await;
    let fields = [("token", token.as_str()), ("new_password", "another horse 2"), ("revoke_credentials", "yes")];
    let page = post("/reset-password", "", &fields).await;
    assert!(page.status == 200 && page.body.contains("Your new password is set"), "{}", page.body);
    let home = outsend::send(&bench, "GET", "/home", &[("cookie", &cookie)], "").await;
    assert_eq!((home.status, home.header("location")), (303, "sign-in?next=/home"));
    let page =
        post("/sign-in", "", &[("email", email), ("password", "another horse 2"), ("next", "//evil.test")]).await;
    assert_eq!((page.status, page.header("location")), (303, "home"), "a sign-in leads to pages of this API alone");
    let page = post("/sign-out", &outsend::cookie(&page), &[]).await;
    assert_eq!((page.status, page.header("location")), (303, "sign-in"));
    assert!(page.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_sign_up_that_is_not_for_everybody_says_so() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_INVITE_ONLY", "true")]).await.unwrap();
    let page = outsend::send(&bench, "GET", "/sign-up", &[], "").await;
    assert!(page.body.contains("name=\"invitation_code\""), "{}", page.body);
    let captcha = [("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "s"), ("OUTSCOUT_OUTSEND_CAPTCHA_URL", "http://127.0.0.1:9/")];
    let bench = Bench::with(&captcha).await.unwrap();
    let page = outsend::send(&bench, "GET", "/sign-up", &[], "").await;
    assert!(page.body.contains("which shows a captcha") && !page.body.contains("<form"), "{}", page.body);
}

#[tokio::test]
async fn mails_are_in_the_language_of_the_sign_up() {
    let bench = Bench::start().await.unwrap();
    let mut body = openscouter::sign_up_body("zoe@example.com");
    body["fullName"] = json!("Zoé");
    openscouter::post(&bench, "/api/auth/sign-up", &[("accept-language", "fr")], &body).await;
    assert_eq!(openscouter::user(&bench, "zoe@example.com").await.locale.as_str(), "fr");
    let english = person(&bench, Role::Tester, "tess@example.com").await;
    assert_eq!(english.locale.as_str(), "en");
}
