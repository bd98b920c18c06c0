//! A service in memory for the tests of those who ask it: what it answers, and what it was asked.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Call, Services};
use crate::{
    BoxFuture, Means, Module, Network, Run, Spec, Step,
    columns::rows::testing::Memory,
    web::{
        Answer, Missed,
        testing::{Alone, Shelf},
    },
};

type Told = Result<Answer, Missed>;

/// A service: for each path with its query the answers in turn, of which the last one stays.
#[derive(Default)]
pub(super) struct Desk {
    answers: Mutex<HashMap<String, VecDeque<Told>>>,
    asked: Mutex<Vec<(String, Instant)>>,
}

/// An answer with JSON.
pub(super) fn json(body: &Value) -> Told {
    Ok(Answer { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() })
}

/// An answer without a body.
pub(super) fn status(status: u16, retry_after: Option<&str>) -> Told {
    let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_owned())).into_iter().collect();
    Ok(Answer { status, headers, body: Vec::new() })
}

impl Desk {
    pub(super) fn put(&self, path: &str, answers: Vec<Told>) {
        self.answers.lock().unwrap().insert(path.to_owned(), answers.into());
    }

    /// The paths that were asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }

    /// When they were.
    pub(super) fn times(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().iter().map(|(_, time)| *time).collect()
    }
}

impl Network for Desk {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Told> {
        Box::pin(async move {
            let path = match call.url.query() {
                Some(query) => format!("{}?{query}", call.url.path()),
                None => call.url.path().to_owned(),
            };
            self.asked.lock().unwrap().push((path.clone(), Instant::now()));
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let mut answers = self.answers.lock().unwrap();
            match answers.get_mut(&path) {
                Some(left) if left.len() > 1 => left.pop_front().unwrap(),
                Some(left) => left[0].clone(),
                None => status(404, None),
            }
        })
    }
}

/// A run of a module over rows, from its begin.
pub(super) fn run(module: Module, input: &Arc<Memory>, desk: &Arc<Desk>, services: Services) -> Box<dyn Run> {
    let planned = Some(input.rows.len() as u64);
    let spec = Spec {
        module,
        options: Map::new(),
        planned,
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    super::start(&spec, input.clone(), means(desk, services)).unwrap()
}

/// What a run works with.
pub(super) fn means(desk: &Arc<Desk>, services: Services) -> Means {
    Means {
        network: desk.clone(),
        hosts: Arc::new(Alone::default()),
        services: Arc::new(services),
        assets: Arc::new(Shelf::default()),
    }
}

/// All steps of a run, in one.
pub(super) async fn whole(run: &mut dyn Run) -> Step {
    let mut all = Step::default();
    while let Some(step) = run.step().await.unwrap() {
        all.items += step.items;
        all.failed += step.failed;
        all.attempts += step.attempts;
        all.rows.extend(step.rows);
        all.log.extend(step.log);
    }
    all
}
