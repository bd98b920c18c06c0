//! Pipelines on the wire (outsend 14.3).

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::blocks::block;
use crate::{
    BoxFuture,
    model::{Job, JobId, NodeRun, Pipeline, PipelineId, PipelineRun, Trigger},
    outsend::{
        access::Caller,
        envelope::Problem,
        format::timestamp,
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
    store::StoreError,
};

/// A node of a run.
#[derive(Debug, Serialize)]
pub struct NodeView<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    job_id: Option<String>,
    status: &'static str,
    progress: u8,
    results_count: u64,
    error_message: Option<&'a str>,
}

/// A pipeline with one of its runs.
#[derive(Debug, Serialize)]
pub struct PipelineView<'a> {
    id: String,
    name: &'a str,
    status: &'static str,
    schema_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<&'a RawValue>,
    run: u64,
    run_count: u64,
    trigger: &'static str,
    veille_id: Option<u64>,
    nodes: Vec<NodeView<'a>>,
    progress: u64,
    final_job_id: Option<String>,
    created_at: String,
    started_at: Option<String>,
    completed_at: Option<String>,
}

/// What is told of a node.
#[must_use]
pub fn node_view(node: &NodeRun) -> NodeView<'_> {
    NodeView {
        id: &node.id,
        kind: block(node.module).name,
        job_id: node.job.map(|id| id.to_string()),
        status: node.status.as_str(),
        progress: node.progress,
        results_count: node.results,
        error_message: node.error.as_deref(),
    }
}

/// What is told of a pipeline and a run of it; lists leave the definition out.
#[must_use]
pub fn view<'a>(pipeline: &'a Pipeline, run: &'a PipelineRun, definition: Option<&'a RawValue>) -> PipelineView<'a> {
    let (trigger, veille_id) = match run.trigger {
        Trigger::Manual => ("manual", None),
        Trigger::Veille { veille, .. } => ("veille", Some(veille)),
    };
    PipelineView {
        id: pipeline.id.to_string(),
        name: &pipeline.name,
        status: run.status.as_str(),
        schema_version: 1,
        definition,
        run: run.number,
        run_count: pipeline.runs,
        trigger,
        veille_id,
        nodes: run.nodes.iter().map(node_view).collect(),
        progress: run.progress(),
        final_job_id: run.final_job().map(|id| id.to_string()),
        created_at: timestamp(pipeline.created_at),
        started_at: run.started_at.map(timestamp),
        completed_at: run.completed_at.map(timestamp),
    }
}

/// The pipeline that a path names, with a run and its jobs, whoever it belongs to: nothing of it is seen before its owner
/// is known to ask.
#[derive(Debug)]
pub struct Named(Result<Option<Found>, StoreError>);

/// What was read of it.
#[derive(Debug)]
pub struct Found {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The run that was asked for, as its jobs say that it is; `None` when there is no such run.
    pub run: Option<PipelineRun>,
    /// The definition, as it was sent.
    pub definition: Box<RawValue>,
    /// The jobs of the run that have not ended.
    pub jobs: HashMap<JobId, Job>,
}

/// The `run` of the query; 422 when it is no number.
fn number(cx: &RequestContext) -> Result<Option<u64>, Fault> {
    let Some(text) = cx.request.query.last("run") else { return Ok(None) };
    match text.trim().parse::<i128>() {
        Ok(number) if number >= 1 => Ok(Some(u64::try_from(number).unwrap_or(u64::MAX))),
        Ok(_) => Err(Fault::Between(1, i64::MAX)),
        Err(_) => Err(Fault::Type("integer")),
    }
}

/// Reads the pipeline that the path's `pipeline` names, and the run that the query names or the last one, while it is
/// found out who calls.
#[must_use]
pub fn named(cx: &RequestContext) -> BoxFuture<'_, Named> {
    Box::pin(async { Named(found(cx).await) })
}

async fn found(cx: &RequestContext) -> Result<Option<Found>, StoreError> {
    let Some(id) = PipelineId::from_path(cx.path("pipeline")) else { return Ok(None) };
    let store = cx.context.store();
    let run = async {
        match number(cx) {
            Ok(Some(number)) => store.run(id, number).await,
            Ok(None) | Err(_) => store.last_run(id).await,
        }
    };
    let (pipeline, run, definition) =
        futures_util::future::join3(store.any_pipeline(id), run, store.definition(id)).await;
    let (Some(pipeline), Some(definition)) = (pipeline?, definition?) else { return Ok(None) };
    let malformed = StoreError::Malformed { entity: "pipeline", attribute: "definition" };
    let definition = RawValue::from_string(definition).map_err(|_| malformed)?;
    let (run, jobs) = match run? {
        None => (None, HashMap::new()),
        Some(run) => {
            let open = run.open_jobs();
            let jobs = if open.is_empty() { HashMap::new() } else { store.jobs_by_id(&open).await? };
            (Some(run.shown(&open, &jobs)), jobs)
        }
    };
    Ok(Some(Found { pipeline, run, definition, jobs }))
}

impl Named {
    /// The pipeline, if it is the caller's, with the run.
    ///
    /// # Errors
    /// 404 when there is none, or when it is somebody else's, or has no such run; 422; when the store failed.
    pub fn owned_by(self, cx: &RequestContext, caller: &Caller) -> Result<(Found, PipelineRun), Problem> {
        let found = self.0?.filter(|found| found.pipeline.user == caller.account.user.id);
        let mut found = found.ok_or(Detail::NoPipeline)?;
        if let Err(fault) = number(cx) {
            return Err(Problem::Invalid(vec![("run".to_owned(), fault)]));
        }
        let run = found.run.take().ok_or(Detail::NoRun)?;
        Ok((found, run))
    }
}
