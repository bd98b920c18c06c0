//! Pipelines over the embedded engine (outsend 14).

use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{Account, JobId, NodeStatus, Pipeline, PipelineId, Trigger},
    outsend::pipelines::{advance, first_run, judge},
};

use super::jobs::World;

/// A definition of nodes, each an id, a type and a config, and of edges.
pub fn definition(nodes: &[(&str, &str, Value)], edges: &[(&str, &str)]) -> Value {
    let nodes: Vec<_> =
        nodes.iter().map(|(id, kind, config)| json!({"id": id, "type": kind, "config": config})).collect();
    let edges: Vec<_> = edges.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    json!({"nodes": nodes, "edges": edges})
}

/// The config of an import of rows with a name, a note and perhaps a telephone number.
pub fn pasted(rows: usize) -> Value {
    let mut text = String::from("Name;Note;Phone\n");
    for row in 0..rows {
        let phone = if row % 3 == 0 { "" } else { "01 45 31 20 10" };
        text.push_str(&format!("Company {row};{},{};{phone}\n", row % 5, row % 10));
    }
    json!({"source": "paste", "text": text})
}

/// An import, a filter and a sort, one after the other.
pub fn chain(rows: usize) -> Value {
    definition(
        &[
            ("in", "import", pasted(rows)),
            ("some", "filter", json!({"require_phone": true})),
            ("best", "sort", json!({"sort_by": "note", "top_n": 4})),
        ],
        &[("in", "some"), ("some", "best")],
    )
}

/// Twenty nodes: tables that can be read and one that cannot, filters that leave nothing, and branches.
pub fn twenty() -> Value {
    let sorted = |by: &str| json!({"sort_by": by, "top_n": 40});
    let mut nodes = vec![
        ("a", "import", pasted(300)),
        ("b", "import", pasted(50)),
        ("c", "import", json!({"source": "paste", "text": "\u{0}"})),
        ("lonely", "import", pasted(3)),
    ];
    let mut edges = Vec::new();
    for (from, id, kind, config) in [
        ("a", "a1", "filter", json!({"require_phone": true})),
        ("a1", "a2", "sort", sorted("note")),
        ("a2", "a3", "filter", json!({"rating_min": 3})),
        ("a3", "a4", "sort", sorted("completeness")),
        ("a1", "a5", "filter", json!({"sample_type": "pct", "sample_pct": 10, "sample_seed": 7})),
        ("a5", "a6", "sort", json!({})),
        ("a", "a7", "sort", json!({"direction": "asc", "sort_by": "note"})),
        ("a7", "a8", "filter", json!({"dedup_column": "rating"})),
        ("b", "b1", "filter", json!({"rating_min": 99})),
        ("b1", "b2", "sort", json!({})),
        ("b2", "b3", "filter", json!({})),
        ("b", "b4", "filter", json!({"nonsense": 1})),
        ("b4", "b5", "sort", sorted("completeness")),
        ("c", "c1", "filter", json!({})),
        ("c1", "c2", "sort", json!({})),
        ("b5", "b6", "filter", json!({"require_email": true})),
    ] {
        nodes.push((id, kind, config));
        edges.push((from, id));
    }
    definition(&nodes, &edges)
}

/// A run of which the node before an address check is done, with the results of `source`, without a visit of any
/// site.
pub async fn before_verification(context: &Context, account: &Account, source: JobId) -> PipelineId {
    let (store, now) = (context.store(), context.clock().now());
    let graph = definition(
        &[("a", "import", pasted(1)), ("b", "emails", json!({})), ("c", "verify", json!({})), ("d", "sort", json!({}))],
        &[("a", "b"), ("b", "c"), ("c", "d")],
    );
    let id = PipelineId::generate();
    let pipeline = Pipeline {
        id,
        user: account.user.id,
        name: "checked".to_owned(),
        created_at: now,
        runs: 1,
        active: vec![1],
        veilles: Vec::new(),
        version: 1,
    };
    let mut run = first_run(id, account, &judge(&graph).unwrap(), Trigger::Manual, now).unwrap();
    run.nodes[1].status = NodeStatus::Done;
    (run.nodes[1].job, run.nodes[1].made) = (Some(source), true);
    store.create_pipeline(&pipeline, &run, &graph.to_string()).await.unwrap();
    advance(context, &engine::Rules, id, 1).await.unwrap();
    id
}

impl World {
    /// A pipeline that was just created.
    pub async fn pipeline(&self, definition: Value) -> Value {
        let answer = self.post("/api/pipelines", &json!({"name": "Test", "definition": definition})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// A pipeline as it is now.
    pub async fn pipeline_now(&self, id: &Value) -> Value {
        let answer = self.get(&format!("/api/pipelines/{}", id.as_str().unwrap())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

/// What became of a run's nodes, without what differs from run to run.
pub fn outcome(pipeline: &Value) -> Vec<String> {
    let nodes = pipeline["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| {
            format!(
                "{} {} {} {} {}",
                node["id"], node["status"], node["progress"], node["results_count"], node["error_message"]
            )
        })
        .collect()
}
