//! Everything that takes a body, over the real handlers: each route with a caller who may call it, in a world where what
//! the path and the sample body name is there.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use harness::{
    Answer, Bench, Failure,
    functions::{Api, named},
    openscouter::{
        oauth::connected_for_mcp,
        person,
        stripe::Stripe,
        studies::{body, draft},
        team::Team,
        telegram::{SECRET, Telegram},
        user,
    },
    outsend::{jobs, pipelines::chain},
    outset, read,
};
use serde_json::{Map, Value, json};
use shared::{
    http::query::Query,
    model::{EventName, Role, Webhook},
    ulid,
};

const WEBHOOKS: &str = r#"{"ci":"of the ci"}"#;

/// Forms that pages send: API, function, path, body.
const PAGES: [(Api, &str, &str, &str); 4] = [
    (
        Api::OpenScouter,
        "openscouter-auth-sign-up",
        "/sign-up",
        "role=business&email=zo%C3%A9%40example.com&password=long+enough+phrase&fullName=Z&companyName=Z",
    ),
    (Api::OpenScouter, "openscouter-auth-sign-in", "/sign-in", "email=dana%40example.com&password=x&next=%2Fhome"),
    (
        Api::Outsend,
        "outsend-auth-signup",
        "/sign-up",
        "email=z%40example.com&password=long+enough+1&accept_responsibility=yes",
    ),
    (
        Api::Outsend,
        "outsend-auth-password-reset",
        "/reset-password",
        "token=x&new_password=long+enough+1&revoke_credentials=yes",
    ),
];

/// A request that a route answers.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) api: Api,
    pub(crate) function: &'static str,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The world of the samples.
pub(crate) struct Surface {
    team: Team,
    jobs: jobs::World,
    outset: outset::World,
    pub(crate) samples: Vec<Sample>,
}

/// The event of a request from an address.
fn event(sample: &Sample, address: &str) -> Bytes {
    let (path, query) = sample.url.split_once('?').unwrap_or((&sample.url, ""));
    let mut parameters = Map::new();
    for (name, value) in Query::parse(query).pairs() {
        let values = parameters.entry(name.clone()).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(json!(value));
    }
    let mut headers = Map::new();
    let always = [("host", "api.test"), ("x-forwarded-proto", "https")];
    let given = sample.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in always.into_iter().chain(given) {
        let values = headers.entry(name.to_lowercase()).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(json!(value));
    }
    let routes = harness::functions::routes(sample.api);
    let found = local::routing::find(routes, &sample.method, path).map(|found| found.parameters);
    let event = json!({
        "httpMethod": sample.method, "path": path, "pathParameters": found.unwrap_or_default(),
        "multiValueHeaders": headers, "multiValueQueryStringParameters": parameters,
        "body": STANDARD.encode(&sample.body), "isBase64Encoded": true,
        "requestContext": {"path": path, "httpMethod": sample.method, "identity": {"sourceIp": address}},
    });
    Bytes::from(event.to_string())
}

/// The ids that stand for those of the sample events.
struct Ids {
    draft: String,
    study: String,
    session: String,
    tester: String,
    other: String,
    organization: String,
    at: String,
}

impl Ids {
    /// A path as the world has it: the sample's id stands for whatever the resource needs.
    fn path(&self, path: &str) -> String {
        let id = match path.split('/').nth(2).unwrap_or_default() {
            "jobs" => &self.draft,
            "reports" => &self.study,
            "sessions" => &self.session,
            _ if path.contains("/users/") => &self.other,
            _ => &self.organization,
        };
        path.replace("tok_01kjprzb00eq2a50h7skvsvvnv", id)
    }

    /// A body as the world has it.
    fn body(&self, body: &str) -> String {
        let mut body = replaced(body, "job_", &self.study);
        body = replaced(&body, "sess_", &self.session);
        body = replaced(&body, "user_", &self.tester);
        replaced(&body, "2026-", &self.at)
    }
}

/// A JSON text with every string that begins with `prefix` replaced.
fn replaced(text: &str, prefix: &str, by: &str) -> String {
    let prefix = format!("\"{prefix}");
    let mut parts = text.split(&prefix);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('"').unwrap();
        made.push_str(&format!("\"{by}\"{rest}"));
    }
    made
}

impl Surface {
    /// A new world.
    pub(crate) async fn start() -> Self {
        let ((_, stripe), (_, telegram)) = (Stripe::start().await, Telegram::start().await);
        let mut variables: Vec<_> =
            stripe.iter().chain(&telegram).map(|(name, value)| (*name, value.as_str())).collect();
        variables.retain(|(name, _)| *name != "OUTSCOUT_CRON_SECRET");
        variables.extend([("OUTSCOUT_WEBHOOK_SECRETS", WEBHOOKS), ("OUTSCOUT_CRON_SECRET", "of the scheduler")]);
        let team = Team::over(Bench::with(&variables).await.unwrap()).await;
        let (jobs, outset) = (jobs::World::start().await, outset::World::new().await);
        let (_, path) = draft(&team, &body()).await;
        let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 5}})).await;
        team.approve(&study).await;
        let session = team.session(&study).await;
        let other = person(&team.bench, Role::Tester, "otto@example.com").await;
        let ids = Ids {
            draft: path.rsplit('/').next().unwrap().to_owned(),
            study,
            session,
            tester: team.user.id.wire(),
            organization: other.organization.wire(),
            other: other.id.wire(),
            at: team.at(0),
        };
        let mut world = Self { team, jobs, outset, samples: Vec::new() };
        world.samples = world.all(&ids).await;
        world
    }

    /// The bench that an API's samples are for.
    pub(crate) fn bench(&self, api: Api) -> &Bench {
        match api {
            Api::Outset => &self.outset.bench,
            Api::Outsend => &self.jobs.bench,
            Api::OpenScouter => &self.team.bench,
        }
    }

    /// Sends a request, a second after the last one and from an address of its own: what is counted is not the question.
    pub(crate) async fn send(&self, sample: &Sample) -> Result<Answer, Failure> {
        static SENT: AtomicU32 = AtomicU32::new(0);
        let [_, b, c, d] = SENT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let bench = self.bench(sample.api);
        bench.advance(time::Duration::seconds(1));
        read(bench.invoke(named(sample.function), event(sample, &format!("10.{b}.{c}.{d}"))).await?).await
    }

    /// A sample of each POST, PUT and PATCH, with a caller who may.
    async fn all(&self, ids: &Ids) -> Vec<Sample> {
        let mut all = Vec::new();
        let opened = self.jobs.post("/api/feedback", &json!({"subject": "Export", "message": "Add ODS"})).await;
        let thread = opened.json()["id"].as_str().unwrap().to_owned();
        let pipeline = self.monitored().await;
        let hook = self.webhook().await;
        for function in local::functions::ALL {
            let file = format!("{}/../events/{}.json", env!("CARGO_MANIFEST_DIR"), function.name());
            let sample: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let method = sample["httpMethod"].as_str().unwrap_or_default().to_owned();
            if !matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
                continue;
            }
            let path = sample["path"].as_str().unwrap();
            let body =
                String::from_utf8(STANDARD.decode(sample["body"].as_str().unwrap_or_default()).unwrap()).unwrap();
            let form = path.starts_with("/api/oauth") && !path.ends_with("register");
            let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
            let (api, _) = function.name().split_once('-').unwrap();
            let api = match api {
                "outset" => Api::Outset,
                "outsend" => Api::Outsend,
                _ => Api::OpenScouter,
            };
            let sample = Sample {
                api,
                function: function.name(),
                method,
                url: match api {
                    Api::OpenScouter => ids.path(path),
                    // one that is there, but is sent nothing
                    _ if path.ends_with("/x/redeliver") => path.replace("/webhooks/x/", &format!("/webhooks/{hook}/")),
                    _ => {
                        path.replace("/feedback/x/", &format!("/feedback/{thread}/")).replace("/veille/x", "/veille/1")
                    }
                },
                headers: vec![("content-type".to_owned(), media.to_owned())],
                body: match api {
                    Api::OpenScouter => ids.body(&body),
                    _ => replaced(&body, "5b1d1f0e-", &pipeline),
                }
                .into_bytes(),
            };
            all.push(self.called(sample).await);
        }
        all.extend(self.more());
        assert!(all.len() > 55, "{}", all.len());
        all
    }

    /// A pipeline that ran, and the first veille, which is of it.
    async fn monitored(&self) -> String {
        let made = self.jobs.pipeline(chain(9)).await;
        self.jobs.settle().await;
        let pipeline = made["id"].as_str().unwrap().to_owned();
        let body = json!({"name": "Dentists", "source_pipeline_id": pipeline, "frequency_days": 7}).to_string();
        let sample = Sample {
            api: Api::Outsend,
            function: "outsend-veille-create",
            method: "POST".to_owned(),
            url: "/api/veille".to_owned(),
            headers: vec![("x-api-key".to_owned(), self.jobs.key.clone())],
            body: body.into_bytes(),
        };
        self.send(&sample).await.unwrap();
        pipeline
    }

    /// A webhook to which nothing was sent yet.
    async fn webhook(&self) -> String {
        let now = self.jobs.bench.context.clock().now();
        let webhook = Webhook {
            id: format!("wh_{}", ulid::generate(now).unwrap()),
            url: "https://hooks.example.com/o".to_owned(),
            events: vec![EventName::PipelineFailed],
            active: true,
            disabled_reason: None,
            created_at: now,
            last_delivery_at: None,
            last_status_code: None,
            failing_since: None,
            slow: false,
        };
        let (store, user) = (self.jobs.bench.context.store(), self.jobs.account.user.id);
        assert!(store.create_webhook(user, &webhook, "sixteen letters.", 5).await.unwrap());
        webhook.id
    }

    /// The sample with the first of the world's credentials that its route takes.
    async fn called(&self, sample: Sample) -> Sample {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let candidates = match sample.api {
            Api::Outset => vec![own("authorization", &format!("Api-Key {}", self.outset.fixture.full))],
            Api::Outsend if sample.url.contains("/auth/") => vec![own("cookie", &self.jobs.session)],
            Api::Outsend => vec![own("x-api-key", &self.jobs.key)],
            Api::OpenScouter if sample.url.contains("/webhooks/") => vec![own("x-webhook-secret", "of the ci")],
            Api::OpenScouter if sample.url == "/api/telegram/webhook" => vec![own("x-webhook-secret", SECRET)],
            Api::OpenScouter if sample.url.contains("/cron/") => vec![own("authorization", "Bearer of the scheduler")],
            Api::OpenScouter if sample.url.contains("/auth/") || sample.url.contains("/oauth/") => return sample,
            Api::OpenScouter if sample.url.starts_with("/api/mcp") => {
                let owner = user(&self.team.bench, "dana@example.com").await;
                vec![own("authorization", &connected_for_mcp(&self.team.bench, &owner).await)]
            }
            Api::OpenScouter => {
                let team = &self.team;
                [&team.tester, &team.owner, &team.admin].map(|value| own("authorization", value)).to_vec()
            }
        };
        for candidate in &candidates {
            let mut tried = sample.clone();
            tried.headers.push(candidate.clone());
            // what is no JSON is refused before anything is changed, and behind the rights
            let broken = Sample { body: b"{".to_vec(), ..tried.clone() };
            if !matches!(self.send(&broken).await.unwrap().status, 401 | 403) {
                return tried;
            }
        }
        sample
    }

    /// Samples that no event stands for.
    fn more(&self) -> Vec<Sample> {
        let consent = Sample {
            api: Api::OpenScouter,
            function: "openscouter-oauth-authorize",
            method: "POST".to_owned(),
            url: "/api/oauth/authorize".to_owned(),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: b"transaction=x&email=dana%40example.com&password=long+enough+phrase".to_vec(),
        };
        let rows = Sample {
            api: Api::Outsend,
            function: "outsend-jobs-create",
            method: "POST".to_owned(),
            url: "/api/jobs/verify-emails".to_owned(),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("x-api-key".to_owned(), self.jobs.key.clone()),
            ],
            body: br#"{"items":[{"email":"a@b.fr","nom":"A","n":1,"l":["x",2]}]}"#.to_vec(),
        };
        let graph = br#"{"name":"A","definition":{"nodes":[{"id":"a","type":"import","config":{"text":"nom;note\nA;1"}},{"id":"b","type":"sort","params":{"top_n":2}}],"edges":[{"from":"a","to":"b"}]}}"#;
        let pipeline = Sample {
            function: "outsend-pipelines-create",
            url: "/api/pipelines".to_owned(),
            body: graph.to_vec(),
            ..rows.clone()
        };
        let page = |(api, function, path, body): (Api, &'static str, &str, &str)| Sample {
            api,
            function,
            method: "POST".to_owned(),
            url: path.to_owned(),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: body.as_bytes().to_vec(),
        };
        let mut samples = vec![consent, rows, pipeline];
        samples.extend(PAGES.into_iter().map(page));
        samples
    }

    /// The sample of a function.
    pub(crate) fn sample(&self, function: &str) -> Sample {
        self.samples.iter().find(|sample| sample.function == function).unwrap().clone()
    }
}

/// Whether a status says that the request broke something: all from 500 on, but for what is not built or not on.
pub(crate) fn broke(status: u64) -> bool {
    status >= 500 && status != 501 && status != 503
}
