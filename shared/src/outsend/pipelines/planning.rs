//! The job of a node: what it is to do, of which rows, and what it costs (outsend 14.4).

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    definition::{Definition, Node},
    intake::{check_source, usable_rows},
};
use crate::{
    context::Context,
    model::{Account, Job, JobId, JobInput, Module, PipelineRun, Planner, UserId},
    outsend::{messages::Detail, places, refusal::Refusal},
    store::{JobParameters, LogLine, NewJob, PackedRows, Store},
};

/// The job that an import node copies, if it names one: a search for places of `user` that has rows (outsend 12.2).
pub(super) async fn named_source(
    store: &Store,
    user: UserId,
    config: &Map<String, Value>,
    now: OffsetDateTime,
) -> Result<Option<Job>, Refusal> {
    if config.get("source").and_then(Value::as_str) != Some("from_job") {
        return Ok(None);
    }
    let id = config.get("from_job_id").and_then(Value::as_str).and_then(JobId::parse).ok_or(Detail::NoJob)?;
    let source = store.job(user, id).await?.ok_or(Detail::NoJob)?;
    if source.module != Module::Scrap {
        return Err(Detail::SourceWrong(Module::Scrap.as_str()).into());
    }
    check_source(&source, now)?;
    if source.results == 0 {
        return Err(Detail::SourceExpired.into());
    }
    Ok(Some(source))
}

/// What a node's job is planned with.
pub(super) struct Plan<'a> {
    pub(super) context: &'a Context,
    pub(super) planner: &'a dyn Planner,
    pub(super) account: &'a Account,
    pub(super) run: &'a PipelineRun,
    pub(super) definition: &'a Definition,
    pub(super) now: OffsetDateTime,
}

impl Plan<'_> {
    /// The job of the node at `place`, which nobody has stored.
    ///
    /// # Errors
    /// When the rules refuse it, or the store fails.
    pub(super) async fn job(&self, place: usize) -> Result<NewJob, Refusal> {
        let gone = || Refusal::from(Detail::NoNode);
        let node = self.definition.nodes.get(place).ok_or_else(gone)?;
        let known = self.run.nodes.get(place).ok_or_else(gone)?;
        if !node.module.available(self.context.settings().modules) {
            return Err(Detail::ModuleOff(node.module.as_str()).into());
        }
        // the job of a root is named by its run, so that it is the same whoever makes it
        let (id, at) = match known.job {
            Some(id) => (id, self.run.created_at),
            None => (JobId::at(self.now).map_err(|_| Detail::Server)?, self.now),
        };
        let lifetime = self.context.settings().jobs.lifetime;
        let job = Job {
            run: Some((self.run.pipeline, self.run.number)),
            ..Job::new(id, &self.account.user, node.module, at, lifetime)
        };
        let before = node.from.map(|from| self.run.nodes.get(from).and_then(|node| node.job));
        let new = match before {
            None if node.module == Module::Scrap => {
                places::search(self.context, self.planner, job, &node.config).await?
            }
            None => self.import(job, node).await?,
            Some(source) => {
                let id = source.ok_or(Detail::SourceExpired)?;
                let source = self.context.store().any_job(id).await?.ok_or(Detail::SourceExpired)?;
                self.child(job, node, &source).await?
            }
        };
        let ceiling = self.context.settings().jobs.job_ceiling;
        if new.job.charged > ceiling {
            return Err(Detail::EfCeiling { need: new.job.charged, ceiling }.into());
        }
        Ok(new)
    }

    /// A job over all the results of another one.
    async fn copied(&self, job: Job, options: Map<String, Value>, source: &Job) -> Result<NewJob, Refusal> {
        check_source(source, self.now)?;
        let parameters = self.context.store().job_parameters(source.id).await?.ok_or(Detail::SourceExpired)?;
        let job = Job { planned: Some(source.results), source: Some(source.id), input: JobInput::Of(source.id), ..job };
        let columns = parameters.columns;
        let parameters = JobParameters { options, input_columns: columns.clone(), columns };
        Ok(NewJob { job, parameters, rows: PackedRows::default(), text: None, log: Vec::new(), resumes: None })
    }

    /// The job of a node that follows another one.
    async fn child(&self, job: Job, node: &Node, source: &Job) -> Result<NewJob, Refusal> {
        if matches!(node.module, Module::Filter | Module::Sort) {
            return self.copied(job, node.config.clone(), source).await;
        }
        let store = self.context.store();
        let usable = usable_rows(store, self.planner, (node.module, &node.config), source, self.now).await?;
        let deep = node.module == Module::Emails && node.config.get("mode").and_then(Value::as_str) == Some("deep");
        let job = Job {
            planned: Some(usable.rows.len()),
            deep,
            charged: usable.charge(node.module.weight(&node.config), deep),
            source: Some(source.id),
            ignored: usable.ignored,
            ..job
        };
        let parameters = JobParameters {
            options: node.config.clone(),
            input_columns: usable.input_columns,
            columns: usable.columns,
        };
        Ok(NewJob { job, parameters, rows: usable.rows, text: None, log: Vec::new(), resumes: None })
    }

    /// The job of an import: a pasted table is read here, one behind an address when the job runs.
    async fn import(&self, job: Job, node: &Node) -> Result<NewJob, Refusal> {
        let mut options = node.config.clone();
        let pasted = options.remove("text");
        if let Some(source) = named_source(self.context.store(), job.user, &options, self.now).await? {
            return self.copied(job, options, &source).await;
        }
        let mut new = NewJob {
            job: Job { input: JobInput::Text, ..job },
            parameters: JobParameters { options, ..JobParameters::default() },
            rows: PackedRows::default(),
            text: None,
            log: Vec::new(),
            resumes: None,
        };
        let pasted = match new.parameters.options.get("source").and_then(Value::as_str) {
            None | Some("paste") => pasted,
            Some(_) => None,
        };
        let Some(pasted) = pasted.as_ref().and_then(Value::as_str) else { return Ok(new) };
        // only the text is read (outsend 12.2)
        new.parameters.options.remove("url");
        if let Some(found) = self.planner.discover(pasted.into()) {
            new.job.planned = Some(found.planned);
            new.job.log_last = found.lines.len() as u64;
            new.job.breakdown.insert("import".to_owned(), found.notice);
            new.parameters.columns = found.columns;
            new.text = Some(found.text);
            new.log.extend(found.lines.into_iter().map(|line| LogLine::at(line, self.run.created_at)));
        } else {
            // the job fails when it runs, and says what is wrong with its text
            new.text = Some(pasted.into());
        }
        Ok(new)
    }
}
