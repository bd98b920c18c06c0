//! Every route of OpenScouter as every kind of caller (openscouter 3, 4): `coverage-openscouter.golden`.

use std::fmt::Write as _;

use harness::{
    Answer, Bench,
    functions::{Api, resources, routed},
    golden::{METHODS, golden},
    openscouter::{
        PASSWORD, ask, bearer, data,
        oauth::{connected, connected_for_mcp},
        one_time, person, post,
        stripe::Stripe,
        team::Team,
        telegram::Telegram,
        work,
    },
    outsend,
};
use serde_json::{Value, json};
use shared::{
    model::{ApprovalId, Role, StudyId, TestSessionId, TestStatus, TokenKind, User},
    secret::sha256_hex,
    store::{ApprovalFilter, ChangeWith},
};
use time::Duration;

/// An id that names nothing.
const NOBODY: &str = "user_01k8ybdf00e8nrtzq2qw3d80n2";

/// Objects of the owner: `running` is a study with a session of the tester, `done` one with reports.
struct Fixture {
    team: Team,
    owner: User,
    other: User,
    running: String,
    session: String,
    done: String,
    snapshot: String,
    report: String,
    export: String,
    approval: String,
    ended: String,
    suspended: String,
    tokens: Vec<(&'static str, String)>,
    of_before: Vec<(&'static str, String)>,
}

impl Fixture {
    async fn new() -> Self {
        let ((_, stripe), (_, telegram)) = (Stripe::start().await, Telegram::start().await);
        let variables: Vec<_> = stripe.iter().chain(&telegram).map(|(name, value)| (*name, value.as_str())).collect();
        let bench = Bench::with(&variables).await.unwrap();
        let team = Team::over(bench).await;
        let bench = &team.bench;
        let other = person(bench, Role::Business, "other@example.com").await;
        person(bench, Role::Tester, "pending@example.com").await;
        let suspended = suspended(bench).await;
        let of_before = of_before(&team).await;
        let ended = bearer(bench, "dana@example.com").await;
        post(bench, "/api/auth/sign-out", &[("authorization", &ended)], &json!({})).await;
        let mut tokens = Vec::new();
        for (name, person, scope) in [
            ("read-token", &team.owner, "read"),
            ("write-token", &team.owner, "write"),
            ("admin-read", &team.admin, "read"),
            ("admin-write", &team.admin, "write"),
            ("admin-token", &team.admin, "admin"),
        ] {
            tokens.push((name, format!("Token {}", new_token(bench, person, scope).await["token"].as_str().unwrap())));
        }
        let done = team.study(&json!({})).await;
        let (snapshot, report) = done_session(&team, &done).await;
        let running = team.study(&json!({})).await;
        team.approve(&running).await;
        let session = team.session(&running).await;
        let approval = team.approve(&done).await;
        let export = data(&team.owner("POST", "/api/me/exports", &json!({})).await);
        work(bench).await;
        let email = shared::model::Email::parse("dana@example.com").unwrap();
        let owner = bench.context.store().account_by_email(&email).await.unwrap().unwrap().user;
        let export = export["exportId"].as_str().unwrap().to_owned();
        Self {
            owner,
            other,
            running,
            session,
            done,
            snapshot,
            report,
            export,
            approval,
            ended,
            suspended,
            tokens,
            of_before,
            team,
        }
    }

    /// The id that a resource is asked with: one that the owner, the tester or the admin may see, where there is one.
    async fn id(&self, method: &str, resource: &str) -> String {
        let store = self.team.bench.context.store();
        match resource {
            "/api/tokens/{id}" if method == "DELETE" => {
                // a sign-in for each caller, beside the callers who are refused
                self.team.bench.advance(Duration::seconds(5));
                let owner = bearer(&self.team.bench, "dana@example.com").await;
                new_token(&self.team.bench, &owner, "read").await["tokenId"].as_str().unwrap().to_owned()
            }
            "/api/connections/{id}" if method == "DELETE" => {
                // its forms are asked for without a credential, which few may do in a minute
                self.team.bench.advance(Duration::seconds(30));
                connected(&self.team.bench, &self.owner).await;
                let now = self.team.bench.context.clock().now();
                let newest = store.connections_page(Some(self.owner.organization), 0, 1, now).await.unwrap();
                newest.members[0].id.wire()
            }
            "/api/admin/organizations/{id}" => self.owner.organization.wire(),
            "/api/admin/users/{id}" => self.other.id.wire(),
            "/api/admin/approvals/{id}" => self.approval.clone(),
            path if path.starts_with("/api/reports/job/{id}") => self.done.clone(),
            path if path.starts_with("/api/reports/{id}") => self.report.clone(),
            path if path.starts_with("/api/ai/{id}") => self.snapshot.clone(),
            path if path.starts_with("/api/me/exports/{id}") => self.export.clone(),
            path if path.starts_with("/api/jobs/{id}") || path == "/studies/{id}" => self.running.clone(),
            path if path.starts_with("/api/sessions/{id}") => self.session.clone(),
            _ => NOBODY.to_owned(),
        }
    }

    /// Brings the session into the state that an operation begins with, so that only the caller makes the difference.
    async fn prepare(&self, resource: &str) {
        let status = match resource.rsplit('/').next().unwrap() {
            "resume" => TestStatus::Paused,
            "analyze" | "feedback" => TestStatus::Completed,
            "confirm" => TestStatus::Analyzed,
            _ => TestStatus::Active,
        };
        let (store, now) = (self.team.bench.context.store(), self.team.bench.context.clock().now());
        let session = TestSessionId::from_wire(&self.session).unwrap();
        let session = store.test_session(session).await.unwrap().unwrap();
        if session.status != status {
            let next = session.with(|next| next.status = status);
            assert!(store.change_test_session(&session, &next, None, now).await.unwrap());
        }
    }

    /// A test token for the study whose objects the resource shows.
    async fn test_token(&self, resource: &str) -> String {
        let study = if resource.starts_with("/api/ai/") { &self.done } else { &self.running };
        let (store, now) = (self.team.bench.context.store(), self.team.bench.context.clock().now());
        let plain = &sha256_hex(format!("{study} {now}").as_bytes())[..48];
        let study = StudyId::from_wire(study).unwrap();
        store.issue_test_token(&self.team.user, study, &sha256_hex(plain.as_bytes()), now).await.unwrap();
        format!("Token {plain}")
    }

    async fn callers(&self, resource: &str) -> Vec<(&'static str, Option<String>)> {
        let jwt = async |name: &str| Some(bearer(&self.team.bench, &format!("{name}@example.com")).await);
        let mut callers = vec![
            ("none", None),
            ("malformed", Some("Bearer nope".to_owned())),
            ("outset-key", Some(format!("Api-Key oset_{}", "A".repeat(43)))),
            ("outsend-key", Some(format!("Bearer osk_{}", "A".repeat(43)))),
            ("test-token", Some(self.test_token(resource).await)),
            ("scheduler", Some("Bearer of-the-scheduler".to_owned())),
            ("ended", Some(self.ended.clone())),
            ("suspended", Some(self.suspended.clone())),
            ("pending", jwt("pending").await),
            ("tester", jwt("tess").await),
            // an OAuth token lives an hour, and is for one resource
            ("oauth", Some(connected(&self.team.bench, &self.owner).await)),
            ("mcp-oauth", Some(connected_for_mcp(&self.team.bench, &self.owner).await)),
            ("admin", jwt("ann").await),
            ("other", jwt("other").await),
            ("right", jwt("dana").await),
        ];
        callers.extend(self.tokens.iter().chain(&self.of_before).map(|(name, token)| (*name, Some(token.clone()))));
        callers
    }
}

async fn new_token(bench: &Bench, caller: &str, scope: &str) -> Value {
    data(&post(bench, "/api/tokens", &[("authorization", caller)], &json!({"name": "x", "scopes": [scope]})).await)
}

/// Credentials of before something ended them: a reset that ends everything, the first verification, a suspension, and
/// the deletion of the account.
async fn of_before(team: &Team) -> Vec<(&'static str, String)> {
    let bench = &team.bench;
    let mut all = Vec::new();
    for (jwt, token, event) in [
        ("reset-jwt", "reset-token", "reset"),
        ("unverified-jwt", "unverified-token", "verification"),
        ("suspended-jwt", "suspended-token", "suspension"),
        ("erased-jwt", "erased-token", "erasure"),
    ] {
        bench.advance(Duration::seconds(61));
        let email = format!("{event}@example.com");
        let user = person(bench, Role::Business, &email).await;
        let credential = bearer(bench, &email).await;
        all.push((token, format!("Token {}", new_token(bench, &credential, "write").await["token"].as_str().unwrap())));
        all.push((jwt, credential));
        let done = match event {
            "reset" => {
                let one_time = one_time(bench, &email, TokenKind::ScouterReset).await;
                let body = json!({"token": one_time, "password": "another long phrase", "revokeCredentials": true});
                post(bench, "/api/auth/reset-password", &[], &body).await
            }
            "verification" => {
                outsend::change(bench, &email, |user| user.verified = false).await;
                let body = json!({"token": one_time(bench, &email, TokenKind::ScouterVerify).await});
                post(bench, "/api/auth/verify-email", &[], &body).await
            }
            "suspension" => {
                let path = format!("/api/admin/users/{}", user.id.wire());
                ask(bench, &team.admin, "PATCH", &path, &json!({"status": "suspended"})).await
            }
            _ => {
                let cookie = outsend::log_in(bench, &email, PASSWORD).await;
                let body = json!({"password": PASSWORD});
                outsend::ask(bench, "DELETE", "/api/auth/account", &[("cookie", &cookie)], &body).await
            }
        };
        assert_eq!(done.status, 200, "{event}: {}", done.body);
        work(bench).await;
    }
    all
}

/// The credential of a person who was suspended after the sign-in.
async fn suspended(bench: &Bench) -> String {
    let user = person(bench, Role::Business, "suspended@example.com").await;
    let credential = bearer(bench, "suspended@example.com").await;
    let mut user = bench.context.store().account(user.id).await.unwrap().unwrap().user;
    user.active = false;
    assert!(bench.context.store().change_user(&user, ChangeWith::default()).await.unwrap());
    credential
}

/// A session of the tester from its begin to the reports: the snapshot's job, and the session's report.
async fn done_session(team: &Team, study: &str) -> (String, String) {
    team.approve(study).await;
    let session = team.session(study).await;
    let asked = team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let path = format!("/api/sessions/{session}");
    for (credential, action) in [(&team.tester, "complete"), (&team.owner, "analyze"), (&team.tester, "confirm")] {
        let done = ask(&team.bench, credential, "POST", &format!("{path}/{action}"), &json!({})).await;
        assert!(done.status < 300, "{}", done.body);
        work(&team.bench).await;
    }
    let report = team.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let of_study = team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    assert_eq!(of_study.status, 202, "{}", of_study.body);
    work(&team.bench).await;
    let id = |answer: &Answer, name: &str| data(answer)[name].as_str().unwrap().to_owned();
    (id(&asked, "analysisJobId"), id(&report, "reportId"))
}

/// A resource's path with all that is the same for all callers.
fn fixed(resource: &str) -> String {
    resource
        .replace("{provider}", "google")
        .replace("{job}", "retention")
        .replace("{kind}", "testing")
        .replace("{source}", "ci")
        .replace("{proxy+}", "x/y")
}

#[tokio::test]
async fn every_openscouter_route_as_every_caller() {
    let fixture = Fixture::new().await;
    let bench = &fixture.team.bench;
    let mut grid = String::new();
    for resource in resources(Api::OpenScouter) {
        // what is counted is the limits' business; but a JWT of the first row must live to the last one
        bench.advance(Duration::seconds(31));
        let callers = fixture.callers(resource).await;
        bench.advance(Duration::seconds(30));
        for method in METHODS {
            let mut row = format!("{method:7} {resource:48}");
            let fallback = routed(Api::OpenScouter, method, &fixed(resource)).name() == "openscouter-fallback";
            // what is routed nowhere asks for no credential: two callers say it all
            let asking = callers.iter().filter(|(name, _)| !fallback || ["none", "right"].contains(name));
            for (name, credential) in asking {
                bench.advance(Duration::milliseconds(2_800));
                if method == "POST" && resource.starts_with("/api/sessions/{id}/") {
                    fixture.prepare(resource).await;
                }
                let path = fixed(resource).replace("{id}", &fixture.id(method, resource).await);
                let function = routed(Api::OpenScouter, method, &path);
                // signing out is the one route that would end its caller's credential
                let address = [
                    ("tester", "tess"),
                    ("admin", "ann"),
                    ("right", "dana"),
                    ("other", "other"),
                    ("pending", "pending"),
                ]
                .into_iter()
                .find(|(known, _)| known == name && path == "/api/auth/sign-out" && method == "POST");
                let fresh = match address {
                    Some((_, address)) => Some(bearer(bench, &format!("{address}@example.com")).await),
                    None => None,
                };
                let headers: Vec<_> =
                    fresh.iter().chain(credential).take(1).map(|value| ("authorization", value.as_str())).collect();
                let answer = bench.send(function, method, &path, &headers, b"").await.unwrap();
                assert!(answer.status < 500 || answer.status == 501, "{method} {path} as {name}: {}", answer.body);
                let _ = write!(row, " {name}={}", answer.status);
            }
            grid.push_str(&row);
            grid.push('\n');
        }
    }
    golden("flows/coverage/coverage-openscouter.golden", &grid);
    let id = ApprovalId::from_wire(&fixture.approval).unwrap();
    let approval = bench.context.store().approval(id).await.unwrap().unwrap();
    assert!(approval.revoked_at.is_some(), "the admin's call did what it says");
    let filter = ApprovalFilter { study: Some(approval.study), active: None };
    assert_eq!(bench.context.store().approvals_page(filter, 0, 9, bench.context.clock().now()).await.unwrap().total, 2);
}
