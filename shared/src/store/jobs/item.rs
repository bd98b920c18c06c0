//! A job's items: the header and the parameters, written and read.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use serde_json::{Map, Value};

use super::pack::{pack, unpack};
use crate::{
    BoxFuture,
    model::{Job, JobId, JobInput, JobStatus, Module, OrganizationId, PipelineId, Seen, UserId},
    store::{Store, StoreError, item::Item},
};

/// A job's parameters: fixed at its creation, but for the columns of an import that reads its source first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobParameters {
    /// The module's options.
    pub options: Map<String, Value>,
    /// Columns of the input rows.
    pub input_columns: Vec<String>,
    /// Columns of the result rows (outsend 9.3).
    pub columns: Vec<String>,
}

pub(in crate::store) fn job_pk(id: JobId) -> String {
    format!("JOB#{id}")
}

pub(super) fn header_key(id: JobId) -> (String, String) {
    (job_pk(id), "JOB".to_owned())
}

pub(in crate::store) fn job_item(job: &Job) -> Item {
    let (pk, sk) = header_key(job.id);
    let input = match job.input {
        JobInput::Own => "own".to_owned(),
        JobInput::Text => "text".to_owned(),
        JobInput::Of(id) => id.to_string(),
    };
    let mut item = Item::new(pk, sk)
        .text("id", job.id.to_string())
        .text("user", job.user.to_string())
        .text("organization", job.organization.to_string())
        .text("module", job.module.as_str())
        .text("status", job.status.as_str())
        .number("processed", job.processed)
        .number("results", job.results)
        .number("errors", job.errors)
        .number("charged", job.charged)
        .time("created_at", job.created_at)
        .optional_time("started_at", job.started_at)
        .optional_time("completed_at", job.completed_at)
        .time("expires_at", job.expires_at)
        .optional_time("purge_at", job.purge_at)
        .optional_text("error_message", job.error_message.as_deref())
        .optional_text("source", job.source.map(|id| id.to_string()).as_deref())
        .text("input", input)
        .number("ignored", job.ignored)
        .text("breakdown", Value::Object(job.breakdown.clone()).to_string())
        .number("attempts", job.attempts)
        .number("log_last", job.log_last)
        .number("lease", job.lease)
        .number("stuck", job.stuck)
        .number("faults", job.faults)
        .optional_text("resumed_as", job.resumed_as.map(|id| id.to_string()).as_deref())
        .number("version", job.version);
    if job.taken_over > 0 {
        item = item.number("taken_over", job.taken_over);
    }
    if job.deep {
        item = item.number("deep", 1_u64);
    }
    if job.tries > 0 || job.refused > 0 {
        item = item.number("tries", job.tries).number("refused", job.refused);
    }
    if let Some(search) = &job.search {
        item = item.text("search", serde_json::json!(search).to_string());
    }
    if !job.seen.is_empty() {
        item = item.text("seen", serde_json::json!(job.seen).to_string());
    }
    if let Some(planned) = job.planned {
        item = item.number("planned", planned);
    }
    if let Some((pipeline, run)) = job.run {
        item = item.text("pipeline", pipeline.to_string()).number("run", run);
    }
    if let Some((veille, run)) = job.veille {
        item = item.number("veille", veille).number("veille_run", run);
    }
    item
}

pub(in crate::store) fn read_job(item: &Item) -> Result<Job, StoreError> {
    let reader = item.read("job");
    let input = match reader.text("input")? {
        "own" => JobInput::Own,
        "text" => JobInput::Text,
        id => JobInput::Of(JobId::parse(id).ok_or_else(|| reader.malformed("input"))?),
    };
    let id_of = |name: &'static str| match reader.optional_text(name) {
        None => Ok(None),
        Some(text) => JobId::parse(text).map(Some).ok_or_else(|| reader.malformed(name)),
    };
    let run = match reader.optional_text("pipeline") {
        None => None,
        Some(_) => Some((reader.parsed("pipeline", PipelineId::parse)?, reader.number("run")?)),
    };
    Ok(Job {
        id: reader.parsed("id", JobId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        module: reader.parsed("module", Module::parse)?,
        deep: reader.flag("deep")?,
        status: reader.parsed("status", JobStatus::parse)?,
        planned: if item.0.contains_key("planned") { Some(reader.number("planned")?) } else { None },
        processed: reader.number("processed")?,
        results: reader.number("results")?,
        errors: reader.number("errors")?,
        charged: reader.number("charged")?,
        taken_over: reader.count("taken_over")?,
        created_at: reader.time("created_at")?,
        started_at: reader.optional_time("started_at")?,
        completed_at: reader.optional_time("completed_at")?,
        expires_at: reader.time("expires_at")?,
        purge_at: reader.optional_time("purge_at")?,
        error_message: reader.optional_text("error_message").map(str::to_owned),
        source: id_of("source")?,
        run,
        veille: match item.0.contains_key("veille") {
            true => Some((reader.number("veille")?, reader.number("veille_run")?)),
            false => None,
        },
        input,
        ignored: reader.number("ignored")?,
        breakdown: reader.parsed("breakdown", |text| serde_json::from_str::<Map<String, Value>>(text).ok())?,
        attempts: reader.number("attempts")?,
        log_last: reader.number("log_last")?,
        lease: reader.number("lease")?,
        stuck: reader.number("stuck")?,
        faults: reader.number("faults")?,
        tries: u32::try_from(reader.count("tries")?).map_err(|_| reader.malformed("tries"))?,
        refused: reader.count("refused")?,
        search: match reader.optional_text("search") {
            Some(_) => Some(reader.parsed("search", |text| serde_json::from_str(text).ok())?),
            None => None,
        },
        seen: read_seen(item)?,
        resumed_as: id_of("resumed_as")?,
        version: reader.number("version")?,
    })
}

fn read_seen(item: &Item) -> Result<Vec<Seen>, StoreError> {
    let reader = item.read("job");
    match reader.optional_text("seen") {
        Some(text) => serde_json::from_str(text).map_err(|_| reader.malformed("seen")),
        None => Ok(Vec::new()),
    }
}

pub(super) fn parameters_key(id: JobId) -> (String, String) {
    (job_pk(id), "PARAMS".to_owned())
}

pub(in crate::store) fn parameters_item(
    (pk, sk): (String, String),
    parameters: &JobParameters,
) -> Result<Item, StoreError> {
    let document = serde_json::json!([parameters.options, parameters.input_columns, parameters.columns]);
    Ok(Item::new(pk, sk).bytes("parameters", pack(document.to_string().as_bytes())?))
}

pub(in crate::store) fn read_parameters(item: &Item) -> Result<JobParameters, StoreError> {
    let reader = item.read("job parameters");
    let text = unpack(reader.bytes("parameters")?)?;
    let document: (Map<String, Value>, Vec<String>, Vec<String>) =
        serde_json::from_slice(&text).map_err(|_| reader.malformed("parameters"))?;
    Ok(JobParameters { options: document.0, input_columns: document.1, columns: document.2 })
}

/// A transaction member that deletes an item of this version.
pub(super) fn delete_version(
    table: &str,
    pk: String,
    sk: String,
    version: u64,
) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder()
        .table_name(table)
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .condition_expression("#version = :version")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
        .build()
        .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

impl Store {
    /// A job as it is stored, whoever owns it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn any_job(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = header_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_job).transpose()
        })
    }

    /// A job of `user`; another one's is not there (outsend 2.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn job(&self, user: UserId, id: JobId) -> BoxFuture<'_, Result<Option<Job>, StoreError>> {
        Box::pin(async move { Ok(self.any_job(id).await?.filter(|job| job.user == user)) })
    }

    /// A job's parameters; none when it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn job_parameters(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobParameters>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = parameters_key(id);
            let item = self.get(&self.main, pk, sk).await?;
            item.as_ref().map(read_parameters).transpose()
        })
    }
}
