//! Every route of Outsend as every kind of caller: `coverage-outsend.golden`.

use std::fmt::Write as _;

use harness::{
    Bench,
    functions::{Api, resources, routed},
    golden::{METHODS, golden},
    openscouter::one_time,
    outsend::{change, jobs::new_job, post},
};
use serde_json::json;
use shared::{
    model::{
        Action, AssetName, AuditEntry, Email, Organization, OrganizationId, Plan, Role, Session, SessionToken,
        TokenKind, User, UserId, UserKey,
    },
    secret::sha256_hex,
    store::ChangeWith,
};
use time::Duration;

/// Users of the Outsend dialect, made without its own routes.
struct People<'a>(&'a Bench);

impl People<'_> {
    async fn user(&self, email: &str, active: bool) -> User {
        let now = self.0.context.clock().now();
        let organization = OrganizationId::at(now);
        let email = Email::parse(email).unwrap();
        let mut user = User::new((UserId::at(now), 1), email, "x".to_owned(), Role::Business, organization, now);
        user.active = active;
        let organization = Organization {
            id: organization,
            name: "x".to_owned(),
            plan: Plan::Free,
            billing_exempt: true,
            created_at: now,
        };
        self.0.context.store().sign_up(&user, &organization, ChangeWith::default()).await.unwrap();
        user
    }

    fn new_session(&self, user: &User, length: Duration) -> (Session, String) {
        let value = SessionToken::generate().unwrap().reveal().to_owned();
        let now = self.0.context.clock().now();
        let session = Session {
            hash: sha256_hex(value.as_bytes()),
            user: user.id,
            organization: user.organization,
            generation: user.generation,
            created_at: now,
            expires_at: now + length,
        };
        (session, format!("outsend_session={value}"))
    }

    /// Users as they were before something ended what they held: a reset that ends everything, the first verification,
    /// a suspension, and the deletion of the account.
    async fn of_before(&self) -> Vec<(&'static str, &'static str, User)> {
        let (store, now) = (self.0.context.store(), self.0.context.clock().now());
        let mut all = Vec::new();
        for (session, key, event) in [
            ("reset-session", "reset-key", "reset"),
            ("unverified-session", "unverified-key", "verification"),
            ("suspended-session", "suspended-key", "suspension"),
            ("erased-session", "erased-key", "erasure"),
        ] {
            let email = format!("{event}@example.com");
            let user = self.user(&email, true).await;
            match event {
                "reset" => {
                    let token = one_time(self.0, &email, TokenKind::Reset).await;
                    let body = json!({"token": token, "new_password": "another 22", "revoke_credentials": true});
                    assert_eq!(post(self.0, "/api/auth/password/reset", &[], &body).await.status, 200);
                }
                "verification" => {
                    change(self.0, &email, |user| user.verified = false).await;
                    let body = json!({"token": one_time(self.0, &email, TokenKind::Verify).await});
                    assert_eq!(post(self.0, "/api/auth/verify-email", &[], &body).await.status, 200);
                }
                "suspension" => {
                    change(self.0, &email, |user| {
                        user.active = false;
                        user.end_sign_ins();
                    })
                    .await;
                }
                _ => {
                    let audit = AuditEntry::of_operator(Action::ErasureCompleted, None, json!({}), now);
                    assert!(store.delete_account(&user, &audit, now).await.unwrap());
                }
            }
            all.push((session, key, user));
        }
        all
    }

    /// The cookie of a new session.
    async fn session(&self, user: &User, length: Duration) -> Option<(&'static str, String)> {
        let (session, cookie) = self.new_session(user, length);
        let with = ChangeWith { session: Some(session.clone()), ..ChangeWith::default() };
        self.0.context.store().sign_in(with).await.unwrap();
        Some(("cookie", cookie))
    }

    /// A job that was cancelled.
    async fn job(&self, user: &User) -> String {
        let (store, now) = (self.0.context.store(), self.0.context.clock().now());
        let account = store.account(user.id).await.unwrap().unwrap();
        let job = new_job(&account, engine::Module::VerifyEmails, now);
        let parameters = shared::store::JobParameters::default();
        let new = shared::store::NewJob {
            job,
            parameters,
            rows: shared::store::PackedRows::default(),
            text: None,
            log: Vec::new(),
            resumes: None,
        };
        store.create_job(&new, Plan::Free).await.unwrap();
        store.end_job(new.job.id, shared::store::Ending::Cancelled, now).await.unwrap();
        new.job.id.to_string()
    }

    /// An image that is kept for a hundred days.
    async fn image(&self, user: &User) -> AssetName {
        let (store, now) = (self.0.context.store(), self.0.context.clock().now());
        let name = AssetName::of(b"image", "png").unwrap();
        store.keep_asset((user.id, &name), Some(b"image"), now + Duration::days(100)).await.unwrap();
        name
    }

    /// A new key.
    async fn key(&self, user: &User, reads: bool, writes: bool, days: i64) -> Option<(&'static str, String)> {
        let plain = format!("osk_{}", SessionToken::generate().unwrap().reveal());
        let now = self.0.context.clock().now();
        let key = UserKey {
            id: format!("key_{}", shared::ulid::generate(now).unwrap()),
            hash: sha256_hex(plain.as_bytes()),
            prefix: plain[..12].to_owned(),
            name: "x".to_owned(),
            user: user.id,
            organization: user.organization,
            reads,
            writes,
            generation: user.credential_generation,
            created_at: now,
            expires_at: Some(now + Duration::days(days)),
            last_used_at: None,
        };
        let audit = AuditEntry::of_operator(Action::TokenIssued, None, serde_json::json!({}), now);
        self.0.context.store().create_user_key(&key, 10_000, &audit).await.unwrap();
        Some(("x-api-key", plain))
    }
}

#[tokio::test]
async fn every_outsend_route_as_every_caller() {
    let bench = Bench::start().await.unwrap();
    let people = People(&bench);
    let right = people.user("right@example.com", true).await;
    let other = people.user("other@example.com", true).await;
    let inactive = people.user("inactive@example.com", false).await;
    let of_before = people.of_before().await;
    let image = people.image(&right).await;
    let mut grid = String::new();
    for resource in resources(Api::Outsend) {
        for method in METHODS {
            let mut row = format!("{method:7} {resource:30}");
            // a new hour for each row: what is counted is the limits' business
            bench.advance(Duration::hours(1));
            let fallback =
                routed(Api::Outsend, method, &resource.replace("{proxy+}", "x/y")).name() == "outsend-fallback";
            let mut path = resource.replace("{proxy+}", "x/y").replace("{slug}", "reviews");
            path = path.replace("{owner}", &right.id.to_string()).replace("{file}", image.as_str());
            let signed_in = people.session(&right, Duration::days(7)).await;
            let callers = if fallback {
                // what is routed nowhere asks for no credential: two callers say it all
                vec![("none", None), ("right", signed_in)]
            } else {
                let own = people.key(&right, true, true, 30).await;
                let now = bench.context.clock().now();
                let listed = bench.context.store().keys_of_user(&right, now).await.unwrap();
                path = path.replace("{key_id}", &listed[0].id);
                let unknown = format!("outsend_session={}", SessionToken::generate().unwrap().reveal());
                let mut callers = vec![
                    ("none", None),
                    ("malformed", Some(("cookie", "outsend_session=nope".to_owned()))),
                    ("unknown", Some(("cookie", unknown))),
                    ("outset-key", Some(("authorization", format!("Api-Key {}", "A".repeat(48))))),
                    ("ended", people.session(&right, Duration::ZERO).await),
                    ("expired-key", people.key(&right, true, true, 0).await),
                    ("read-key", people.key(&right, true, false, 30).await),
                    ("write-key", people.key(&right, false, true, 30).await),
                    ("full-key", own),
                    ("inactive", people.session(&inactive, Duration::days(7)).await),
                    ("other", people.session(&other, Duration::days(7)).await),
                    ("right", signed_in),
                ];
                for (session, key, user) in &of_before {
                    callers.push((session, people.session(user, Duration::days(7)).await));
                    callers.push((key, people.key(user, true, true, 30).await));
                }
                callers
            };
            let function = routed(Api::Outsend, method, &path);
            for (name, credential) in &callers {
                let headers: Vec<_> = credential.iter().map(|(name, value)| (*name, value.as_str())).collect();
                // each caller meets a job of its own: some of them delete it
                let job = if path.contains("{job}") { people.job(&right).await } else { String::new() };
                let path = path.replace("{job}", &job);
                let mut answer = bench.send(function, method, &path, &headers, b"").await.unwrap();
                if answer.status == 429 {
                    // the routes that count an address
                    bench.advance(Duration::hours(1));
                    answer = bench.send(function, method, &path, &headers, b"").await.unwrap();
                }
                assert!(answer.status < 500 || answer.status == 501, "{method} {path} as {name}: {}", answer.body);
                let _ = write!(row, " {name}={}", answer.status);
            }
            grid.push_str(&row);
            grid.push('\n');
        }
    }
    golden("flows/coverage/coverage-outsend.golden", &grid);
}
