//! Every route that takes a body: who sends it, how long it may be, and what it looks like at its worst.

use harness::{
    Bench, Fixture,
    functions::Api,
    openscouter::{bearer, ingestion, oauth::connected_for_mcp, stripe::Stripe, team::Team, telegram::Telegram, user},
    outsend::{PASSWORD, jobs::World, log_in},
};
use serde_json::json;
use time::Duration;

use super::{
    meter::{Meter, Spent},
    shapes, tables,
};

/// Most bytes of a body (outset 10.2, outsend 2.1, openscouter 2.1).
const OUTSET: usize = 1024 * 1024;
const OUTSEND: usize = 64 * 1024;
const OUTSEND_JOBS: usize = 4 * 1024 * 1024;
const OPENSCOUTER: usize = 1024 * 1024;

/// Who sends a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    Key,
    Account,
    Owner,
    Assistant,
    Admin,
    Tester,
    Source,
    Scheduler,
}
use Who::{Account, Admin, Assistant, Key, Nobody, Owner, Scheduler, Source, Tester};

/// A route, and the member of its body that holds the most.
pub(super) struct Endpoint {
    pub(super) api: Api,
    pub(super) method: &'static str,
    pub(super) resource: &'static str,
    who: Who,
    field: &'static str,
}

const fn outset(method: &'static str, resource: &'static str, who: Who, field: &'static str) -> Endpoint {
    Endpoint { api: Api::Outset, method, resource, who, field }
}

const fn outsend(method: &'static str, resource: &'static str, who: Who, field: &'static str) -> Endpoint {
    Endpoint { api: Api::Outsend, method, resource, who, field }
}

const fn research(method: &'static str, resource: &'static str, who: Who, field: &'static str) -> Endpoint {
    Endpoint { api: Api::OpenScouter, method, resource, who, field }
}

/// All of them, what ends something last.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    outset("PATCH", "/v1/studies/{id}", Key, "completion_url"),
    outset("DELETE", "/v1/studies/{id}", Nobody, "a"),
    outset("POST", "/v1/studies/{id}", Nobody, "a"),
    outset("PUT", "/v1/studies/{id}", Nobody, "a"),
    outset("DELETE", "/v1/studies", Nobody, "a"),
    outset("PATCH", "/v1/studies", Nobody, "a"),
    outset("POST", "/v1/studies", Nobody, "a"),
    outset("PUT", "/v1/studies", Nobody, "a"),
    outset("DELETE", "/v1/schema", Nobody, "a"),
    outset("PATCH", "/v1/schema", Nobody, "a"),
    outset("POST", "/v1/schema", Nobody, "a"),
    outset("PUT", "/v1/schema", Nobody, "a"),
    outset("DELETE", "/interviews/public-surveys/{id}/start", Nobody, "a"),
    outset("PATCH", "/interviews/public-surveys/{id}/start", Nobody, "a"),
    outset("POST", "/interviews/public-surveys/{id}/start", Nobody, "a"),
    outset("PUT", "/interviews/public-surveys/{id}/start", Nobody, "a"),
    outset("DELETE", "/interviews/{session}/complete", Nobody, "a"),
    outset("PATCH", "/interviews/{session}/complete", Nobody, "a"),
    outset("POST", "/interviews/{session}/complete", Nobody, "a"),
    outset("PUT", "/interviews/{session}/complete", Nobody, "a"),
    outsend("POST", "/api/jobs/{job}", Account, "items"),
    outsend("POST", "/api/jobs", Account, "queries"),
    outsend("POST", "/api/jobs/resume", Account, "job_id"),
    outsend("POST", "/api/jobs/{job}/cancel", Account, "a"),
    outsend("DELETE", "/api/jobs/{job}", Account, "a"),
    outsend("POST", "/api/feedback", Account, "message"),
    outsend("POST", "/api/feedback/{thread}/messages", Account, "message"),
    outsend("POST", "/api/pipelines", Account, "definition"),
    outsend("POST", "/api/pipelines/{pipeline}/run", Account, "a"),
    outsend("POST", "/api/pipelines/{pipeline}/cancel", Account, "a"),
    outsend("DELETE", "/api/pipelines/{pipeline}", Account, "a"),
    outsend("POST", "/api/veille", Account, "name"),
    outsend("PATCH", "/api/veille/{veille}", Account, "name"),
    outsend("DELETE", "/api/veille/{veille}", Account, "a"),
    outsend("POST", "/api/modules-registry/{slug}/interest", Account, "a"),
    outsend("POST", "/api/webhooks", Account, "events"),
    outsend("DELETE", "/api/webhooks/{webhook}", Account, "a"),
    outsend("POST", "/api/webhooks/{webhook}/test", Account, "a"),
    outsend("POST", "/api/webhooks/{webhook}/redeliver", Account, "since"),
    outsend("POST", "/api/webhooks/{webhook}/deliveries/{delivery}/redeliver", Account, "a"),
    outsend("POST", "/api/api-keys", Account, "scopes"),
    outsend("DELETE", "/api/api-keys/{key_id}", Account, "a"),
    outsend("POST", "/api/auth/signup", Nobody, "email"),
    outsend("POST", "/api/auth/login", Nobody, "email"),
    outsend("POST", "/api/auth/password/reset-request", Nobody, "email"),
    outsend("POST", "/api/auth/password/reset", Nobody, "token"),
    outsend("POST", "/api/auth/verify-email", Nobody, "token"),
    outsend("POST", "/api/auth/resend-verification", Account, "a"),
    outsend("POST", "/api/auth/password/change", Account, "new_password"),
    outsend("DELETE", "/api/auth/account", Account, "password"),
    outsend("POST", "/api/auth/logout", Account, "a"),
    research("POST", "/api/auth/sign-up", Nobody, "fullName"),
    research("POST", "/api/auth/sign-in", Nobody, "email"),
    research("POST", "/api/auth/magic-link", Nobody, "email"),
    research("POST", "/api/auth/magic-link/verify", Nobody, "token"),
    research("POST", "/api/auth/forgot-password", Nobody, "email"),
    research("POST", "/api/auth/reset-password", Nobody, "token"),
    research("POST", "/api/auth/verify-email", Nobody, "token"),
    research("POST", "/api/auth/resend-verification", Nobody, "email"),
    research("POST", "/api/auth/refresh", Nobody, "refreshToken"),
    outsend("POST", "/sign-up", Nobody, "email"),
    outsend("POST", "/sign-in", Nobody, "email"),
    outsend("POST", "/sign-out", Nobody, "a"),
    outsend("POST", "/forgot-password", Nobody, "email"),
    outsend("POST", "/reset-password", Nobody, "token"),
    outsend("POST", "/verify-email", Nobody, "token"),
    outsend("POST", "/resend-verification", Account, "a"),
    research("POST", "/sign-up", Nobody, "email"),
    research("POST", "/sign-in", Nobody, "email"),
    research("POST", "/sign-out", Nobody, "a"),
    research("POST", "/forgot-password", Nobody, "email"),
    research("POST", "/reset-password", Nobody, "token"),
    research("POST", "/verify-email", Nobody, "token"),
    research("POST", "/resend-verification", Nobody, "email"),
    research("POST", "/sign-in-link", Nobody, "email"),
    research("POST", "/magic-link", Nobody, "token"),
    research("POST", "/api/oauth/register", Nobody, "redirect_uris"),
    research("POST", "/api/oauth/authorize", Nobody, "transaction"),
    research("POST", "/api/oauth/token", Nobody, "code"),
    research("POST", "/api/oauth/revoke", Nobody, "token"),
    research("POST", "/api/webhooks/{source}", Source, "data"),
    research("POST", "/api/webhooks/stripe", Nobody, "id"),
    research("POST", "/api/billing/checkout", Owner, "jobId"),
    research("POST", "/api/billing/connect", Tester, "returnUrl"),
    research("POST", "/api/billing/payout", Owner, "jobId"),
    research("POST", "/api/telegram/webhook", Nobody, "message"),
    research("POST", "/api/telegram/link-code", Tester, "a"),
    research("POST", "/api/telegram/job-notify", Owner, "message"),
    research("POST", "/api/telegram/send-job", Owner, "jobId"),
    research("POST", "/api/cron/{job}", Scheduler, "a"),
    research("POST", "/api/data/events", Tester, "batch"),
    research("POST", "/api/data/facial", Tester, "batch"),
    research("POST", "/api/data/voice", Tester, "batch"),
    research("PUT", "/api/sessions/{id}/notes", Tester, "notes"),
    research("POST", "/api/ai", Tester, "sessionId"),
    research("POST", "/api/testers/quiz/attempts", Tester, "answers"),
    research("PATCH", "/api/me/profile", Tester, "languages"),
    research("POST", "/api/me/consents", Tester, "kind"),
    research("POST", "/api/me/exports", Tester, "a"),
    research("POST", "/api/jobs", Owner, "tasks"),
    research("PATCH", "/api/jobs/{id}", Owner, "tasks"),
    research("POST", "/api/mcp", Assistant, "params"),
    research("POST", "/api/mcp/mcp", Assistant, "params"),
    research("POST", "/api/jobs/{id}/launch", Owner, "a"),
    research("POST", "/api/tokens", Owner, "scopes"),
    research("DELETE", "/api/tokens/{id}", Owner, "a"),
    research("DELETE", "/api/connections/{id}", Owner, "a"),
    research("POST", "/api/reports", Owner, "sessionId"),
    research("POST", "/api/reports/job/{id}", Owner, "a"),
    research("POST", "/api/sessions/{id}/feedback", Owner, "text"),
    research("POST", "/api/sessions", Admin, "jobId"),
    research("POST", "/api/admin/approvals", Admin, "jobId"),
    research("DELETE", "/api/admin/approvals/{id}", Admin, "a"),
    research("PATCH", "/api/admin/organizations/{id}", Admin, "a"),
    research("PATCH", "/api/admin/users/{id}", Admin, "a"),
    research("POST", "/api/admin/quiz", Admin, "questions"),
    research("POST", "/api/sessions/{id}/pause", Tester, "a"),
    research("POST", "/api/sessions/{id}/resume", Tester, "a"),
    research("POST", "/api/sessions/{id}/complete", Tester, "a"),
    research("POST", "/api/sessions/{id}/analyze", Owner, "a"),
    research("POST", "/api/sessions/{id}/confirm", Tester, "a"),
    research("POST", "/api/jobs/{id}/close", Owner, "a"),
    research("POST", "/api/outreach/{id}/approve", Owner, "a"),
    research("POST", "/api/outreach/{id}/edit", Owner, "body"),
    research("POST", "/api/proposals", Owner, "testerIds"),
    research("POST", "/api/proposals/{id}/accept", Tester, "a"),
    research("POST", "/api/proposals/{id}/decline", Tester, "a"),
    research("DELETE", "/api/jobs/{id}", Owner, "a"),
    research("DELETE", "/api/me/consents/{kind}", Tester, "a"),
    research("POST", "/api/auth/sign-out", Tester, "a"),
    research("POST", "/api/me/erasure", Tester, "confirm"),
    research("DELETE", "/api/me/erasure", Tester, "a"),
];

impl Endpoint {
    fn length(&self) -> usize {
        match self.api {
            Api::Outset => OUTSET,
            Api::Outsend if self.method == "POST" && self.resource.starts_with("/api/jobs") => OUTSEND_JOBS,
            Api::Outsend if self.method == "POST" && self.resource == "/api/pipelines" => OUTSEND_JOBS,
            Api::Outsend => OUTSEND,
            Api::OpenScouter => OPENSCOUTER,
        }
    }

    fn is_form(&self) -> bool {
        let oauth = matches!(self.resource, "/api/oauth/token" | "/api/oauth/revoke" | "/api/oauth/authorize");
        // a page's, where the functions are not Outset's
        oauth || (self.api != Api::Outset && !self.resource.starts_with("/api/"))
    }

    /// Whether an answer's status says that the body was looked at.
    pub(super) fn admits(&self, status: u64) -> bool {
        // who signs out has no credential any more
        self.who == Nobody || self.resource.ends_with("/sign-out") || !matches!(status, 401 | 403 | 405 | 429)
    }

    /// Its worst bodies, each as long as it may be; and one that is longer, as long as a function's event may be.
    pub(super) fn bodies(&self, places: &Places) -> Vec<(&'static str, Vec<u8>)> {
        let length = self.length();
        let mut bodies =
            if self.is_form() { shapes::form(self.field, length) } else { shapes::json(self.field, length) };
        let beyond = bodies.first().map(|(_, body)| body.repeat(OUTSEND_JOBS / body.len()));
        bodies.extend(beyond.filter(|_| length < OUTSEND_JOBS).map(|body| ("too long", body)));
        match self.resource {
            "/api/jobs/{job}" if self.api == Api::Outsend && self.method == "POST" => {
                bodies.extend(tables().into_iter().map(|(name, body, _)| (name, body.into_bytes())));
            }
            "/api/data/events" => bodies.push(("clicks", places.clicks())),
            "/api/data/facial" => bodies.push(("units", places.units(length))),
            "/api/webhooks/{source}" => bodies.push(("events", events(length))),
            _ => {}
        }
        bodies
    }
}

/// A hundred events with much data each.
fn events(length: usize) -> Vec<u8> {
    let text = "x".repeat(length / 100 - 80);
    let event = |id: usize| format!("{{\"id\":\"{id}\",\"type\":\"t\",\"data\":{{\"t\":\"{text}\"}}}}");
    format!("[{}]", (0..100).map(event).collect::<Vec<_>>().join(",")).into_bytes()
}

/// A system for each dialect, and what is in it.
pub(super) struct Places {
    outset: (Bench, Fixture),
    outsend: World,
    team: Team,
    study: String,
    session: String,
    /// The three systems as the process sees them that is measured.
    measured: [Bench; 3],
}

impl Places {
    pub(super) fn new(meter: &Meter) -> Self {
        meter.there(async {
            let bench = Bench::start().await.unwrap();
            let fixture = bench.fixture().await.unwrap();
            // payments and messages reach stubs
            let (_, mut variables) = Stripe::start().await;
            variables.extend(Telegram::start().await.1);
            variables.push(("OUTSCOUT_WEBHOOK_SECRETS", r#"{"ci":"of the ci"}"#.to_owned()));
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let team = Team::over(Bench::with(&variables).await.unwrap()).await;
            let study = team.study(&json!({})).await;
            team.approve(&study).await;
            let session = team.session(&study).await;
            let outsend = World::start().await;
            let measured = [bench.another_process(), outsend.bench.another_process(), team.bench.another_process()];
            Self { outset: (bench, fixture), outsend, team, study, session, measured }
        })
    }

    /// What the sender of an endpoint's bodies shows.
    pub(super) fn headers(&self, meter: &Meter, one: &Endpoint) -> Vec<(&'static str, String)> {
        let signed_in = |name: &str| {
            self.team.bench.advance(Duration::minutes(1));
            ("authorization", meter.there(bearer(&self.team.bench, &format!("{name}@example.com"))))
        };
        let credential = match one.who {
            Nobody => None,
            Key => Some(("authorization", format!("Api-Key {}", self.outset.1.full))),
            Account => {
                self.outsend.bench.advance(Duration::minutes(15));
                Some(("cookie", meter.there(log_in(&self.outsend.bench, "ada@example.com", PASSWORD))))
            }
            Owner => Some(signed_in("dana")),
            Assistant => {
                self.team.bench.advance(Duration::minutes(1));
                let connected = async {
                    let owner = user(&self.team.bench, "dana@example.com").await;
                    connected_for_mcp(&self.team.bench, &owner).await
                };
                Some(("authorization", meter.there(connected)))
            }
            Admin => Some(signed_in("ann")),
            Tester => Some(signed_in("tess")),
            Source => Some(("x-webhook-secret", "of the ci".to_owned())),
            Scheduler => Some(("authorization", "Bearer of-the-scheduler".to_owned())),
        };
        let media = if one.is_form() { "application/x-www-form-urlencoded" } else { "application/json" };
        std::iter::once(("content-type", media.to_owned())).chain(credential).collect()
    }

    /// A path of an endpoint that leads to something, where there is something.
    pub(super) fn path(&self, one: &Endpoint) -> String {
        let id = match one.resource {
            "/v1/studies/{id}" => "0b5e7c1a-4d2f-4e8c-9a6b-000000000001",
            path if path.starts_with("/api/sessions/{id}") => &self.session,
            path if path.starts_with("/api/jobs/{id}") || path.starts_with("/api/reports/job/{id}") => &self.study,
            path if path.starts_with("/api/admin/users") => "user_01k8ybdf00e8nrtzq2qw3d80n2",
            _ => "org_01k8ybdf00e8nrtzq2qw3d80n2",
        };
        let job = if one.method == "POST" { "verify-emails" } else { "j_01KSMB92NRM7N8P9Q0R1S2T3V4" };
        let path = one.resource.replace("{id}", id);
        let path = if one.api == Api::Outset { path + "/" } else { path };
        [
            ("{job}", if one.api == Api::OpenScouter { "retention" } else { job }),
            ("{slug}", "reviews"),
            ("{thread}", "fb_01KSMHEQW0F1E2D3B4A5C6G7H8"),
            ("{session}", "s"),
            ("{pipeline}", "5b1d1f0e-3c55-4e0a-9d7b-2f6a0c9e4b11"),
        ]
        .into_iter()
        .chain([("{key_id}", "key_01KSMB93N0P1P2E3N4D5E6Q7R8"), ("{source}", "ci"), ("{kind}", "testing")])
        .chain([("{veille}", "1")])
        .fold(path, |path, (name, value)| path.replace(name, value))
    }

    /// Sends a body when nothing counts any more that was sent before.
    pub(super) fn ask(
        &self,
        meter: &Meter,
        one: &Endpoint,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Spent {
        let bench = &self.measured[one.api as usize];
        bench.advance(if matches!(one.who, Nobody | Account) { Duration::minutes(61) } else { Duration::seconds(61) });
        meter.ask(bench, one.api, one.method, path, headers, body)
    }

    /// Five hundred clicks.
    fn clicks(&self) -> Vec<u8> {
        let items: Vec<_> = (0..500).map(|_| ingestion::click(&self.team, ",\"url\":\"https://a.test/x?y\"")).collect();
        ingestion::batch(&self.session, &items).into_bytes()
    }

    /// Snapshots with as many action units as fit.
    fn units(&self, length: usize) -> Vec<u8> {
        let units: Vec<_> = (0..length / 12).map(|unit| format!("\"{unit:x}\":0")).collect();
        let item = format!(
            "{{\"timestamp\":\"{}\",\"faceDetected\":false,\"actionUnits\":{{{}}}}}",
            self.team.at(0),
            units.join(",")
        );
        ingestion::batch(&self.session, &[item]).into_bytes()
    }
}
