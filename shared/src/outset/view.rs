//! Views: routing, negotiation and the order of checks that all operations share (outset 3, 7).

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    access::{Caller, Counted, Refusal, authenticate},
    envelope::{Problem, render_json},
    rules::{
        datetime,
        negotiate::{self, NegotiationError, Rendering},
        uuid::{SegmentId, read},
    },
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response, etag, origin},
    model::{Study, StudyId},
    secret::{KeyHash, sha256_hex},
    store::StoreError,
};

pub(super) const PLAIN: Rendering = Rendering { indent: None };

/// What a path names (outset 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    List,
    /// `None` when the segment is no id: such a study is not found.
    Detail(Option<StudyId>),
    Schema,
}

impl Resource {
    fn allow(self) -> &'static str {
        match self {
            Self::List | Self::Schema => "GET, HEAD, OPTIONS",
            Self::Detail(_) => "GET, PATCH, HEAD, OPTIONS",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::List => "Study List",
            Self::Detail(_) => "Study Instance",
            Self::Schema => "Schema",
        }
    }
}

/// The resource of a path under `/v1/`, and whether the path ends in its slash.
pub(super) fn route(path: &str) -> Option<(Resource, bool)> {
    let (bare, slashed) = path.strip_suffix('/').map_or((path, false), |bare| (bare, true));
    let rest = bare.strip_prefix("/v1/")?;
    let resource = match rest.split_once('/') {
        None if rest == "studies" => Resource::List,
        None if rest == "schema" => Resource::Schema,
        Some(("studies", segment)) if !segment.contains('/') => match read(segment) {
            SegmentId::Unrouted => return None,
            SegmentId::NotFound => Resource::Detail(None),
            SegmentId::Id(id) => Resource::Detail(Some(StudyId::from_uuid(id))),
        },
        _ => return None,
    };
    Some((resource, slashed))
}

/// The answer to a path that is routed nowhere (outset 4.3).
pub(super) fn unrouted() -> Response {
    Problem::NotFound.answer(PLAIN)
}

/// The redirect of a safe request whose path lacks its slash (outset 7.2).
pub(super) fn add_slash(request: &Request) -> Response {
    let query = request.query.encode();
    let mark = if query.is_empty() { "" } else { "?" };
    Response::empty(301)
        .header("Location", format!("{}{}/{mark}{query}", request.prefix, request.path))
        .header("Content-Type", "text/html; charset=utf-8")
}

/// Steps 1 and 2 up to the resource's own rules; an answer when the request is done already.
pub(super) fn arrive(context: &Context, request: &Request) -> Result<Resource, Response> {
    let Some((resource, slashed)) = route(&request.path) else { return Err(unrouted()) };
    if !slashed && request.is_safe() {
        return Err(add_slash(request));
    }
    match preflight(context, request) {
        Some(answer) => Err(answer),
        None => Ok(resource),
    }
}

/// The answer to a browser's preflight when the deployment allows its origin (outset 7.3).
fn preflight(context: &Context, request: &Request) -> Option<Response> {
    let origin = request.header("origin")?;
    let asked = request.header("access-control-request-method")?;
    let allowed = context.settings().outset.cors_origins.contains(&origin);
    (request.method == "OPTIONS" && allowed && !asked.is_empty()).then(|| {
        Response::empty(200)
            .header("Access-Control-Allow-Origin", origin)
            .header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS, PATCH")
            .header(
                "Access-Control-Allow-Headers",
                "authorization, content-type, if-match, if-none-match, idempotency-key",
            )
            .header("Vary", "Origin")
    })
}

/// Step 2 for the study resources (outset 9).
pub(super) fn negotiated(request: &Request) -> Result<Rendering, Problem> {
    let accept = request.header("accept");
    negotiate::json(request.query.last("format"), accept.as_deref()).map_err(|error| match error {
        NegotiationError::NotFound => Problem::NotFound,
        NegotiationError::NotAcceptable => Problem::NotAcceptable,
    })
}

/// A view's request once it is known who calls; operations add their own steps.
pub(super) struct RequestContext<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a Request,
    pub(super) resource: Resource,
    pub(super) rendering: Rendering,
    pub(super) caller: Caller,
    pub(super) now: OffsetDateTime,
}

impl RequestContext<'_> {
    /// Step 5 and the look-up of step 7: the study that was read, if it is the caller's.
    pub(super) async fn own(&mut self, study: FirstStudy) -> Result<(Study, Option<Counted>), Refusal> {
        let ((), counted) = self.caller.admit(self.context, self.now, std::future::ready(())).await?;
        let organization = self.caller.key.organization;
        let study = study.map_err(|error| (Problem::from(error), counted))?;
        let study = study.filter(|study| study.organization == organization);
        Ok((study.ok_or((Problem::NotFound, counted))?, counted))
    }
}

/// An operation's outcome and what its bucket said.
pub(super) type Outcome = Result<(Response, Option<Counted>), Refusal>;

/// What an operation reads before it is known who calls, given the resource and the key's hash.
pub(super) type First<T> = for<'a> fn(&'a Context, &'a Request, Resource, KeyHash) -> BoxFuture<'a, T>;

/// The study that was read first.
pub(super) type FirstStudy = Result<Option<Study>, StoreError>;

/// Reads the study that a detail's path names; whose it is, is looked at when it is known who calls.
pub(super) fn named_study<'a>(
    context: &'a Context,
    _: &'a Request,
    resource: Resource,
    _: KeyHash,
) -> BoxFuture<'a, FirstStudy> {
    Box::pin(async move {
        match resource {
            Resource::Detail(Some(id)) => context.store().linked_study(id).await,
            _ => Ok(None),
        }
    })
}

/// Runs an operation inside the steps that all study views share (outset 3).
pub(super) async fn view<T, F>(context: &Context, request: &Request, first: First<T>, operation: F) -> Response
where
    F: for<'a> FnOnce(RequestContext<'a>, T) -> BoxFuture<'a, Outcome>,
{
    let resource = match arrive(context, request) {
        Ok(resource) => resource,
        Err(answer) => return answer,
    };
    let rendering = match negotiated(request) {
        Ok(rendering) => rendering,
        Err(problem) => return dress(problem.answer(PLAIN), resource, None),
    };
    let now = context.clock().now();
    let first = |key| first(context, request, resource, key);
    let outcome = match authenticate(context, request, now, first).await {
        Ok((caller, read)) => {
            operation(RequestContext { context, request, resource, rendering, caller, now }, read).await
        }
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok((answer, counted)) => dress(answer, resource, counted),
        Err((problem, counted)) => dress(problem.answer(rendering), resource, counted),
    }
}

/// The headers of a study view's answers (outset 13.1, 13.2).
fn dress(mut answer: Response, resource: Resource, counted: Option<Counted>) -> Response {
    if answer.status != 304 {
        answer = answer.header("Allow", resource.allow());
    }
    answer = answer.header("Vary", "Accept, Authorization");
    if answer.status < 400 {
        answer = answer.header("Cache-Control", "private, no-cache");
    }
    rate_limit(answer, counted)
}

/// `RateLimit-Policy` and `RateLimit` (outset 13.2).
pub(super) fn rate_limit(answer: Response, counted: Option<Counted>) -> Response {
    let Some(Counted { policy, verdict }) = counted else { return answer };
    let (limit, left, reset) = (verdict.limit, verdict.remaining, verdict.reset_seconds);
    answer
        .header("RateLimit-Policy", format!("\"{policy}\";q={limit};w=60"))
        .header("RateLimit", format!("\"{policy}\";r={left};t={reset}"))
}

/// OPTIONS of a view (outset 7.3).
pub(super) fn options(resource: Resource, rendering: Rendering) -> Response {
    let body = json!({"name": resource.name(), "description": "", "renders": ["application/json"], "parses": ["application/json"]});
    render_json(200, &body, rendering)
}

/// A method that the resource does not have.
pub(super) async fn not_allowed(mut cx: RequestContext<'_>) -> Outcome {
    let (context, now) = (cx.context, cx.now);
    let ((), counted) = cx.caller.admit(context, now, std::future::ready(())).await?;
    Err((Problem::MethodNotAllowed(cx.request.method.clone()), counted))
}

/// OPTIONS of a study view, counted like any other request.
pub(super) async fn described(mut cx: RequestContext<'_>) -> Outcome {
    let (context, now) = (cx.context, cx.now);
    let ((), counted) = cx.caller.admit(context, now, std::future::ready(())).await?;
    Ok((options(cx.resource, cx.rendering), counted))
}

/// The origin and prefix that links are built on (outset 8.7).
pub(super) fn public_base(context: &Context, request: &Request) -> String {
    let configured = context.settings().outset.public_url.as_deref();
    let (proto, forwarded, host) =
        (request.header("x-forwarded-proto"), request.header("x-forwarded-host"), request.header("host"));
    let origin = origin::public_origin(configured, proto.as_deref(), forwarded.as_deref(), host.as_deref());
    match configured {
        Some(_) => origin,
        None => format!("{origin}{}", request.prefix),
    }
}

/// A study on the wire (outset 6).
pub(super) fn study_value(study: &Study, base: &str) -> Value {
    json!({
        "id": study.id.to_string(),
        "active": study.status.is_active(),
        "completion_url": study.completion_url,
        "name": study.name,
        "status": study.status.as_str(),
        "created_at": datetime::format(study.created_at),
        "updated_at": datetime::format(study.updated_at),
        "share_url": format!("{base}/interviews/public-surveys/{}/start/", study.id),
    })
}

/// A representation's strong tag (outset 13.3).
pub(super) fn tag_of(value: &Value) -> String {
    let digest = sha256_hex(value.to_string().as_bytes());
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// A study's 200, with its tag unless it is pretty-printed.
pub(super) fn study_answer(value: &Value, rendering: Rendering) -> Response {
    let answer = render_json(200, value, rendering);
    if rendering.indent.is_some() { answer } else { answer.header("ETag", tag_of(value)) }
}

/// `GET /v1/studies/{id}/` and every other method of its resource but PATCH.
#[must_use]
pub fn retrieve(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move { view(&context, &request, named_study, |cx, study| Box::pin(detail(cx, study))).await })
}

async fn detail(cx: RequestContext<'_>, study: FirstStudy) -> Outcome {
    match cx.request.method.as_str() {
        "GET" | "HEAD" => read_study(cx, study).await,
        "OPTIONS" => described(cx).await,
        _ => not_allowed(cx).await,
    }
}

async fn read_study(mut cx: RequestContext<'_>, study: FirstStudy) -> Outcome {
    let (study, counted) = cx.own(study).await?;
    let context = cx.context;
    let value = study_value(&study, &public_base(context, cx.request));
    let tag = tag_of(&value);
    let unchanged = cx.request.header("if-none-match").is_some_and(|header| etag::if_none_match(&header, &tag));
    let answer = if unchanged { Response::empty(304).header("ETag", tag) } else { study_answer(&value, cx.rendering) };
    Ok((answer, counted))
}

/// What is routed nowhere (outset 4.3); a known path that reached it by a slash is still unrouted.
#[must_use]
pub fn fallback(_context: Context, _request: Request) -> BoxFuture<'static, Response> {
    Box::pin(std::future::ready(unrouted()))
}
