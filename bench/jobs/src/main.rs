//! `bench-jobs seed DATA EMAIL ROWS`: a job with that many rows in a data directory that no server uses.
//! `bench-jobs units DATA EMAIL JOB`: what its rows are in the store, and in DynamoDB's units.
//! `bench-jobs chain DATA EMAIL TABLE`: import, filter and sort of a table, run by the server on that directory.

use std::{error::Error, io::Write as _, path::Path, time::Duration};

use engine::{Lane, Module, Row, Step};
use local::data::{DataDirectory, Session};
use serde_json::{Map, Value, json};
use shared::{
    context::Context,
    model::{Account, Email, Job, JobId, JobInput, JobStatus},
    store::{Commit, Creation, JobParameters, LogLine, NewJob, PackedRows},
};
use time::OffsetDateTime;

type Failure = Box<dyn Error + Send + Sync>;

const COLUMNS: [&str; 8] = ["nom", "email", "telephone", "site_web", "ville", "rating", "reviews_count", "open"];

fn job(account: &Account, module: Module, now: OffsetDateTime) -> Result<Job, Failure> {
    Ok(Job::new(JobId::at(now)?, &account.user, module, now, time::Duration::days(30)))
}

fn row(number: u64) -> Row {
    let mixed = number.wrapping_mul(2_654_435_761) % 1_000_003;
    vec![
        json!(format!("Company {number}")),
        json!(format!("user{mixed}@site{}.example", mixed % 5_000)),
        json!(format!("+331453{:05}", mixed % 100_000)),
        json!(format!("https://site{}.example/", mixed % 5_000)),
        json!(["Paris", "Lyon", "Lille", "Nice"].get(usize::try_from(mixed % 4).unwrap_or(0))),
        json!(f64::from(u32::try_from(mixed % 50).unwrap_or(0)) / 10.0),
        json!(mixed % 900),
        json!(mixed.is_multiple_of(2)),
    ]
}

async fn created(context: &Context, account: &Account, new: NewJob) -> Result<Job, Failure> {
    match context.store().create_job(&new, account.organization.plan).await? {
        Creation::Created => Ok(new.job),
        other => Err(format!("{other:?}").into()),
    }
}

async fn seed(context: &Context, account: &Account, rows: u64) -> Result<Value, Failure> {
    let (store, clock) = (context.store(), context.clock());
    let mut header = job(account, Module::Filter, clock.now())?;
    header.planned = Some(rows);
    let columns: Vec<_> = COLUMNS.iter().map(|column| (*column).to_owned()).collect();
    let parameters = JobParameters { columns, ..JobParameters::default() };
    let new =
        NewJob { job: header, parameters, rows: PackedRows::default(), text: None, log: Vec::new(), resumes: None };
    let id = created(context, account, new).await?.id;
    store.admit(Lane::Parallel, clock.now()).await?;
    let mut job = store.take_job(id, false).await?.ok_or("not running")?.job;
    loop {
        let end = (job.processed + 1_000).min(rows);
        let batch: Vec<_> = (job.processed..end).map(row).collect();
        let step = Step { items: batch.len() as u64, rows: batch, ..Step::default() };
        match store.commit(&job, &step, clock.now()).await? {
            Commit::Committed(next) => job = *next,
            Commit::Ended(_) => return Ok(json!({"id": id.to_string()})),
            Commit::Lost => return Err("lost".into()),
        }
    }
}

/// Waits for a job's end; how long it ran, in milliseconds.
async fn ended(context: &Context, id: JobId) -> Result<Job, Failure> {
    loop {
        let job = context.store().any_job(id).await?.ok_or("gone")?;
        match job.status {
            JobStatus::Pending | JobStatus::Running => tokio::time::sleep(Duration::from_millis(20)).await,
            JobStatus::Done => return Ok(job),
            _ => return Err(format!("{job:?}").into()),
        }
    }
}

async fn chain(context: &Context, account: &Account, table: &Path) -> Result<Value, Failure> {
    let clock = context.clock();
    let began = clock.now();
    let found = engine::import::discover(std::fs::read(table)?)?;
    let mut header = job(account, Module::Import, began)?;
    (header.planned, header.input, header.log_last) = (Some(found.planned), JobInput::Text, found.lines.len() as u64);
    let parameters = JobParameters { columns: found.columns, ..JobParameters::default() };
    let log = found.lines.into_iter().map(|line| LogLine::at(line, began)).collect();
    let new =
        NewJob { job: header, parameters, rows: PackedRows::default(), text: Some(found.text), log, resumes: None };
    let mut source = ended(context, created(context, account, new).await?.id).await?;
    let mut told = Map::new();
    told.insert("import".to_owned(), json!((clock.now() - began).as_seconds_f64()));
    let steps = [
        (Module::Filter, json!({"require_phone": true, "rating_min": 2.5, "dedup_column": "email"})),
        (Module::Sort, json!({"sort_by": "nb_avis", "direction": "desc"})),
    ];
    for (module, options) in steps {
        let began = clock.now();
        let columns = context.store().job_parameters(source.id).await?.ok_or("gone")?.columns;
        let mut header = job(account, module, began)?;
        (header.planned, header.input, header.source) =
            (Some(source.results), JobInput::Of(source.id), Some(source.id));
        let options = options.as_object().cloned().unwrap_or_default();
        let parameters = JobParameters { options, input_columns: columns.clone(), columns };
        let new =
            NewJob { job: header, parameters, rows: PackedRows::default(), text: None, log: Vec::new(), resumes: None };
        source = ended(context, created(context, account, new).await?.id).await?;
        told.insert(module.as_str().to_owned(), json!((clock.now() - began).as_seconds_f64()));
    }
    told.insert("id".to_owned(), json!(source.id.to_string()));
    told.insert("rows".to_owned(), json!(source.results));
    Ok(Value::Object(told))
}

/// Bytes of a job's chunks as they are stored, and the units that DynamoDB would have counted: two for each KB that a
/// transaction writes, and one for each 4 KB of a consistent read.
async fn units(context: &Context, id: JobId) -> Result<Value, Failure> {
    let sizes = context.store().chunk_sizes(id).await?;
    let job = context.store().any_job(id).await?.ok_or("gone")?;
    // each commit writes the header, too, which is below one KB
    let write: usize = sizes.iter().map(|size| 2 * size.div_ceil(1024) + 2).sum();
    let read: usize = sizes.iter().map(|size| size.div_ceil(4096)).sum();
    let bytes: usize = sizes.iter().sum();
    Ok(json!({"rows": job.results, "bytes": bytes, "write_units": write, "read_units": read}))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [command, data, email, what] = &arguments[..] else { return Err("seed|chain DATA EMAIL ROWS|TABLE".into()) };
    let session = Session::open(&DataDirectory::open(Path::new(data))?).await?;
    let email = Email::parse(email).ok_or("no address")?;
    let account = session.context.store().account_by_email(&email).await?.ok_or("no such account")?;
    let told = match command.as_str() {
        "seed" => seed(&session.context, &account, what.parse()?).await?,
        "units" => units(&session.context, JobId::parse(what).ok_or("no id")?).await?,
        "chain" => chain(&session.context, &account, Path::new(what)).await?,
        _ => return Err("seed, chain or units".into()),
    };
    writeln!(std::io::stdout(), "{told}")?;
    session.close().await;
    Ok(())
}
