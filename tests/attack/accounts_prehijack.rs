//! Accounts taken before their owner came: keys and passwords of a stranger's sign-up.

use harness::{
    Answer, Bench, http,
    mails::{World, token},
    openscouter::{
        PASSWORD, access, api_token, bearer, get, oauth, one_time, person, post, provider, sign_in, told, work,
    },
    outsend,
};
use serde_json::{Value, json};
use shared::model::{Role, TokenKind};
use time::Duration;

const EMAIL: &str = "dana@example.com";
const NEW: &str = "an other phrase 9";

/// Everything that somebody can hold of an account, made before its address was confirmed.
struct Planted {
    cookie: String,
    key: String,
    access: String,
    refresh: Value,
    token: String,
    client: String,
    connection: Value,
}

impl Planted {
    /// As [`person`] makes the account, which stands as unconfirmed afterwards: as it could before keys needed a
    /// confirmed address.
    async fn over(bench: &Bench) -> Self {
        let user = person(bench, Role::Business, EMAIL).await;
        let cookie = outsend::log_in(bench, EMAIL, PASSWORD).await;
        let key =
            outsend::new_key(bench, &cookie, &json!({"name": "k"})).await.json()["key"].as_str().unwrap().to_owned();
        let session = sign_in(bench, EMAIL).await;
        let token = api_token(bench, &access(&session), &["write"]).await;
        let client = oauth::register(bench).await;
        let code = oauth::code(bench, &client, &user, oauth::API).await;
        let connection = oauth::exchange(bench, &client, &code).await.json();
        outsend::change(bench, EMAIL, |user| user.verified = false).await;
        bench.advance(Duration::seconds(61));
        let access = access(&session);
        Self { cookie, key, access, refresh: session["refreshToken"].clone(), token, client, connection }
    }

    /// What still opens something.
    async fn open(&self, bench: &Bench) -> Vec<&'static str> {
        bench.advance(Duration::seconds(61));
        let refreshed = post(bench, "/api/auth/refresh", &[], &json!({"refreshToken": self.refresh})).await;
        let again = oauth::refresh(bench, &self.client, &self.connection["refresh_token"], None).await;
        [
            ("cookie", outsend::me(bench, &[("cookie", &self.cookie)]).await),
            ("key", outsend::me(bench, &[("x-api-key", &self.key)]).await),
            ("access token", get(bench, "/api/auth/me", &self.access).await),
            ("refresh token", refreshed),
            ("API token", get(bench, "/api/auth/me", &self.token).await),
            ("connection", oauth::me(bench, &self.connection).await),
            ("connection's refresh token", again),
        ]
        .into_iter()
        .filter(|(_, answer)| answer.status == 200)
        .map(|(name, _)| name)
        .collect()
    }
}

#[tokio::test]
async fn keys_need_a_verified_address() {
    let bench = Bench::start().await.unwrap();
    let cookie = outsend::signed_up(&bench, EMAIL).await;
    let made = outsend::new_key(&bench, &cookie, &json!({"name": "k"})).await;
    assert_eq!((made.status, outsend::detail(&made).as_str()), (403, "Verify your e-mail address first."));
    // OpenScouter signs nobody in whose address is not confirmed; whoever was before is refused, too
    let bench = Bench::start().await.unwrap();
    for role in [Role::Business, Role::Admin] {
        let email = format!("{}@example.com", role.as_str());
        person(&bench, role, &email).await;
        let credential = bearer(&bench, &email).await;
        outsend::change(&bench, &email, |user| user.verified = false).await;
        let body = json!({"name": "x", "scopes": ["read"]});
        let made = post(&bench, "/api/tokens", &[("authorization", &credential)], &body).await;
        assert_eq!(made.status, 403, "{}: {}", role.as_str(), made.body);
    }
}

/// The ways in which an address becomes a confirmed one.
const WAYS: [&str; 5] = ["verify", "openscouter-verify", "reset", "openscouter-reset", "provider"];

async fn confirm(bench: &Bench, world: &provider::Provider, way: &str) -> Answer {
    match way {
        "verify" => {
            let token = one_time(bench, EMAIL, TokenKind::Verify).await;
            outsend::post(bench, "/api/auth/verify-email", &[], &json!({"token": token})).await
        }
        "openscouter-verify" => {
            let token = one_time(bench, EMAIL, TokenKind::ScouterVerify).await;
            post(bench, "/api/auth/verify-email", &[], &json!({"token": token})).await
        }
        "reset" => {
            let token = one_time(bench, EMAIL, TokenKind::Reset).await;
            let body = json!({"token": token, "new_password": NEW});
            outsend::post(bench, "/api/auth/password/reset", &[], &body).await
        }
        "openscouter-reset" => {
            let token = one_time(bench, EMAIL, TokenKind::ScouterReset).await;
            post(bench, "/api/auth/reset-password", &[], &json!({"token": token, "password": NEW})).await
        }
        _ => {
            world.says(json!({"email": EMAIL, "email_verified": true, "name": "Dana"}));
            let state = provider::begin(bench, world, "role=business").await;
            provider::come_back(bench, &state, "good").await
        }
    }
}

#[tokio::test]
async fn the_first_verification_ends_what_was_made_before_it() {
    for way in WAYS {
        let (bench, world) = provider::start().await;
        let planted = Planted::over(&bench).await;
        let confirmed = confirm(&bench, &world, way).await;
        assert_eq!(confirmed.status, 200, "{way}: {}", confirmed.body);
        assert_eq!(planted.open(&bench).await, Vec::<&str>::new(), "after {way}");
        assert!(harness::openscouter::user(&bench, EMAIL).await.verified);
        // what ended is neither listed nor counted
        outsend::change(&bench, EMAIL, |user| user.password = None).await;
        let token = one_time(&bench, EMAIL, TokenKind::ScouterReset).await;
        post(&bench, "/api/auth/reset-password", &[], &json!({"token": token, "password": NEW})).await;
        work(&bench).await;
        let cookie = outsend::log_in(&bench, EMAIL, NEW).await;
        let keys = outsend::send(&bench, "GET", "/api/api-keys", &[("cookie", &cookie)], "").await;
        assert!(!keys.body.contains("key_"), "after {way}: {}", keys.body);
        let body = json!({"email": EMAIL, "password": NEW});
        let session = harness::openscouter::data(&post(&bench, "/api/auth/sign-in", &[], &body).await);
        for path in ["/api/tokens", "/api/connections"] {
            let list = get(&bench, path, &access(&session)).await;
            assert_eq!(
                (&list.json()["data"], &list.json()["metadata"]["total"]),
                (&json!([]), &json!(0)),
                "{way} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_browser_that_signed_up_goes_on_and_no_other() {
    let bench = Bench::start().await.unwrap();
    let first = outsend::signed_up(&bench, EMAIL).await;
    let second = outsend::log_in(&bench, EMAIL, outsend::PASSWORD).await;
    let token = one_time(&bench, EMAIL, TokenKind::Verify).await;
    let body = json!({"token": token});
    let answer = outsend::post(&bench, "/api/auth/verify-email", &[("cookie", &first)], &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true}"#));
    let renewed = outsend::cookie(&answer);
    assert_ne!(renewed, first);
    assert_eq!(outsend::me(&bench, &[("cookie", &renewed)]).await.status, 200);
    for ended in [&first, &second] {
        assert_eq!(outsend::me(&bench, &[("cookie", ended)]).await.status, 401, "every other session ended");
    }
    // a session of somebody else is neither renewed nor ended
    let stranger = outsend::signed_up(&bench, "eve@example.com").await;
    outsend::signed_up(&bench, "finn@example.com").await;
    let token = one_time(&bench, "finn@example.com", TokenKind::Verify).await;
    let body = json!({"token": token});
    let answer = outsend::post(&bench, "/api/auth/verify-email", &[("cookie", &stranger)], &body).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (200, ""));
    assert_eq!(outsend::me(&bench, &[("cookie", &stranger)]).await.status, 200);
}

/// Who signs up where, over a system that sends mails.
struct SignUps {
    world: World,
    mails: usize,
}

const THEIRS: &str = "of the attacker 1";
const OWN: &str = "of the owner 2";

impl SignUps {
    async fn start() -> Self {
        Self { world: World::start().await, mails: 0 }
    }

    async fn scouter(&self, path: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        http::send(&self.world.0.openscouter, "POST", path, &headers, body.to_string().as_bytes()).await.unwrap()
    }

    /// The newest mail, which must be one more than before.
    async fn mail(&mut self) -> Value {
        self.mails += 1;
        self.world.mails(self.mails).await.last().unwrap().clone()
    }

    /// A sign-up at OpenScouter, and the link's token.
    async fn at_openscouter(&mut self, role: &str, name: &str, password: &str) -> String {
        let body = json!({"role": role, "email": EMAIL, "password": password, "fullName": name, "companyName": format!("{name} Ltd")});
        assert_eq!(self.scouter("/api/auth/sign-up", &body).await.status, 202);
        token(&self.mail().await, "/verify-email")
    }

    /// A sign-up at Outsend where nobody has the address, its session, and the link's token.
    async fn at_outsend(&mut self, password: &str) -> (String, String) {
        let body = json!({"email": EMAIL, "password": password, "accept_responsibility": true});
        let answer = self.world.post("/api/auth/signup", &[], &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (outsend::cookie(&answer), token(&self.mail().await, "/verify-email"))
    }

    /// A sign-up at Outsend where somebody has the address.
    async fn refused_at_outsend(&mut self, password: &str) {
        let body = json!({"email": EMAIL, "password": password, "accept_responsibility": true});
        assert_eq!(self.world.post("/api/auth/signup", &[], &body).await.status, 400);
        self.mail().await;
    }

    async fn verify(&self, token: &str) {
        let answer = self.scouter("/api/auth/verify-email", &json!({"token": token})).await;
        if answer.status != 200 {
            let answer = self.world.post("/api/auth/verify-email", &[], &json!({"token": token})).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }

    /// Whose passwords work, in each of the dialects.
    async fn passwords(&self) -> (bool, bool) {
        let mut works = Vec::new();
        for password in [THEIRS, OWN] {
            let body = json!({"email": EMAIL, "password": password});
            let there = self.scouter("/api/auth/sign-in", &body).await.status == 200;
            let here = self.world.post("/api/auth/login", &[], &body).await.status == 200;
            assert_eq!(there, here, "the dialects agree");
            works.push(here);
        }
        (works[0], works[1])
    }

    async fn end(self) {
        self.world.0.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_puts_the_password_of_its_own_sign_up_in_force() {
    // the attacker first, in either dialect, then the owner; and the attacker once more
    for dialect in ["openscouter", "outsend"] {
        let mut people = SignUps::start().await;
        if dialect == "openscouter" {
            people.at_openscouter("tester", "Eve", THEIRS).await;
        } else {
            people.at_outsend(THEIRS).await;
        }
        let own = people.at_openscouter("business", "Dana Roe", OWN).await;
        people.verify(&own).await;
        assert_eq!(people.passwords().await, (false, true), "attacker at {dialect}");
        let body = json!({"email": EMAIL, "password": OWN});
        let session = people.scouter("/api/auth/sign-in", &body).await.json()["data"].clone();
        let user = &session["user"];
        assert_eq!(
            (&user["role"], &user["fullName"], &user["organization"]["name"]),
            (&json!("business"), &json!("Dana Roe"), &json!("Dana Roe Ltd")),
            "attacker at {dialect}"
        );
        people.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_sign_up_leaves_an_earlier_one_s_link_its_own() {
    let mut people = SignUps::start().await;
    let own = people.at_openscouter("business", "Dana Roe", OWN).await;
    people.at_openscouter("tester", "Eve", THEIRS).await;
    let answer = people.scouter("/api/auth/verify-email", &json!({"token": own})).await;
    // a newer link may have ended it; it never brings another sign-up's password
    if answer.status == 200 {
        assert_eq!(people.passwords().await, (false, true));
    }
    let body = json!({"email": EMAIL, "password": THEIRS});
    assert_eq!(people.scouter("/api/auth/sign-in", &body).await.status, 401);
    people.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_s_own_link_holds_whoever_comes_later() {
    let mut people = SignUps::start().await;
    let (_, own) = people.at_outsend(OWN).await;
    people.at_openscouter("tester", "Eve", THEIRS).await;
    people.verify(&own).await;
    assert_eq!(people.passwords().await, (false, true));
    people.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_outsend_refused_leaves_no_unknown_password_to_be_verified() {
    for dialect in ["openscouter", "outsend"] {
        let mut people = SignUps::start().await;
        let theirs = if dialect == "openscouter" {
            people.at_openscouter("business", "Eve", THEIRS).await
        } else {
            people.at_outsend(THEIRS).await.1
        };
        // the owner is told that the sign-up was refused, and finds a link in the mails
        people.refused_at_outsend(OWN).await;
        people.verify(&theirs).await;
        assert_eq!(people.passwords().await, (false, false), "attacker at {dialect}");
        // a reset is the way to a password
        people.scouter("/api/auth/forgot-password", &json!({"email": EMAIL})).await;
        let reset = token(&people.mail().await, "/reset-password");
        people.scouter("/api/auth/reset-password", &json!({"token": reset, "password": OWN})).await;
        assert_eq!(people.passwords().await, (false, true));
        people.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_asked_for_by_the_bare_address_puts_no_unknown_password_in_force() {
    let mut people = SignUps::start().await;
    let (session, _) = people.at_outsend(THEIRS).await;
    people.at_openscouter("business", "Dana Roe", OWN).await;
    // the attacker's session asks for another link, which comes to the owner last
    assert_eq!(
        people.world.post("/api/auth/resend-verification", &[("Cookie", &session)], &json!({})).await.status,
        200
    );
    let of_session = token(&people.mail().await, "/verify-email");
    people.verify(&of_session).await;
    assert_eq!(people.passwords().await, (false, false), "by a session");
    people.end().await;

    let mut people = SignUps::start().await;
    people.at_openscouter("tester", "Eve", THEIRS).await;
    people.at_openscouter("business", "Dana Roe", OWN).await;
    people.scouter("/api/auth/resend-verification", &json!({"email": EMAIL})).await;
    let bare = token(&people.mail().await, "/verify-email");
    people.verify(&bare).await;
    assert_eq!(people.passwords().await, (false, false), "by the address");
    people.end().await;

    // where there is one sign-up, it is its own
    let mut people = SignUps::start().await;
    people.at_openscouter("business", "Dana Roe", OWN).await;
    people.scouter("/api/auth/resend-verification", &json!({"email": EMAIL})).await;
    let bare = token(&people.mail().await, "/verify-email");
    people.verify(&bare).await;
    assert_eq!(people.passwords().await, (false, true));
    people.end().await;
}

#[tokio::test]
async fn a_stranger_s_session_cannot_end_the_owner_s_links() {
    let bench = Bench::start().await.unwrap();
    let cookie = outsend::signed_up(&bench, EMAIL).await;
    let link = one_time(&bench, EMAIL, TokenKind::Reset).await;
    let body = json!({"current_password": outsend::PASSWORD, "new_password": NEW});
    assert_eq!(outsend::post(&bench, "/api/auth/password/change", &[("cookie", &cookie)], &body).await.status, 200);
    let body = json!({"token": link, "new_password": OWN});
    assert_eq!(outsend::post(&bench, "/api/auth/password/reset", &[], &body).await.status, 200);
    let early = post(&bench, "/api/auth/sign-in", &[], &json!({"email": EMAIL, "password": NEW})).await;
    assert_eq!(told(&early), (401, "Invalid email or password".to_owned()));
}
