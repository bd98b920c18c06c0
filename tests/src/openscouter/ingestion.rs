//! Batches of what a running session shows (openscouter 11).

use serde_json::{Value, json};
use shared::model::{IngestedStream, TestSessionId};

use super::{data, send, team::Team};
use crate::Answer;

/// A team with a session that runs.
pub async fn begun() -> (Team, String) {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    (team, session)
}

/// Sends a body as it is.
pub async fn post_batch(team: &Team, stream: &str, credential: &str, body: &str) -> Answer {
    team.bench.advance(time::Duration::seconds(1));
    let headers = [("authorization", credential), ("content-type", "application/json")];
    send(&team.bench, "POST", &format!("/api/data/{stream}"), &headers, body).await
}

/// A click as a client sends it, with more members behind.
pub fn click(team: &Team, more: &str) -> String {
    let at = team.at(0);
    format!(r##"{{"eventType":"click","targetSelector":"#pay","timestamp":"{at}"{more}}}"##)
}

/// The body of a batch.
pub fn batch(session: &str, items: &[String]) -> String {
    format!(r#"{{"sessionId":"{session}","batch":[{}]}}"#, items.join(","))
}

/// The reasons of an answer, with their places.
pub fn reasons(answer: &Answer) -> Vec<(u64, String)> {
    let rejections = data(answer)["rejections"].as_array().unwrap().clone();
    rejections.iter().map(|one| (one["index"].as_u64().unwrap(), one["reason"].as_str().unwrap().to_owned())).collect()
}

/// What is kept of a stream.
pub async fn kept(team: &Team, session: &str, stream: IngestedStream) -> Vec<Value> {
    let id = TestSessionId::from_wire(session).unwrap();
    let batches = team.bench.context.store().ingested(id, stream).await.unwrap();
    batches.iter().flat_map(|batch| serde_json::from_slice::<Vec<Value>>(batch).unwrap()).collect()
}
