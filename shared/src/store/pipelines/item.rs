//! The items of pipelines and runs, written and read.

use serde_json::{Value, json};

use crate::{
    model::{
        JobId, Module, NodeRun, NodeStatus, OrganizationId, Pipeline, PipelineId, PipelineRun, RunStatus, Trigger,
        UserId,
    },
    store::{StoreError, item::Item},
};

pub(super) const DEFINITION: &str = "DEF";

pub(super) fn pipeline_pk(id: PipelineId) -> String {
    format!("PIPE#{id}")
}

pub(super) fn header_key(id: PipelineId) -> (String, String) {
    (pipeline_pk(id), "PIPE".to_owned())
}

pub(super) fn run_key(id: PipelineId, number: u64) -> (String, String) {
    (pipeline_pk(id), format!("RUN#{number:08}"))
}

/// The ranked collection of a user's pipelines.
pub(super) fn pipelines_of(user: UserId) -> String {
    format!("RANK#{user}#pipelines")
}

/// Numbers as one text.
pub(in crate::store) fn numbers(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads such a text.
pub(in crate::store) fn read_numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

pub(in crate::store) fn pipeline_item(pipeline: &Pipeline) -> Item {
    let (pk, sk) = header_key(pipeline.id);
    Item::new(pk, sk)
        .text("id", pipeline.id.to_string())
        .text("user", pipeline.user.to_string())
        .text("name", &*pipeline.name)
        .time("created_at", pipeline.created_at)
        .number("runs", pipeline.runs)
        .text("active", numbers(&pipeline.active))
        .text("veilles", numbers(&pipeline.veilles))
        .number("version", pipeline.version)
}

pub(super) fn read_pipeline(item: &Item) -> Result<Pipeline, StoreError> {
    let reader = item.read("pipeline");
    Ok(Pipeline {
        id: reader.parsed("id", PipelineId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        name: reader.text("name")?.to_owned(),
        created_at: reader.time("created_at")?,
        runs: reader.number("runs")?,
        active: read_numbers(reader.text("active")?),
        veilles: read_numbers(reader.optional_text("veilles").unwrap_or_default()),
        version: reader.number("version")?,
    })
}

fn node_value(node: &NodeRun) -> Value {
    json!([
        node.id,
        node.module.as_str(),
        node.from,
        node.status.as_str(),
        node.job.map(|id| id.to_string()),
        node.made,
        node.progress,
        node.results,
        node.error,
    ])
}

/// A node as it is stored.
type Stored = (String, String, Option<usize>, String, Option<String>, bool, u8, u64, Option<String>);

fn read_node(stored: Stored) -> Option<NodeRun> {
    let (id, module, from, status, job, made, progress, results, error) = stored;
    Some(NodeRun {
        id,
        module: Module::parse(&module)?,
        from,
        status: NodeStatus::parse(&status)?,
        job: job.map(|id| JobId::parse(&id).ok_or(())).transpose().ok()?,
        made,
        progress,
        results,
        error,
    })
}

pub(super) fn run_item(run: &PipelineRun) -> Item {
    let (pk, sk) = run_key(run.pipeline, run.number);
    let nodes: Vec<_> = run.nodes.iter().map(node_value).collect();
    let item = Item::new(pk, sk)
        .text("pipeline", run.pipeline.to_string())
        .text("user", run.user.to_string())
        .text("organization", run.organization.to_string())
        .number("number", run.number)
        .text("status", run.status.as_str())
        .number("cancelled", u8::from(run.cancelled))
        .text("nodes", Value::Array(nodes).to_string())
        .time("created_at", run.created_at)
        .optional_time("started_at", run.started_at)
        .optional_time("completed_at", run.completed_at)
        .number("version", run.version);
    match run.trigger {
        Trigger::Manual => item,
        Trigger::Veille { veille, run } => item.number("veille", veille).number("veille_run", run),
    }
}

pub(super) fn read_run(item: &Item) -> Result<PipelineRun, StoreError> {
    let reader = item.read("pipeline run");
    let nodes = reader.parsed("nodes", |text| {
        let nodes: Vec<Stored> = serde_json::from_str(text).ok()?;
        nodes.into_iter().map(read_node).collect::<Option<Vec<_>>>()
    })?;
    let trigger = if item.0.contains_key("veille") {
        Trigger::Veille { veille: reader.number("veille")?, run: reader.number("veille_run")? }
    } else {
        Trigger::Manual
    };
    Ok(PipelineRun {
        pipeline: reader.parsed("pipeline", PipelineId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        number: reader.number("number")?,
        trigger,
        cancelled: reader.flag("cancelled")?,
        status: reader.parsed("status", RunStatus::parse)?,
        nodes,
        created_at: reader.time("created_at")?,
        started_at: reader.optional_time("started_at")?,
        completed_at: reader.optional_time("completed_at")?,
        version: reader.number("version")?,
    })
}
