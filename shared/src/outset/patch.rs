//! `PATCH /v1/studies/{id}/` (outset 10, 13.3, 13.4).

use time::OffsetDateTime;

use super::{
    envelope::Problem,
    rules::{
        body::{self, BodyError},
        error::FieldError,
        idempotency,
        patch::{self, Patch},
    },
    view::{
        FirstStudy, Outcome, RequestContext, named_study, not_allowed, public_base, study_answer, study_value, tag_of,
        view,
    },
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response, etag},
    model::{Activation, Status, Study},
    secret::sha256_hex,
    store::{Claim, Replay, UpdateError},
};

/// Largest body, in bytes (outset 10.2).
const MAX_BODY: usize = 1024 * 1024;

/// `PATCH /v1/studies/{id}/`.
#[must_use]
pub fn update(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move { view(&context, &request, named_study, |cx, study| Box::pin(dispatch(cx, study))).await })
}

async fn dispatch(mut cx: RequestContext<'_>, study: FirstStudy) -> Outcome {
    if cx.request.method != "PATCH" {
        return not_allowed(cx).await;
    }
    let (study, counted) = cx.own(study).await?;
    Ok((idempotent(&cx, study).await.map_err(|problem| (problem, counted))?, counted))
}

/// Step 8: at most one effect for an idempotency key (outset 13.4).
async fn idempotent(cx: &RequestContext<'_>, study: Study) -> Result<Response, Problem> {
    let Some(header) = cx.request.headers.get("idempotency-key") else { return apply(cx, study).await };
    let key = idempotency::read_key(header.as_bytes()).map_err(|_| {
        Problem::Invalid(vec![FieldError {
            field: None,
            code: "idempotency_key_invalid",
            detail: "Idempotency-Key is not valid.".to_owned(),
        }])
    })?;
    let store = cx.context.store();
    let record = sha256_hex(format!("{}\n{}\n{key}", cx.caller.key.hash.as_str(), study.id).as_bytes());
    let fingerprint = sha256_hex(&cx.request.body);
    match store.claim_idempotency(&record, &fingerprint, cx.now).await? {
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

/// Steps 9 to 12.
async fn apply(cx: &RequestContext<'_>, study: Study) -> Result<Response, Problem> {
    let (context, request) = (cx.context, cx.request);
    let base = public_base(context, request);
    let tag = |study: &Study| tag_of(&study_value(study, &base));
    let if_match = request.header("if-match");
    let agrees = |study: &Study| if_match.as_deref().is_none_or(|header| etag::if_match(header, &tag(study)));
    if !agrees(&study) {
        return Err(Problem::PreconditionFailed(tag(&study)));
    }
    let patch = read_patch(request)?;
    let now = cx.now;
    let (organization, id) = (study.organization, study.id);
    let exempt = match (study.status, patch.active) {
        // a draft is launched, and launches are for the dialect that knows of payments, too
        (Status::Draft, Some(true)) => {
            context.store().organization(organization).await?.is_some_and(|known| known.billing_exempt)
        }
        _ => false,
    };
    let change = |current: &Study| {
        if agrees(current) {
            next_state(current, &patch, exempt, now).map_err(Refused::Invalid)
        } else {
            Err(Refused::Overtaken)
        }
    };
    match context.store().update_study(organization, id, Some(study), &change).await {
        Ok(study) => Ok(study_answer(&study_value(&study, &base), cx.rendering)),
        Err(UpdateError::NotFound) => Err(Problem::NotFound),
        Err(UpdateError::Store(error)) => Err(error.into()),
        Err(UpdateError::Refused(Refused::Invalid(error))) => Err(Problem::Invalid(vec![error])),
        Err(UpdateError::Refused(Refused::Overtaken)) => {
            let current = context.store().study(organization, id).await?.ok_or(Problem::NotFound)?;
            Err(Problem::PreconditionFailed(tag(&current)))
        }
    }
}

fn read_patch(request: &Request) -> Result<Patch, Problem> {
    if request.body.len() > MAX_BODY {
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
fn next_state(current: &Study, patch: &Patch, exempt: bool, now: OffsetDateTime) -> Result<Option<Study>, FieldError> {
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
        (Activation::MoveTo(_), _) if current.status == Status::Draft => current.launched(exempt, now),
        (Activation::MoveTo(status), _) => current.moved_to(status, now),
        (Activation::Unchanged, Some(_)) => current.changed_at(now),
    };
    if let Some(url) = url {
        next.completion_url.clone_from(url);
    }
    Ok(Some(next))
}
