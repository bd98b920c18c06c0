//! Creation of jobs (outsend 8.2, 8.3).

use std::collections::HashMap;

use engine::columns;
use serde_json::{Map, Value};

use super::{
    super::{
        access::{Access, Caller},
        endpoint::answer,
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        limits::JOBS,
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
    job_object,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Job, JobId, JobStatus, Module, Row},
    store::{Creation, JobParameters, NewJob},
};

/// Most rows of a request, and of a source that is read for one.
const MAX_ITEMS: usize = 10_000;
/// Most distinct keys over all rows.
const MAX_KEYS: usize = 200;
/// Most characters of a key.
const MAX_KEY: usize = 200;
/// Most bytes of a row.
const MAX_ROW: usize = 32 * 1024;

/// `POST /api/jobs`
#[must_use]
pub fn create_scrap(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx, Some(Module::Scrap))))
}

/// `POST /api/jobs/{type}`
#[must_use]
pub fn create_typed(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(create_now(cx, cx.request.path.split('/').nth(3).and_then(Module::parse_either)))
    })
}

async fn create_now(cx: &RequestContext, module: Option<Module>) -> Result<Response, Problem> {
    let access = if module == Some(Module::Scrap) { Access::ACTIVE.verified() } else { Access::ACTIVE };
    let caller = cx.caller(access.under(JOBS)).await?;
    if let Some(module) = module.filter(|module| !module.available()) {
        return Err(Detail::ModuleOff(module.as_str()).into());
    }
    let body = object(&cx.request, true)?;
    let module = module.ok_or(Detail::NoType)?;
    if module.pipeline_only() {
        return Err(Detail::PipelineOnly(module.as_str()).into());
    }
    let job = from_rows(cx, &caller, module, body).await?;
    Ok(json_answer(200, &job_object(&job, cx.now)))
}

/// Rows with their columns in first-seen order.
#[derive(Debug, Default)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// The table of `items`; what is wrong with them goes into `fields`.
fn table(fields: &mut Fields, items: Vec<Value>) -> Option<Table> {
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        fields.fault("items", Fault::Entries(1, MAX_ITEMS));
        return None;
    }
    let mut table = Table::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut sound = true;
    for (position, item) in items.into_iter().enumerate() {
        let Value::Object(item) = item else {
            fields.fault(format!("items.{position}"), Fault::Type("object"));
            sound = false;
            continue;
        };
        let mut row: Row = vec![Value::Null; table.columns.len()];
        let mut size = 0;
        for (key, cell) in item {
            let nested = |value: &Value| value.is_object() || value.is_array();
            let flat = match &cell {
                Value::Array(entries) => !entries.iter().any(nested),
                other => !nested(other),
            };
            if !flat || key.chars().count() > MAX_KEY {
                fields.fault(format!("items.{position}.{key}"), Fault::Format);
                sound = false;
            }
            size += key.len() + size_of_cell(&cell);
            let place = *places.entry(key).or_insert_with_key(|key| {
                table.columns.push(key.clone());
                table.columns.len() - 1
            });
            if row.len() <= place {
                row.resize(place + 1, Value::Null);
            }
            if let Some(slot) = row.get_mut(place) {
                *slot = cell;
            }
        }
        if size > MAX_ROW {
            fields.fault(format!("items.{position}"), Fault::Format);
            sound = false;
        }
        table.rows.push(row);
    }
    if table.columns.len() > MAX_KEYS {
        fields.fault("items", Fault::Format);
        sound = false;
    }
    for row in &mut table.rows {
        row.resize(table.columns.len(), Value::Null);
    }
    sound.then_some(table)
}

/// About how many bytes a cell's JSON has.
fn size_of_cell(cell: &Value) -> usize {
    match cell {
        Value::String(text) => text.len() + 4,
        Value::Array(entries) => entries.iter().map(size_of_cell).sum::<usize>() + 2,
        _ => 8,
    }
}

async fn from_rows(
    cx: &RequestContext,
    caller: &Caller,
    module: Module,
    body: Map<String, Value>,
) -> Result<Job, Problem> {
    let mut fields = Fields::new(body);
    let source = fields.optional_text("source_job_id", 1, 64);
    let sent = match fields.optional("items").cloned() {
        Some(Value::Array(items)) => table(&mut fields, items),
        Some(_) => {
            fields.fault("items", Fault::Type("list"));
            None
        }
        None if source.is_none() => {
            fields.fault("items", Fault::Required);
            None
        }
        None => None,
    };
    fields.finish_in(&["items", "source_job_id"])?;
    let user = &caller.account.user;
    let source = match source {
        None => None,
        Some(text) => {
            let id = JobId::parse(&text).ok_or(Detail::NoJob)?;
            Some(cx.context.store().job(user.id, id).await?.ok_or(Detail::NoJob)?)
        }
    };
    let from = if sent.is_some() { "items" } else { "source_job_id" };
    let (intake, rows) = match (sent, &source) {
        (Some(table), _) => {
            let mut intake = columns::Intake::new(module, &table.columns);
            let rows: Vec<_> = table.rows.into_iter().filter_map(|row| intake.take(row)).collect();
            (intake, rows)
        }
        (None, Some(source)) => of_source(cx, module, source).await?,
        (None, None) => return Err(Problem::Invalid(vec![("items".to_owned(), Fault::Required)])),
    };
    if rows.is_empty() {
        let column = module.entry().column.unwrap_or("a column");
        return Err(Problem::Invalid(vec![(from.to_owned(), Fault::NoUsableRow(column))]));
    }
    let planned = rows.len() as u64;
    let job = Job {
        planned: Some(planned),
        charged: planned * module.entry().weight,
        source: source.map(|source| source.id),
        ignored: intake.ignored(),
        ..new_job(cx, caller, module)?
    };
    let columns = columns::output(module, intake.columns());
    let parameters = JobParameters { options: Map::new(), input_columns: intake.columns().to_vec(), columns };
    let new = NewJob { job, parameters, rows, text: None, log: Vec::new(), resumes: None };
    store_job(cx, caller, new).await
}

/// The usable rows of a job's results (outsend 8.3).
async fn of_source(cx: &RequestContext, module: Module, source: &Job) -> Result<(columns::Intake, Vec<Row>), Problem> {
    match source.status_at(cx.now) {
        JobStatus::Pending | JobStatus::Running => return Err(Detail::SourceNotDone.into()),
        JobStatus::Expired => return Err(Detail::SourceExpired.into()),
        JobStatus::Done | JobStatus::Failed | JobStatus::Cancelled => {}
    }
    let store = cx.context.store();
    let parameters = store.job_parameters(source.id).await?.ok_or(Detail::SourceExpired)?;
    let mut intake = columns::Intake::new(module, &parameters.columns);
    let chunks = store.results(source.id);
    let (mut rows, mut position, mut usable) = (Vec::new(), 0, 0);
    while position < source.results {
        let chunk = chunks.from(position).await?;
        if chunk.is_empty() {
            return Err(Detail::SourceExpired.into());
        }
        position += chunk.len() as u64;
        for row in chunk.into_iter().filter_map(|row| intake.take(row)) {
            usable += 1;
            // what is over the limit is counted and not kept
            if usable <= MAX_ITEMS {
                rows.push(row);
            }
        }
    }
    if usable > MAX_ITEMS {
        return Err(Detail::TooManyRows(usable).into());
    }
    Ok((intake, rows))
}

/// A job of the caller that was just created: the fields that do not depend on what it is to do.
pub(super) fn new_job(cx: &RequestContext, caller: &Caller, module: Module) -> Result<Job, Problem> {
    let lifetime = cx.context.settings().jobs.lifetime;
    Ok(Job::new(JobId::at(cx.now)?, &caller.account.user, module, cx.now, lifetime))
}

/// Checks a job against the ceiling and the quota, and stores it (outsend 18.2).
pub(super) async fn store_job(cx: &RequestContext, caller: &Caller, new: NewJob) -> Result<Job, Problem> {
    let ceiling = cx.context.settings().jobs.job_ceiling;
    if new.job.charged > ceiling {
        return Err(Detail::EfCeiling { need: new.job.charged, most: ceiling }.into());
    }
    match cx.context.store().create_job(&new, caller.account.organization.plan).await? {
        Creation::Created => Ok(new.job),
        Creation::OverQuota(used, quota) => Err(Detail::EfQuota { used, quota, need: new.job.charged }.into()),
        Creation::Changed => Err(Detail::NotResumable.into()),
    }
}
