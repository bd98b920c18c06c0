//! `PATCH /v1/studies/{id}/`: changes a study (outset 10, 13.3, 13.4).

mod body;
mod idempotency_key;
mod json;
mod patch;

use time::OffsetDateTime;

use shared::{
    http::{Request, Response, etag::listed},
    model::{Activation, Status, Study},
    outset::{
        self, Endpoint, Operation,
        access::Caller,
        envelope::{FieldError, Problem},
        request_context::RequestContext,
        routes::Resource,
        studies::{NamedStudy, StudyView, named, owned},
    },
    store::{Claim, IdempotencyRecord, Replay, UpdateError},
};

use self::patch::Patch;

/// The function.
pub const FUNCTION: Endpoint<NamedStudy> =
    outset::endpoint(env!("CARGO_PKG_NAME"), Resource::Detail, Operation::Update, named, |cx, caller, study| {
        Box::pin(update(cx, caller, study))
    });

/// Largest body, in bytes (outset 10.2).
const MAX_BODY: usize = 1024 * 1024;

async fn update(cx: &RequestContext, caller: Caller, study: NamedStudy) -> Result<Response, Problem> {
    let study = owned(&caller, study)?;
    match cx.request.headers.get("idempotency-key") {
        None => apply(cx, study).await,
        Some(header) => idempotent(cx, &caller, study, header.as_bytes()).await,
    }
}

/// Step 8: at most one effect for an idempotency key (outset 13.4).
async fn idempotent(cx: &RequestContext, caller: &Caller, study: Study, header: &[u8]) -> Result<Response, Problem> {
    let key = idempotency_key::read(header).map_err(|_| {
        Problem::Invalid(vec![FieldError::general("idempotency_key_invalid", "Idempotency-Key is not valid.")])
    })?;
    let store = cx.context.store();
    let identity = format!("{}\n{}\n{key}", caller.key.as_str(), study.id);
    let record = IdempotencyRecord::new("", &identity, &cx.request.body);
    match store.claim_idempotency(&record, cx.now).await? {
        Claim::OtherRequest => return Err(Problem::IdempotencyKeyReused),
        Claim::InProgress => return Err(Problem::IdempotencyInProgress),
        Claim::Finished(replay) => return Ok(replayed(replay)),
        Claim::First => {}
    }
    let answer = apply(cx, study).await.unwrap_or_else(|problem| problem.answer(cx.rendering));
    if answer.status >= 500 {
        store.release_idempotency(&record).await?;
        return Ok(answer);
    }
    let etag = answer.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.clone());
    let replay = Replay { status: answer.status, body: answer.body.clone(), etag };
    store.finish_idempotency(&record, &replay, cx.now).await?;
    Ok(answer)
}

fn replayed(replay: Replay) -> Response {
    let answer = Response::empty(replay.status)
        .header("Content-Type", "application/json")
        .header("Idempotency-Replayed", "true")
        .body(replay.body);
    let answer = if replay.status >= 400 { answer.header("Cache-Control", "no-store") } else { answer };
    match replay.etag {
        Some(etag) => answer.header("ETag", etag),
        None => answer,
    }
}

/// Why a change is not made.
enum Refused {
    Invalid(FieldError),
    Overtaken,
}

/// Steps 9 to 12: preconditions, body, validation, and the change.
async fn apply(cx: &RequestContext, study: Study) -> Result<Response, Problem> {
    let store = cx.context.store();
    let base = cx.base();
    let tag = |study: &Study| StudyView::new(study, &base).tag();
    let expected = cx.request.header("if-match");
    let agrees = |study: &Study| expected.as_deref().is_none_or(|header| if_match(header, &tag(study)));
    if !agrees(&study) {
        return Err(Problem::PreconditionFailed(tag(&study)));
    }
    let patch = read_patch(&cx.request)?;
    let (organization, id) = (study.organization, study.id);
    let exempt = match (study.details.payment.is_settled(), patch.active) {
        // what is opened must be paid for, or need not be
        (false, Some(true)) => store.organization(organization).await?.is_some_and(|known| known.billing_exempt),
        _ => false,
    };
    let change = |current: &Study| {
        if agrees(current) {
            next_state(current, &patch, exempt, cx.now).map_err(Refused::Invalid)
        } else {
            Err(Refused::Overtaken)
        }
    };
    match store.update_study(organization, id, Some(study), &change).await {
        Ok(study) => Ok(StudyView::new(&study, &base).answer(cx.rendering)),
        Err(UpdateError::NotFound) => Err(Problem::NotFound),
        Err(UpdateError::Store(error)) => Err(error.into()),
        Err(UpdateError::Refused(Refused::Invalid(error))) => Err(Problem::Invalid(vec![error])),
        Err(UpdateError::Refused(Refused::Overtaken)) => {
            let current = store.study(organization, id).await?.ok_or(Problem::NotFound)?;
            Err(Problem::PreconditionFailed(tag(&current)))
        }
    }
}

/// Whether `If-Match` names `tag`, strongly compared (outset 13.3).
fn if_match(header: &str, tag: &str) -> bool {
    listed(header).is_none_or(|tags| tags.contains(&tag))
}

fn read_patch(request: &Request) -> Result<Patch, Problem> {
    if request.body.len() > MAX_BODY {
        return Err(Problem::TooLarge);
    }
    let object = body::parse(request.header("content-type").as_deref(), &request.body)?;
    patch::validate(&object).map_err(Problem::Invalid)
}

/// The study after the patch, or `None` when the patch changes nothing (outset 6.2).
fn next_state(current: &Study, patch: &Patch, exempt: bool, now: OffsetDateTime) -> Result<Option<Study>, FieldError> {
    let activation = match patch.active {
        None => Activation::Unchanged,
        Some(active) => {
            current.activation(active).map_err(|refused| FieldError::of("active", "invalid", refused.to_string()))?
        }
    };
    let opens = matches!(activation, Activation::MoveTo(to) if to.is_active());
    if opens && !exempt && !current.details.payment.is_settled() {
        return Err(FieldError::of(
            "active",
            "payment_required",
            "This study must be paid for before it can be opened.",
        ));
    }
    let url = patch.completion_url.as_ref().filter(|url| **url != current.completion_url);
    let mut next = match (activation, url) {
        (Activation::Unchanged, None) => return Ok(None),
        (Activation::MoveTo(_), _) if current.status == Status::Draft => current.launched(exempt, now),
        (Activation::MoveTo(status), _) => current.moved_to(status, now),
        (Activation::Unchanged, Some(_)) => current.changed_at(now),
    };
    if let Some(url) = url {
        next.completion_url.clone_from(url);
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_tags_and_stars() {
        assert!(!if_match("\"a\", W/\"b\"", "\"b\""));
        assert!(if_match("\"a\", \"b\"", "\"b\""));
        assert!(if_match(" * ", "\"b\""));
        assert!(!if_match("\"0\"", "\"b\""));
    }
}
