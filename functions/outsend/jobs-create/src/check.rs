//! A check of where a sender's mail lands (outsend 12.16).

use engine::delivery::Wanted;
use serde_json::{Map, Value};
use shared::{
    model::{Job, Module},
    outsend::{
        access::Caller,
        envelope::Problem,
        fields::{Fields, object},
        jobs::{new_job, one_check, store_job},
        messages::Fault,
        request_context::RequestContext,
    },
    store::{JobParameters, NewJob, PackedRows},
};

/// Whether a text has the form of a domain of mails, in any alphabet.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// Creates the job that a body asks for. It gets its plan when it begins, from the mailboxes that there are then: their
/// passwords are with the function that runs jobs, and nowhere else.
pub(crate) async fn create(cx: &RequestContext, caller: &Caller) -> Result<Job, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let domain = fields.trimmed("domain", 3, 120).map(|domain| domain.to_lowercase());
    if domain.as_deref().is_some_and(|domain| !is_domain(domain) || Wanted::new(domain, "", 0).is_none()) {
        fields.fault("domain", Fault::Format);
    }
    let subject = fields.optional_text("subject_filter", 0, 120);
    fields.finish()?;
    one_check(cx, caller).await?;
    let mut options = Map::new();
    options.insert("domain".to_owned(), Value::from(domain));
    options.extend(subject.map(|subject| ("subject_filter".to_owned(), Value::from(subject))));
    let columns = engine::columns::output(Module::DeliveryCheck, &options, &[]);
    let new = NewJob {
        job: new_job(cx, caller, Module::DeliveryCheck)?,
        parameters: JobParameters { options, input_columns: Vec::new(), columns },
        rows: PackedRows::default(),
        text: None,
        log: Vec::new(),
        resumes: None,
    };
    store_job(cx, caller, new).await
}
