//! `GET /api/pipelines/schema`: the blocks that a definition is made of (outsend 14.5).

use serde::Serialize;
use serde_json::Value;

use shared::{
    http::Response,
    model::registry::{Entry, MODULES},
    outsend::{
        self, Endpoint,
        authentication::count_reader,
        envelope::{Problem, json_answer},
        pipelines::{block, schema},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = outsend::guarded(env!("CARGO_PKG_NAME"), count_reader, |cx| Box::pin(tell(cx)));

#[derive(Serialize)]
struct Schema {
    schema_version: u8,
    blocks: Vec<BlockView>,
}

/// What is told of a block.
#[derive(Serialize)]
struct BlockView {
    #[serde(rename = "type")]
    name: &'static str,
    category: &'static str,
    label: Label,
    accepts: &'static str,
    produces: &'static str,
    needs_columns: Vec<&'static str>,
    produces_columns: Vec<String>,
    config_schema: Value,
}

#[derive(Serialize)]
struct Label {
    fr: &'static str,
    en: &'static str,
}

impl BlockView {
    fn new(entry: &Entry) -> Self {
        let (fr, en) = entry.label;
        let block = block(entry.module);
        Self {
            name: block.name,
            category: entry.category,
            label: Label { fr, en },
            accepts: block.accepts,
            produces: block.produces,
            needs_columns: entry.column.into_iter().collect(),
            produces_columns: engine::columns::output(entry.module, &serde_json::Map::new(), &[]),
            config_schema: schema(entry.module),
        }
    }
}

async fn tell(_: &RequestContext) -> Result<Response, Problem> {
    let blocks = MODULES.iter().filter(|entry| entry.module.pipelinable()).map(BlockView::new).collect();
    let schema = Schema { schema_version: 1, blocks };
    Ok(json_answer(200, &schema).header("Cache-Control", "public, max-age=60"))
}
