//! `POST /api/veille`: a source is run again and again, each time compared with the last time (outsend 15.2).

use shared::{
    http::Response,
    model::{Account, Job, JobId, JobStatus, Module, PipelineId, RunStatus, Schedule, Veille, VeilleRun, VeilleSource},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        messages::{Detail, Fault},
        request_context::RequestContext,
        veilles::view,
    },
    store::{NewVeille, RunTable, Template, VeilleCreation},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(create(cx, caller)));

/// Most veilles of a user that are shown (outsend 18.1).
const MAX_VEILLES: usize = 50;

/// What is asked for.
struct Asked {
    name: String,
    source: Source,
    frequency_days: u16,
}

/// A source as it is named.
enum Source {
    Job(String),
    Pipeline(String),
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let Asked { name, source, frequency_days } = read(cx)?;
    let (store, account) = (cx.context.store(), &caller.account);
    let (source, job) = match source {
        Source::Job(id) => search(cx, account, &id).await?,
        Source::Pipeline(id) => pipeline(cx, account, &id).await?,
    };
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::SourceExpired.into());
    }
    let parameters = store.job_parameters(job.id).await?.ok_or(Detail::SourceExpired)?;
    let table =
        RunTable { module: job.module, names: parameters.columns.clone(), source_rows: job.results, rows: None };
    let schedule = Schedule::new(frequency_days, cx.now);
    let veille = Veille {
        id: store.next_veille_number().await?,
        user: account.user.id,
        organization: account.organization.id,
        name,
        source,
        due_at: schedule.due(),
        schedule,
        runs: 0,
        successes: 0,
        last_success_at: None,
        last_success_job: None,
        snapshot: 0,
        version: 1,
    };
    let template = match source {
        VeilleSource::Job(_) => Some(Template { parameters, planned: job.planned.unwrap_or(0) }),
        VeilleSource::Pipeline(_) => None,
    };
    let baseline = VeilleRun::new(veille.id, 0, cx.now, cx.now);
    let new = NewVeille { veille, baseline, job, table, template };
    match store.create_veille(&new, MAX_VEILLES).await? {
        VeilleCreation::Created => Ok(json_answer(200, &view(&new.veille))),
        VeilleCreation::Full => Err(Detail::VeilleCapReached(MAX_VEILLES).into()),
        VeilleCreation::NoPipeline => Err(Detail::NoPipeline.into()),
        VeilleCreation::Gone => Err(Detail::SourceExpired.into()),
    }
}

/// A search for places that is done.
async fn search(cx: &RequestContext, account: &Account, id: &str) -> Result<(VeilleSource, Job), Problem> {
    let id = JobId::parse(id).ok_or(Detail::NoJob)?;
    let job = cx.context.store().job(account.user.id, id).await?.ok_or(Detail::NoJob)?;
    if job.module != Module::Scrap {
        return Err(Detail::SourceWrong(Module::Scrap.as_str()).into());
    }
    // one that is done stays one when its rows are purged
    if !matches!(job.status, JobStatus::Done | JobStatus::Expired) {
        return Err(Detail::SourceNotDone.into());
    }
    Ok((VeilleSource::Job(id), job))
}

/// A pipeline whose last run is done, and its final job.
async fn pipeline(cx: &RequestContext, account: &Account, id: &str) -> Result<(VeilleSource, Job), Problem> {
    let store = cx.context.store();
    let id = PipelineId::from_path(id).ok_or(Detail::NoPipeline)?;
    store.pipeline(account.user.id, id).await?.ok_or(Detail::NoPipeline)?;
    let run = store.last_run(id).await?.filter(|run| run.status == RunStatus::Done).ok_or(Detail::SourceNotDone)?;
    let job = run.final_job().ok_or(Detail::SourceNotDone)?;
    Ok((VeilleSource::Pipeline(id), store.any_job(job).await?.ok_or(Detail::SourceExpired)?))
}

/// Reads the body; everything that is wrong with it is told at once.
fn read(cx: &RequestContext) -> Result<Asked, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let name = fields.trimmed("name", 2, 200);
    let sources = ["source_job_id", "source_pipeline_id"];
    let source = if sources.iter().filter(|source| fields.optional(source).is_some()).count() == 1 {
        let [job, pipeline] = sources.map(|source| fields.optional_text(source, 8, 64));
        job.map(Source::Job).or(pipeline.map(Source::Pipeline))
    } else {
        sources.into_iter().for_each(|source| fields.fault(source, Fault::OneSource));
        None
    };
    if fields.optional("frequency_days").is_none() {
        fields.fault("frequency_days", Fault::Required);
    }
    let frequency = fields.optional_integer("frequency_days", 1, 365).and_then(|days| u16::try_from(days).ok());
    fields.finish()?;
    match (name, source, frequency) {
        (Some(name), Some(source), Some(frequency_days)) => Ok(Asked { name, source, frequency_days }),
        _ => Err(Problem::Crash("a field was read and is not there".to_owned())),
    }
}
