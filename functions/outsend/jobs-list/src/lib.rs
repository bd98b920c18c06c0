//! `GET /api/jobs`: the caller's jobs, newest first (outsend 8.1).

use shared::{
    BoxFuture,
    http::Response,
    model::{Job, JobStatus, Module, UserId},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        authentication::known_user,
        envelope::{Problem, json_answer},
        fields::Paging,
        jobs::{JobView, view},
        messages::Fault,
        request_context::RequestContext,
    },
    store::{JobFilter, StoreError},
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<KnownPage> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, known_page, |cx, caller, known| {
        Box::pin(list(cx, caller, known))
    });

/// The page of the user whom this process knows by the credential, if it knows one.
type KnownPage = Result<Option<(UserId, Vec<Job>)>, StoreError>;

fn known_page(cx: &RequestContext) -> BoxFuture<'_, KnownPage> {
    Box::pin(async {
        let (Some(user), Ok((filter, paging))) = (known_user(cx), filter(cx)) else { return Ok(None) };
        page(cx, user, &filter, paging).await.map(|jobs| Some((user, jobs)))
    })
}

async fn list(cx: &RequestContext, caller: Caller, known: KnownPage) -> Result<Response, Problem> {
    let user = caller.account.user.id;
    let (filter, paging) = filter(cx)?;
    let jobs = match known? {
        Some((known, jobs)) if known == user => jobs,
        _ => page(cx, user, &filter, paging).await?,
    };
    let jobs: Vec<JobView<'_>> = jobs.iter().map(|job| view(job, cx.now)).collect();
    Ok(json_answer(200, &jobs))
}

async fn page(cx: &RequestContext, user: UserId, filter: &JobFilter, paging: Paging) -> Result<Vec<Job>, StoreError> {
    cx.context.store().jobs_page(user, filter, (paging.offset, paging.limit), cx.now).await
}

/// The names that `type` takes, as they are told; hyphens are taken for underscores.
const TYPES: &str = "scrap, import, reviews, emails, verify_emails, socials, dead_check, techstack, ads_intelligence, \
                     brand_assets, legal_ids, legal_data, legal_mentions, phones_extra, pagespeed, delivery_check, sort, filter";

/// What the query asks for; 422 when it cannot be read.
fn filter(cx: &RequestContext) -> Result<(JobFilter, Paging), Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 500, 50, &mut faults);
    let statuses = cx.request.query.listed("status", JobStatus::parse).unwrap_or_else(|| {
        faults.push(("status".to_owned(), Fault::OneOf("pending, running, done, failed, cancelled, expired")));
        Vec::new()
    });
    let modules = cx.request.query.listed("type", Module::parse_either).unwrap_or_else(|| {
        faults.push(("type".to_owned(), Fault::OneOf(TYPES)));
        Vec::new()
    });
    if faults.is_empty() { Ok((JobFilter { statuses, modules }, paging)) } else { Err(Problem::Invalid(faults)) }
}

#[cfg(test)]
mod tests {
    use shared::model::registry::MODULES;

    use super::*;

    #[test]
    fn every_type_is_told() {
        let slugs: Vec<_> = MODULES.iter().map(|entry| entry.slug).collect();
        assert_eq!(TYPES, slugs.join(", "));
    }
}
