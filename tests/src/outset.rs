//! The contract's fixture, as Outset's clients ask for it.

use std::collections::BTreeMap;

use local::server::Server;
use serde_json::Value;
use shared::{lambda::Function, model::Plan};

use crate::{
    Answer, Bench, Failure, Fixture,
    cost::{Cost, measured},
    fixture_study, http, log, serving,
};

/// `GET /v1/studies/`.
pub const LIST: &'static dyn Function = &outset_studies_list::FUNCTION;

/// `GET /v1/studies/:id/`.
pub const RETRIEVE: &'static dyn Function = &outset_studies_retrieve::FUNCTION;

/// `PATCH /v1/studies/:id/`.
pub const UPDATE: &'static dyn Function = &outset_studies_update::FUNCTION;

/// `GET /v1/schema/`.
pub const SCHEMA: &'static dyn Function = &outset_schema_retrieve::FUNCTION;

/// `GET …/start/`.
pub const START: &'static dyn Function = &outset_participant_start::FUNCTION;

/// `GET …/complete/`.
pub const COMPLETE: &'static dyn Function = &outset_participant_complete::FUNCTION;

/// A paused study of the fixture.
pub const S01: &str = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001/";

/// An open study of the fixture.
pub const S02: &str = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/";

/// The path of a study of the fixture.
pub fn study(number: u8) -> String {
    format!("/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-0000000000{number:02}/")
}

/// A bench with the fixture.
#[derive(Debug)]
pub struct World {
    /// The bench.
    pub bench: Bench,
    /// The fixture.
    pub fixture: Fixture,
}

impl World {
    /// A bench on which who sends no key is not counted.
    pub async fn new() -> Self {
        let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]).await.unwrap();
        let fixture = bench.fixture().await.unwrap();
        Self { bench, fixture }
    }

    /// A GET with the full key.
    pub async fn get(&self, function: &'static dyn Function, url: &str) -> Answer {
        self.with(function, "GET", url, &[], "").await
    }

    /// A request with the full key.
    pub async fn with(
        &self,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let key = format!("Api-Key {}", self.fixture.full);
        let mut all = vec![("authorization", key.as_str())];
        all.extend_from_slice(headers);
        self.bench.send(function, method, url, &all, body.as_bytes()).await.unwrap()
    }

    /// A change with the full key.
    pub async fn patch(&self, url: &str, body: &str) -> Answer {
        self.with(UPDATE, "PATCH", url, &[("content-type", "application/json")], body).await
    }

    /// A request without a key of its own.
    pub async fn open(
        &self,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.bench.send(function, method, url, headers, b"").await.unwrap()
    }
}

/// The whole local system, over HTTP.
#[derive(Debug)]
pub struct Served {
    /// The system.
    pub server: Server,
    /// The `Authorization` of the full key.
    pub key: String,
}

impl Served {
    /// A system with the fixture.
    pub async fn new(variables: &[(&str, &str)]) -> Self {
        let server = Server::start(serving(variables), log().clone()).await.unwrap();
        let organization = local::people::create_organization(&server.context, "fixture", Plan::Free).await.unwrap();
        let studies: Vec<_> = (0..25).map(|number| fixture_study(organization.id, number).unwrap()).collect();
        server.context.store().create_studies(&studies).await.unwrap();
        let (_, key) = local::people::create_key(&server.context, &organization, "test", &[], None).await.unwrap();
        Self { server, key: format!("Api-Key {}", key.reveal()) }
    }

    /// Variables that lift the limits.
    pub fn unlimited() -> [(&'static str, &'static str); 2] {
        [("OUTSCOUT_OUTSET_LIMIT_FREE", "0"), ("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0")]
    }

    /// Sends a request with the full key.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, Failure> {
        let mut all = vec![("Authorization", self.key.as_str()), ("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        http::send(&self.server.outset, method, path, &all, body.as_bytes()).await
    }

    /// How often each status came.
    pub fn statuses(answers: Vec<Result<Answer, Failure>>) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for answer in answers {
            *counts.entry(answer.unwrap().status).or_default() += 1;
        }
        counts
    }

    /// Each list's count must equal its members, and the lists must agree with the studies.
    pub async fn assert_lists_whole(&self) {
        for query in ["", "active=true", "active=false", "status=open", "status=paused", "status=in_progress"] {
            let answer = self.send("GET", &format!("/v1/studies/?page_size=100&{query}"), &[], "").await.unwrap();
            let page: Value = serde_json::from_str(&answer.body).unwrap();
            let members = page["results"].as_array().unwrap();
            assert_eq!(page["count"], members.len(), "{query}");
            for study in members {
                let status = study["status"].as_str().unwrap();
                let active = study["active"].to_string();
                let belongs =
                    query.is_empty() || query == format!("status={status}") || query == format!("active={active}");
                assert!(belongs, "{query}: {study}");
            }
        }
    }
}

/// An error's envelope.
pub fn error(field: &str, code: &str, detail: &str) -> String {
    format!(r#"{{"status":"error","errors":[{{"field":{field},"detail":"{detail}","code":"{code}"}}]}}"#)
}

/// What a request with a key cost, and its status; a change sets the completion's address.
pub async fn cost(bench: &Bench, function: &'static dyn Function, method: &str, url: &str, key: &str) -> (u64, Cost) {
    let authorization = format!("Api-Key {key}");
    let (answer, cost) = measured(async |id| {
        let headers =
            [("authorization", authorization.as_str()), ("x-request-id", id), ("content-type", "application/json")];
        let body = br#"{"completion_url":"https://a.test/"}"#;
        bench.send(function, method, url, &headers, body).await.unwrap()
    })
    .await;
    (answer.status, cost)
}
