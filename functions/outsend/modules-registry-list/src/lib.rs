//! `GET /api/modules-registry`: what there is to run (outsend 13).

use serde::Serialize;

use shared::{
    http::Response,
    model::registry::{Configured, Entry, MODULES},
    outsend::{
        self, Endpoint,
        authentication::count_reader,
        envelope::{Problem, json_answer},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = outsend::guarded(env!("CARGO_PKG_NAME"), count_reader, |cx| Box::pin(list(cx)));

#[derive(Serialize)]
struct Registry {
    modules: Vec<ModuleView>,
}

/// What is told of a module (outsend 13).
#[derive(Serialize)]
struct ModuleView {
    slug: &'static str,
    category: &'static str,
    label: Label,
    needs: &'static [&'static str],
    produces: &'static [&'static str],
    pipelinable: bool,
    is_on_demand: bool,
    coming_soon: bool,
    alpha_unavailable: bool,
    api_endpoint: &'static str,
    progress_unit: &'static str,
    result_unit: &'static str,
}

#[derive(Serialize)]
struct Label {
    fr: &'static str,
    en: &'static str,
}

impl ModuleView {
    fn new(entry: &Entry, modules: Configured) -> Self {
        let (fr, en) = entry.label;
        Self {
            slug: entry.slug,
            category: entry.category,
            label: Label { fr, en },
            needs: entry.needs,
            produces: entry.produces,
            pipelinable: entry.module.pipelinable(),
            is_on_demand: false,
            coming_soon: false,
            alpha_unavailable: !entry.module.available(modules),
            api_endpoint: entry.api_endpoint,
            progress_unit: entry.units.0,
            result_unit: entry.units.1,
        }
    }
}

async fn list(cx: &RequestContext) -> Result<Response, Problem> {
    let configured = cx.context.settings().modules;
    let modules = MODULES.iter().map(|entry| ModuleView::new(entry, configured)).collect();
    Ok(json_answer(200, &Registry { modules }).header("Cache-Control", "public, max-age=60"))
}
