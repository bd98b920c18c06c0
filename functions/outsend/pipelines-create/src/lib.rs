//! `POST /api/pipelines`: a pipeline with its first run (outsend 14.5).

use serde_json::{Value, value::RawValue};

use shared::{
    http::Response,
    model::{Module, Pipeline, PipelineId, Trigger},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        limits::JOBS,
        messages::Fault,
        pipelines::{Definition, check_start, first_run, judge, launch, view},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.verified_when(searches).under(JOBS), |cx, caller| {
        Box::pin(create(cx, caller))
    });

/// Whether the definition that is sent has a search for places (outsend 4.4); what cannot be read has none.
fn searches(cx: &RequestContext) -> bool {
    let body = object(&cx.request, true).ok();
    let nodes = body.as_ref().and_then(|body| body.get("definition")?.get("nodes")?.as_array());
    nodes.into_iter().flatten().any(|node| node.get("type").and_then(Value::as_str) == Some(Module::Scrap.as_str()))
}

/// What is made: a name, the definition, and its text.
struct Asked {
    name: String,
    definition: Definition,
    text: String,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let Asked { name, definition, text } = read(cx)?;
    let account = &caller.account;
    check_start(&cx.context, &engine::Rules, account, &definition, cx.now).await?;
    let pipeline = Pipeline {
        id: PipelineId::generate(),
        user: account.user.id,
        name,
        created_at: cx.now,
        runs: 1,
        active: vec![1],
        veilles: Vec::new(),
        version: 1,
    };
    let run = first_run(pipeline.id, account, &definition, Trigger::Manual, cx.now)?;
    cx.context.store().create_pipeline(&pipeline, &run, &text).await?;
    let run = launch(&cx.context, &engine::Rules, run).await;
    let shown = RawValue::from_string(text).map_err(|error| Problem::Crash(error.to_string()))?;
    Ok(json_answer(200, &view(&pipeline, &run, Some(&shown))))
}

/// Reads the body; everything that is wrong with it is told at once.
fn read(cx: &RequestContext) -> Result<Asked, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let name = fields.optional_text("name", 1, 120);
    if let Some(version) = fields.optional("schema_version")
        && version.as_u64() != Some(1)
    {
        let fault = if version.is_i64() || version.is_u64() { Fault::OneOf("1") } else { Fault::Type("integer") };
        fields.fault("schema_version", fault);
    }
    let sent = fields.optional("definition").map(|sent| (judge(sent), sent.to_string()));
    let (judged, text) = sent.unwrap_or_else(|| (Err(vec![("definition".to_owned(), Fault::Required)]), String::new()));
    let definition = judged.unwrap_or_else(|faults| {
        faults.into_iter().for_each(|(field, fault)| fields.fault(field, fault));
        Definition { nodes: Vec::new() }
    });
    fields.finish_in(&["definition", "name", "schema_version"])?;
    Ok(Asked { name: name.unwrap_or_else(|| "Pipeline".to_owned()), definition, text })
}
