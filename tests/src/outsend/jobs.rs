//! Jobs over the embedded engine (outsend 7-10, 12, 13).

use std::{collections::HashSet, sync::Arc};

use engine::Module;
use serde_json::{Value, json};
use shared::{
    context::Context,
    lambda::{Function, Reply},
    model::{Account, Email, Job, JobId, JobInput},
    store::{Creation, JobParameters, NewJob, PackedRows},
};
use time::Duration;

use crate::{
    Answer, Bench,
    cost::{Cost, measured},
    dns,
    functions::{Api, routed},
    meter::Meter,
    outsend::{cookie, sign_up_body},
};

/// A bench with a name server and a user.
#[derive(Debug)]
pub struct World {
    /// The bench.
    pub bench: Arc<Bench>,
    /// The cookie of the user's session.
    pub session: String,
    /// Outlives the session, which the clock's leaps end.
    pub key: String,
    /// The user.
    pub account: Account,
}

impl World {
    /// A bench with a name server and a user.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`World::start`], with variables of its own.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let server = dns::start().await.unwrap().to_string();
        let variables: Vec<_> = variables.iter().copied().chain([("OUTSCOUT_DNS_SERVER", server.as_str())]).collect();
        Self::of(Arc::new(Bench::with(&variables).await.unwrap()), "ada@example.com").await
    }

    /// As [`World::with`], with a meter that counts what the functions ask of the store. No faults, no policies.
    pub async fn metered(variables: &[(&str, &str)]) -> (Self, Meter) {
        let server = dns::start().await.unwrap().to_string();
        let variables: Vec<_> = variables.iter().copied().chain([("OUTSCOUT_DNS_SERVER", server.as_str())]).collect();
        let (bench, meter) = Bench::metered(&variables).await.unwrap();
        (Self::of(Arc::new(bench), "ada@example.com").await, meter)
    }

    /// Another user of the same bench.
    pub async fn other(&self, email: &str) -> Self {
        Self::of(Arc::clone(&self.bench), email).await
    }

    async fn of(bench: Arc<Bench>, email: &str) -> Self {
        let body = sign_up_body(email).to_string();
        let answer = bench.send(
            routed(Api::Outsend, "POST", "/api/auth/signup"),
            "POST",
            "/api/auth/signup",
            &[],
            body.as_bytes(),
        );
        let session = cookie(&answer.await.unwrap());
        let store = bench.context.store();
        let account = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap();
        let mut user = account.user.clone();
        user.verified = true;
        assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
        let account = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap();
        let headers = [("cookie", session.as_str())];
        let body = br#"{"name":"test"}"#;
        let answer = bench.send(routed(Api::Outsend, "POST", "/api/api-keys"), "POST", "/api/api-keys", &headers, body);
        let key = answer.await.unwrap().json()["key"].as_str().unwrap().to_owned();
        Self { bench, session, key, account }
    }

    /// Sends a request and checks what every answer has.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer =
            self.bench.send(routed(Api::Outsend, method, path), method, path, headers, body.as_bytes()).await.unwrap();
        assert!(answer.status < 500 || answer.status == 503, "{method} {path}: {}", answer.body);
        assert!(answer.header("x-request-id").len() >= 8);
        answer
    }

    /// A GET with the key.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[("x-api-key", &self.key)], "").await
    }

    /// A POST with the key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &[("x-api-key", &self.key)], &body.to_string()).await
    }

    /// A DELETE with the key.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[("x-api-key", &self.key)], "").await
    }

    /// A GET with the key, its answer as the function gives it.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut all = vec![("x-api-key", self.key.as_str())];
        all.extend_from_slice(headers);
        self.bench.reply(routed(Api::Outsend, "GET", path), "GET", path, &all, b"").await.unwrap()
    }

    /// A verification job over addresses.
    pub async fn verification(&self, addresses: &[&str]) -> String {
        let items: Vec<_> = addresses.iter().map(|address| json!({"email": address})).collect();
        let answer = self.post("/api/jobs/verify-emails", &json!({"items": items})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Puts a job there that only a pipeline makes.
    pub async fn create(&self, module: Module, options: Value, source: Option<&Job>) -> Job {
        create(&self.bench.context, &self.account, module, options, source).await
    }

    /// A job as it is stored.
    pub async fn job(&self, id: &str) -> Job {
        self.bench.context.store().any_job(JobId::parse(id).unwrap()).await.unwrap().unwrap()
    }

    /// Gives a background function an event.
    pub async fn background(&self, function: &'static dyn Function, event: &Value) {
        self.bench.insist(function, event.to_string().into()).await.unwrap();
    }

    /// Lets the reactor look at both lanes.
    pub async fn react(&self) {
        let record =
            |lane: &str| json!({"dynamodb": {"Keys": {"pk": {"S": format!("LANE#{lane}")}, "sk": {"S": "LANE"}}}});
        let event = json!({"Records": [record("parallel"), record("serial"), record("parallel")]});
        self.background(&background_reactor::FUNCTION, &event).await;
    }

    /// Does what is due by now, and not what is due later.
    pub async fn turn(&self) {
        for _ in 0..3 {
            self.react().await;
            self.background(&background_work::FUNCTION, &json!({})).await;
        }
    }

    /// Does what is due until nothing is.
    pub async fn settle(&self) {
        for _ in 0..400 {
            self.background(&background_work::FUNCTION, &json!({})).await;
            // what a child of a pipeline put into its lane
            self.react().await;
            let far = self.bench.context.clock().now() + Duration::hours(1);
            if self.bench.context.store().due_work(far).await.unwrap().is_empty() {
                return;
            }
            self.bench.advance(Duration::seconds(1));
        }
        unreachable!("work does not end");
    }

    /// All rows of a job, page by page.
    pub async fn rows(&self, id: &str) -> Vec<Value> {
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

    /// A verification job over so many addresses of seven sites.
    pub async fn verification_of(&self, count: usize) -> String {
        let addresses: Vec<_> = (0..count).map(|number| format!("user{number}@site{}.test", number % 7)).collect();
        self.verification(&addresses.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Everything that is stored of a job.
    pub async fn parts(&self, id: &str) -> Vec<String> {
        self.bench.left(&[&format!("JOB#{id}")]).await.unwrap()
    }

    /// What a GET with the key cost.
    pub async fn cost(&self, path: &str) -> Cost {
        let (answer, cost) = measured(async |id| {
            self.call("GET", path, &[("x-api-key", self.key.as_str()), ("x-request-id", id)], "").await
        })
        .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        cost
    }
}

/// A job that nobody has stored.
pub fn new_job(account: &Account, module: Module, now: time::OffsetDateTime) -> Job {
    Job::new(JobId::at(now).unwrap(), &account.user, module, now, Duration::days(30))
}

/// Puts a job there that only a pipeline makes.
pub async fn create(context: &Context, account: &Account, module: Module, options: Value, source: Option<&Job>) -> Job {
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
                job.log_last = found.lines.len() as u64;
                job.breakdown.insert("import".to_owned(), found.notice);
                parameters.columns = found.columns;
                text = Some(found.text);
                log.extend(found.lines.into_iter().map(|line| shared::store::LogLine::at(line, now)));
            }
        }
    }
    let new = NewJob { job, parameters, rows: PackedRows::default(), text, log, resumes: None };
    let created = store.create_job(&new, account.organization.plan).await.unwrap();
    assert_eq!(created, Creation::Created);
    new.job
}

/// A table that somebody could paste: 10,000 rows with a header of aliases.
pub fn table() -> (String, Vec<[String; 4]>) {
    let mut text = String::from("Name;E-mail;Note;Phone\n");
    let mut rows = Vec::new();
    for number in 0..10_000_u32 {
        let mixed = number.wrapping_mul(2_654_435_761);
        let domain = ["one.test", "null.test", "two.test", "nx.test", "mailinator.com", "gmial.com", "none.test"]
            [mixed as usize % 7];
        let address = if mixed % 11 == 0 { String::new() } else { format!("User{}@{domain}", mixed % 6_000) };
        let note = if mixed % 13 == 0 { String::new() } else { format!("{},{}", mixed % 5, mixed / 5 % 10) };
        let phone = if mixed % 3 == 0 {
            String::new()
        } else {
            format!("01 45 31 {:02} {:02}", mixed % 100, mixed / 100 % 100)
        };
        let row = [format!("Company {number}"), address, note, phone];
        text.push_str(&row.join(";"));
        text.push('\n');
        rows.push(row);
    }
    (text, rows)
}

/// What the four steps make of the table, in plain memory.
pub fn naive(rows: &[[String; 4]]) -> Vec<(String, String, String)> {
    let note = |row: &[String; 4]| row[2].replace(',', ".").parse::<f64>().ok();
    let mut kept: Vec<_> =
        rows.iter().filter(|row| !row[3].is_empty() && note(row).is_some_and(|note| note >= 1.0)).collect();
    kept.sort_by(|one, other| note(other).unwrap().total_cmp(&note(one).unwrap()));
    kept.truncate(4_000);
    let mut seen = HashSet::new();
    let usable = kept.into_iter().filter(|row| row[1].contains('@') && seen.insert(row[1].to_lowercase()));
    usable
        .map(|row| {
            let address = row[1].to_lowercase();
            let status = match address.split_once('@').unwrap().1 {
                "null.test" | "nx.test" | "none.test" => "invalid",
                "mailinator.com" | "gmial.com" => "risky",
                _ => "unknown",
            };
            (row[0].clone(), address, status.to_owned())
        })
        .collect()
}
