//! Jobs over the embedded engine (outsend 7-10, 12.2, 12.5, 12.17, 12.18, 13).

mod chain;
mod crash;
mod events;
mod hostile;
mod lanes;
mod lifecycle;
mod wire;

use std::sync::Arc;

use engine::Module;
use harness::{Answer, Bench, dns};
use local::template::Templates;
use serde_json::{Value, json};
use shared::{
    context::Context,
    lambda::{Function, Reply},
    model::{Account, Email, Job, JobId, JobInput},
    store::{Creation, JobParameters, NewJob},
};
use time::Duration;

use crate::outsend::{cookie, sign_up_body};

/// A bench with a name server and a user.
pub(crate) struct World {
    pub(crate) bench: Arc<Bench>,
    pub(crate) session: String,
    /// Outlives the session, which the clock's leaps end.
    pub(crate) key: String,
    pub(crate) account: Account,
}

fn routed(method: &str, path: &str) -> &'static dyn Function {
    let routes = Templates::embedded().unwrap().outsend.routes;
    let path = path.split('?').next().unwrap();
    let found = local::routing::find(&routes, method, path).unwrap();
    local::functions::ALL.into_iter().find(|known| known.name() == found.function).unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let server = dns::start().await.unwrap().to_string();
        let variables: Vec<_> = variables.iter().copied().chain([("OUTSCOUT_DNS_SERVER", server.as_str())]).collect();
        Self::of(Arc::new(Bench::with(&variables).await.unwrap()), "ada@example.com").await
    }

    /// Another user of the same bench.
    pub(crate) async fn other(&self, email: &str) -> Self {
        Self::of(Arc::clone(&self.bench), email).await
    }

    async fn of(bench: Arc<Bench>, email: &str) -> Self {
        let body = sign_up_body(email).to_string();
        let answer = bench.send(routed("POST", "/api/auth/signup"), "POST", "/api/auth/signup", &[], body.as_bytes());
        let session = cookie(&answer.await.unwrap());
        let store = bench.context.store();
        let account = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap();
        let mut user = account.user.clone();
        user.verified = true;
        assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
        let account = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap();
        let headers = [("cookie", session.as_str())];
        let body = br#"{"name":"test"}"#;
        let answer = bench.send(routed("POST", "/api/api-keys"), "POST", "/api/api-keys", &headers, body);
        let key = answer.await.unwrap().json()["key"].as_str().unwrap().to_owned();
        Self { bench, session, key, account }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.bench.send(routed(method, path), method, path, headers, body.as_bytes()).await.unwrap();
        assert!(answer.status < 500 || answer.status == 503, "{method} {path}: {}", answer.body);
        assert!(answer.header("x-request-id").len() >= 8);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[("x-api-key", &self.key)], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &[("x-api-key", &self.key)], &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[("x-api-key", &self.key)], "").await
    }

    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut all = vec![("x-api-key", self.key.as_str())];
        all.extend_from_slice(headers);
        self.bench.reply(routed("GET", path), "GET", path, &all, b"").await.unwrap()
    }

    /// A verification job over addresses.
    pub(crate) async fn verification(&self, addresses: &[&str]) -> String {
        let items: Vec<_> = addresses.iter().map(|address| json!({"email": address})).collect();
        let answer = self.post("/api/jobs/verify-emails", &json!({"items": items})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Puts a job there that only a pipeline makes.
    pub(crate) async fn create(&self, module: Module, options: Value, source: Option<&Job>) -> Job {
        create(&self.bench.context, &self.account, module, options, source).await
    }

    pub(crate) async fn job(&self, id: &str) -> Job {
        self.bench.context.store().any_job(JobId::parse(id).unwrap()).await.unwrap().unwrap()
    }

    pub(crate) async fn background(&self, function: &'static dyn Function, event: &Value) {
        self.bench.invoke(function, event.to_string().into()).await.unwrap();
    }

    /// Lets the reactor look at both lanes.
    pub(crate) async fn react(&self) {
        let record =
            |lane: &str| json!({"dynamodb": {"Keys": {"pk": {"S": format!("LANE#{lane}")}, "sk": {"S": "LANE"}}}});
        let event = json!({"Records": [record("parallel"), record("serial"), record("parallel")]});
        self.background(&background_reactor::FUNCTION, &event).await;
    }

    /// Does what is due until nothing is.
    pub(crate) async fn settle(&self) {
        for _ in 0..400 {
            self.background(&background_work::FUNCTION, &json!({})).await;
            let far = self.bench.context.clock().now() + Duration::hours(1);
            if self.bench.context.store().due_work(far).await.unwrap().is_empty() {
                return;
            }
            self.bench.advance(Duration::seconds(1));
        }
        unreachable!("work does not end");
    }

    /// All rows of a job, page by page.
    pub(crate) async fn rows(&self, id: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        loop {
            let answer = self.get(&format!("/api/jobs/{id}/items?limit=1000&offset={}", rows.len())).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let page = answer.json()["items"].as_array().unwrap().clone();
            if page.is_empty() {
                assert_eq!(answer.json()["total"], rows.len());
                return rows;
            }
            rows.extend(page);
            self.bench.advance(Duration::seconds(1));
        }
    }
}

pub(crate) fn new_job(account: &Account, module: Module, now: time::OffsetDateTime) -> Job {
    Job::new(JobId::at(now).unwrap(), &account.user, module, now, Duration::days(30))
}

/// Puts a job there that only a pipeline makes.
pub(crate) async fn create(
    context: &Context,
    account: &Account,
    module: Module,
    options: Value,
    source: Option<&Job>,
) -> Job {
    let now = context.clock().now();
    let options = options.as_object().unwrap().clone();
    let store = context.store();
    let columns = match source {
        Some(source) => store.job_parameters(source.id).await.unwrap().unwrap().columns,
        None => Vec::new(),
    };
    let mut job = new_job(account, module, now);
    let mut parameters = JobParameters { options, input_columns: columns.clone(), columns };
    let (mut text, mut log) = (None, Vec::new());
    match source {
        Some(source) => {
            job.source = Some(source.id);
            job.input = JobInput::Of(source.id);
            job.planned = Some(source.results);
        }
        None => {
            job.input = JobInput::Text;
            if let Some(pasted) = parameters.options.remove("text") {
                let found = engine::import::discover(pasted.as_str().unwrap().as_bytes().to_vec()).unwrap();
                job.planned = Some(found.planned);
                job.log_last = 1;
                job.breakdown.insert("import".to_owned(), found.notice);
                parameters.columns = found.columns;
                text = Some(found.text);
                log.push(shared::store::LogLine::at(found.line, now));
            }
        }
    }
    let new = NewJob { job, parameters, rows: Vec::new(), text, log, resumes: None };
    let created = store.create_job(&new, account.organization.plan).await.unwrap();
    assert_eq!(created, Creation::Created);
    new.job
}
