//! Pipelines over the embedded engine (outsend 14).

use serde_json::{Value, json};

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
