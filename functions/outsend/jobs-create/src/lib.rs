//! `POST /api/jobs`, `POST /api/jobs/{type}`: a job that finds places (outsend 8.2), one over rows (outsend 8.3),
//! or a check of where mail lands (outsend 12.16).

mod body;
mod cell;
mod check;
mod intake;
mod table;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use shared::{
    http::Response,
    model::{Job, JobId, JobStatus, Module},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        jobs::{new_job, store_job, view},
        limits::JOBS,
        messages::{Detail, Fault},
        pipelines::{Usable, judge_config, usable_rows},
        places,
        request_context::RequestContext,
    },
    store::{JobParameters, NewJob},
};

use self::{intake::of_table, table::Table};

/// The function.
pub const FUNCTION: Endpoint = outsend::endpoint(
    env!("CARGO_PKG_NAME"),
    Access::ACTIVE.verified_when(|cx| module(cx) == Some(Module::Scrap)).under(JOBS),
    |cx, caller| Box::pin(create(cx, caller)),
);

/// The module that the path names; without a name it is the one that finds places.
fn module(cx: &RequestContext) -> Option<Module> {
    match cx.path("job") {
        "" => Some(Module::Scrap),
        name => Module::parse_either(name),
    }
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let module = module(cx);
    let modules = cx.context.settings().modules;
    if let Some(module) = module.filter(|module| !module.available(modules)) {
        return Err(Detail::ModuleOff(module.as_str()).into());
    }
    if module == Some(Module::Scrap) {
        let job = search(cx, &caller).await?;
        return Ok(json_answer(200, &view(&job, cx.now)));
    }
    if module == Some(Module::DeliveryCheck) {
        let job = check::create(cx, &caller).await?;
        return Ok(json_answer(200, &view(&job, cx.now)));
    }
    let (fields, items) = body::read(&cx.request)?;
    let module = module.ok_or(Detail::NoType)?;
    if module.pipeline_only() {
        return Err(Detail::PipelineOnly(module.as_str()).into());
    }
    let job = from_rows(cx, &caller, module, (fields, items)).await?;
    Ok(json_answer(200, &view(&job, cx.now)))
}

/// A search for places (outsend 8.2).
async fn search(cx: &RequestContext, caller: &Caller) -> Result<Job, Problem> {
    let options = object(&cx.request, true)?;
    let mut fields = Fields::new(options.clone());
    judge_config(Module::Scrap, &options).into_iter().for_each(|(name, fault)| fields.fault(name, fault));
    fields.finish()?;
    let job = new_job(cx, caller, Module::Scrap)?;
    let new = places::search(&cx.context, &engine::Rules, job, &options).await?;
    store_job(cx, caller, new).await
}

/// A job over the rows of the request, or of another job.
async fn from_rows(
    cx: &RequestContext,
    caller: &Caller,
    module: Module,
    (mut fields, items): (Fields, Option<&str>),
) -> Result<Job, Problem> {
    let source = fields.optional_text("source_job_id", 1, 64);
    let options = options(module, &mut fields);
    let deep = module == Module::Emails && !options.is_empty();
    let sent = match items {
        Some(items) if items.starts_with('[') => Table::read(&mut fields, items)?,
        Some(_) => {
            fields.fault("items", Fault::Type("list"));
            None
        }
        None if source.is_none() && !deep => {
            fields.fault("items", Fault::Required);
            None
        }
        None => None,
    };
    if deep && source.is_none() {
        fields.fault("source_job_id", Fault::Required);
    }
    fields.finish_in(&["items", "source_job_id", "mode", "capture_screenshot"])?;
    let (usable, source) = match (sent, source) {
        (Some(table), source) => {
            // what is wrong with the rows comes before what they name (2.4)
            let usable = some(module, "items", of_table(module, &options, &table)?)?;
            let source = match source {
                Some(id) => Some(own_job(cx, caller, &id).await?),
                None => None,
            };
            deep.then(|| check_deep_source(source.as_ref(), cx.now)).transpose()?;
            (usable, source)
        }
        (None, Some(id)) => {
            let source = own_job(cx, caller, &id).await?;
            deep.then(|| check_deep_source(Some(&source), cx.now)).transpose()?;
            let usable = usable_rows(cx.context.store(), &engine::Rules, (module, &options), &source, cx.now).await?;
            (some(module, "source_job_id", usable)?, Some(source))
        }
        (None, None) => return Err(Problem::Invalid(vec![("items".to_owned(), Fault::Required)])),
    };
    let planned = usable.rows.len();
    let job = Job {
        planned: Some(planned),
        deep,
        charged: usable.charge(module.weight(&options), deep),
        source: source.map(|source| source.id),
        ignored: usable.ignored,
        ..new_job(cx, caller, module)?
    };
    let parameters = JobParameters { options, input_columns: usable.input_columns, columns: usable.columns };
    let new = NewJob { job, parameters, rows: usable.rows, text: None, log: Vec::new(), resumes: None };
    store_job(cx, caller, new).await
}

/// The rows, if there are some; else the columns are told where none of them is the one that the module needs.
fn some(module: Module, field: &str, usable: Usable) -> Result<Usable, Problem> {
    if !usable.rows.is_empty() {
        return Ok(usable);
    }
    let needed = module.entry().column.unwrap_or("a column");
    let there = usable.input_columns.iter().any(|column| column == needed);
    let fault = Fault::NoUsableRow(needed, if there { Vec::new() } else { usable.input_columns });
    Err(Problem::Invalid(vec![(field.to_owned(), fault)]))
}

/// The module's options, those that are not its defaults: deep mode of `emails` (outsend 12.4), screenshots of
/// `brand_assets` (outsend 12.10).
fn options(module: Module, fields: &mut Fields) -> Map<String, Value> {
    let mut options = Map::new();
    match module {
        Module::Emails => match fields.optional_text("mode", 0, 64).as_deref() {
            Some("deep") => _ = options.insert("mode".to_owned(), "deep".into()),
            None | Some("normal") => {}
            Some(_) => fields.fault("mode", Fault::OneOf("normal, deep")),
        },
        Module::BrandAssets if fields.optional_flag("capture_screenshot") => {
            options.insert("capture_screenshot".to_owned(), true.into());
        }
        _ => {}
    }
    options
}

/// Refuses a source that emails in deep mode do not go on from (outsend 12.4).
fn check_deep_source(source: Option<&Job>, now: OffsetDateTime) -> Result<(), Detail> {
    let source = source.filter(|source| source.module == Module::Emails && !source.deep).ok_or(Detail::SourceMode)?;
    match source.status_at(now) {
        JobStatus::Done => Ok(()),
        JobStatus::Expired => Err(Detail::SourceExpired),
        _ => Err(Detail::SourceMode),
    }
}

/// The caller's job with this id.
async fn own_job(cx: &RequestContext, caller: &Caller, id: &str) -> Result<Job, Problem> {
    let id = JobId::parse(id).ok_or(Detail::NoJob)?;
    let job = cx.context.store().job(caller.account.user.id, id).await?;
    job.ok_or_else(|| Detail::NoJob.into())
}
