//! `PATCH /v1/studies/{id}/` (outset 10, 13.3, 13.4).

use time::OffsetDateTime;

use super::{
    envelope::Problem,
    rules::{
        body::{self, BodyError},
        conditional,
        error::FieldError,
        idempotency,
        patch::{self, Patch},
    },
    view::{
        FirstStudy, Outcome, Visit, named_study, not_allowed, public_base, study_answer, study_value, tag_of, view,
    },
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Activation, Study},
    secret::sha256_hex,
    serve::BoxFuture,
    store::{Claim, Replay, UpdateError},
};

/// Largest body, in bytes (outset 10.2).
const MOST_BODY: usize = 1024 * 1024;

/// `PATCH /v1/studies/{id}/`.
#[must_use]
pub fn update(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    Box::pin(
        async move { view(&context, &request, named_study, |visit, study| Box::pin(dispatch(visit, study))).await },
    )
}

async fn dispatch(mut visit: Visit<'_>, study: FirstStudy) -> Outcome {
    if visit.request.method != "PATCH" {
        return not_allowed(visit).await;
    }
    let (study, counted) = visit.own(study).await?;
    Ok((once(&visit, study).await.map_err(|problem| (problem, counted))?, counted))
}

/// Step 8: at most one effect for an idempotency key (outset 13.4).
async fn once(visit: &Visit<'_>, study: Study) -> Result<Answer, Problem> {
    let Some(header) = visit.request.headers.get("idempotency-key") else { return apply(visit, study).await };
    let key = idempotency::read_key(header.as_bytes()).map_err(|_| {
        Problem::Invalid(vec![FieldError {
            field: None,
            code: "idempotency_key_invalid",
            detail: "Idempotency-Key is not valid.".to_owned(),
        }])
    })?;
    let store = visit.context.store();
    let record = sha256_hex(format!("{}\n{}\n{key}", visit.caller.key.hash.as_str(), study.id).as_bytes());
    let fingerprint = sha256_hex(&visit.request.body);
    match store.claim_idempotency(&record, &fingerprint, visit.now).await? {
        Claim::OtherRequest => return Err(Problem::IdempotencyKeyReused),
        Claim::InProgress => return Err(Problem::IdempotencyInProgress),
        Claim::Finished(replay) => return Ok(replayed(replay)),
        Claim::First => {}
    }
    let answer = apply(visit, study).await.unwrap_or_else(|problem| problem.answer(visit.rendering));
    if answer.status >= 500 {
        store.release_idempotency(&record).await?;
        return Ok(answer);
    }
    let etag = answer.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.clone());
    let replay = Replay { status: answer.status, body: answer.body.clone(), etag };
    store.finish_idempotency(&record, &replay, visit.now).await?;
    Ok(answer)
}

fn replayed(replay: Replay) -> Answer {
    let answer = Answer::empty(replay.status)
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

/// Steps 9 to 12.
async fn apply(visit: &Visit<'_>, study: Study) -> Result<Answer, Problem> {
    let (context, request) = (visit.context, visit.request);
    let base = public_base(context, request);
    let tag = |study: &Study| tag_of(&study_value(study, &base));
    let if_match = request.header("if-match");
    let agrees = |study: &Study| if_match.as_deref().is_none_or(|header| conditional::if_match(header, &tag(study)));
    if !agrees(&study) {
        return Err(Problem::PreconditionFailed(tag(&study)));
    }
    let patch = read_patch(request)?;
    let now = visit.now;
    let (organization, id) = (study.organization, study.id);
    let change = |current: &Study| {
        if agrees(current) {
            next_state(current, &patch, now).map_err(Refused::Invalid)
        } else {
            Err(Refused::Overtaken)
        }
    };
    match context.store().update_study(organization, id, Some(study), &change).await {
        Ok(study) => Ok(study_answer(&study_value(&study, &base), visit.rendering)),
        Err(UpdateError::NotFound) => Err(Problem::NotFound),
        Err(UpdateError::Store(error)) => Err(error.into()),
        Err(UpdateError::Refused(Refused::Invalid(error))) => Err(Problem::Invalid(vec![error])),
        Err(UpdateError::Refused(Refused::Overtaken)) => {
            let current = context.store().study(organization, id).await?.ok_or(Problem::NotFound)?;
            Err(Problem::PreconditionFailed(tag(&current)))
        }
    }
}

fn read_patch(request: &ApiRequest) -> Result<Patch, Problem> {
    if request.body.len() > MOST_BODY {
        return Err(Problem::TooLarge);
    }
    let general = |code, detail: String| Problem::Invalid(vec![FieldError { field: None, code, detail }]);
    let content_type = request.header("content-type");
    let parsed = body::parse(content_type.as_deref(), &request.body).map_err(|error| match error {
        BodyError::UnsupportedMediaType(media) => Problem::UnsupportedMediaType(media),
        BodyError::ParseError(cause) => Problem::Unparsable(cause),
        BodyError::NotAnObject(kind) => {
            general("invalid", format!("Invalid data. Expected a dictionary, but got {kind}."))
        }
        BodyError::Null => general("null", "No data provided".to_owned()),
    })?;
    patch::validate(&parsed).map_err(Problem::Invalid)
}

/// The study after the patch, or `None` when the patch changes nothing (outset 6.2).
fn next_state(current: &Study, patch: &Patch, now: OffsetDateTime) -> Result<Option<Study>, FieldError> {
    let activation = match patch.active {
        None => Activation::Unchanged,
        Some(active) => current.activation(active).map_err(|refused| FieldError {
            field: Some("active"),
            code: "invalid",
            detail: refused.to_string(),
        })?,
    };
    let url = patch.completion_url.as_ref().filter(|url| **url != current.completion_url);
    let mut next = match (activation, url) {
        (Activation::Unchanged, None) => return Ok(None),
        (Activation::MoveTo(status), _) => current.moved_to(status, now),
        (Activation::Unchanged, Some(_)) => current.changed_at(now),
    };
    if let Some(url) = url {
        next.completion_url.clone_from(url);
    }
    Ok(Some(next))
}
