//! An endpoint: its resource, what it reads beside the key, and what it does. The checks run in the contract's order
//! before the handler (outset 3).

use std::sync::Arc;

use super::{
    access::{self, Admission, Caller},
    dialect::DIALECT,
    envelope::{Problem, json_answer},
    negotiation::{self, NegotiationError},
    participants,
    rendering::COMPACT,
    request_context::RequestContext,
    routes::{Matched, Resource},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    lambda::{self, Function, Invoke, Storeless, storeless},
    secret::KeyHash,
};

/// What a handler comes to.
pub type Outcome<'a> = BoxFuture<'a, Result<Response, Problem>>;

/// What an endpoint reads while the key is checked.
pub type Preload<T> = for<'a> fn(&'a RequestContext, &'a KeyHash) -> BoxFuture<'a, T>;

/// A handler that gets a caller whose key may do this, and what was read meanwhile.
pub type Handler<T> = for<'a> fn(&'a RequestContext, Caller, T) -> Outcome<'a>;

/// A handler of a participant link, which gets the variable segment of the path.
pub type LinkHandler = for<'a> fn(&'a RequestContext, &'a str) -> Outcome<'a>;

/// What a handler does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It answers GET and HEAD, and changes nothing: it runs while the request is counted, and its outcome is dropped
    /// when the limit was reached.
    Read,
    /// It answers PATCH, after the request was counted.
    Update,
}

impl Operation {
    fn answers(self, method: &str) -> bool {
        match self {
            Self::Read => matches!(method, "GET" | "HEAD"),
            Self::Update => method == "PATCH",
        }
    }
}

/// An endpoint of a study resource.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<T> {
    name: &'static str,
    resource: Resource,
    operation: Operation,
    preload: Preload<T>,
    handler: Handler<T>,
}

/// An endpoint that needs a key (outset 3): path, negotiation, key, scope and limit are checked, and the handler gets
/// the caller. What `preload` reads is handed to it then; nobody else sees it. OPTIONS and the methods that the
/// resource does not have are answered here.
#[must_use]
pub const fn endpoint<T>(
    name: &'static str,
    resource: Resource,
    operation: Operation,
    preload: Preload<T>,
    handler: Handler<T>,
) -> Endpoint<T> {
    Endpoint { name, resource, operation, preload, handler }
}

impl<T: Send + 'static> Function for Endpoint<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let Self { resource, operation, preload, handler, .. } = *self;
        let steps = move |context, request| -> BoxFuture<'static, Response> {
            Box::pin(async move {
                let cx = match arrive(context, request, resource) {
                    Ok(cx) => cx,
                    Err(answer) => return *answer,
                };
                let work: Outcome<'_> = Box::pin(async {
                    let key = access::presented_key(&cx).await?;
                    let (authenticated, read) =
                        futures_util::future::join(access::authenticate(&cx, &key), preload(&cx, &key)).await;
                    let (caller, admission) = authenticated?;
                    if operation.answers(&cx.request.method) {
                        admitted(&cx, admission, operation, handler(&cx, caller, read)).await
                    } else {
                        other_method(&cx, admission, resource, operation).await
                    }
                });
                let answer = work.await.unwrap_or_else(|problem| problem.answer(cx.rendering));
                finished(&cx, resource, answer)
            })
        };
        serve(self.name, context, steps)
    }
}

/// An HTTP function of this dialect.
fn serve(
    name: &'static str,
    context: Context,
    steps: impl Fn(Context, Request) -> BoxFuture<'static, Response> + Send + Sync + 'static,
) -> Invoke {
    let clock = context.clock().clone();
    lambda::http(name, &DIALECT, clock, false, Arc::new(move |request| steps(context.clone(), request)))
}

/// Steps 1 and 2 of a study resource; an answer when the request is done already.
fn arrive(context: Context, request: Request, resource: Resource) -> Result<RequestContext, Box<Response>> {
    let study = routed(&context, &request, resource)?;
    let accept = request.header("accept");
    let rendering = negotiation::json(request.query.last("format"), accept.as_deref());
    let cx = RequestContext::new(context, request, study, rendering.unwrap_or(COMPACT));
    match rendering {
        Ok(_) => Ok(cx),
        Err(error) => Err(Box::new(finished(&cx, resource, Problem::from(error).answer(COMPACT)))),
    }
}

/// Step 1, and the answers that need no view: the study that the path names.
fn routed(
    context: &Context,
    request: &Request,
    resource: Resource,
) -> Result<Option<crate::model::StudyId>, Box<Response>> {
    let Some(Matched { study, slashed }) = resource.matches(&request.path) else { return Err(Box::new(unrouted())) };
    if !slashed && request.is_safe() {
        return Err(Box::new(add_slash(request)));
    }
    match preflight(context, request) {
        Some(answer) => Err(Box::new(answer)),
        None => Ok(study),
    }
}

/// The answer to a path that is routed nowhere (outset 4.3).
fn unrouted() -> Response {
    Problem::NotFound.answer(COMPACT)
}

/// The redirect of a safe request whose path lacks its slash (outset 7.2).
fn add_slash(request: &Request) -> Response {
    let query = request.query.encode();
    let mark = if query.is_empty() { "" } else { "?" };
    Response::empty(301)
        .header("Location", format!("{}{}/{mark}{query}", request.prefix, request.path))
        .header("Content-Type", "text/html; charset=utf-8")
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

/// Step 5, and the handler's `work` beside or behind it.
fn admitted<'a>(cx: &'a RequestContext, admission: Admission, operation: Operation, work: Outcome<'a>) -> Outcome<'a> {
    let limit = admission.check_rate_limit(cx);
    Box::pin(async move {
        match operation {
            Operation::Read => {
                let (admitted, outcome) = futures_util::future::join(limit, work).await;
                admitted.and(outcome)
            }
            Operation::Update => {
                limit.await?;
                work.await
            }
        }
    })
}

/// Steps 5 and 6 of a method that is not the handler's.
fn other_method<'a>(
    cx: &'a RequestContext,
    admission: Admission,
    resource: Resource,
    operation: Operation,
) -> Outcome<'a> {
    let limit = admission.check_rate_limit(cx);
    Box::pin(async move {
        limit.await?;
        match cx.request.method.as_str() {
            "OPTIONS" if operation == Operation::Read => Ok(json_answer(200, &resource.description(), cx.rendering)),
            method => Err(Problem::MethodNotAllowed(method.to_owned())),
        }
    })
}

/// The headers of a resource's answers (outset 13.1, 13.2).
fn finished(cx: &RequestContext, resource: Resource, mut answer: Response) -> Response {
    if answer.status != 304 {
        answer = answer.header("Allow", resource.allow());
    }
    answer = answer.header("Vary", resource.vary());
    if answer.status < 400 {
        answer = answer.header("Cache-Control", resource.cache_control());
    }
    cx.rate_limit_headers(answer)
}

/// The schema document, which everybody may read.
#[derive(Clone, Copy, Debug)]
pub struct Document<M> {
    name: &'static str,
    negotiate: fn(&Request) -> Result<M, NegotiationError>,
    handler: fn(&RequestContext, M) -> Response,
}

/// The endpoint of the schema document, which needs no key and counts for the address (outset 11). The document is
/// written in the media type that `negotiate` finds.
#[must_use]
pub const fn document<M>(
    name: &'static str,
    negotiate: fn(&Request) -> Result<M, NegotiationError>,
    handler: fn(&RequestContext, M) -> Response,
) -> Document<M> {
    Document { name, negotiate, handler }
}

impl<M: Send + 'static> Function for Document<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let Self { negotiate, handler, .. } = *self;
        let steps = move |context, request| -> BoxFuture<'static, Response> {
            Box::pin(async move {
                if let Err(answer) = routed(&context, &request, Resource::Schema) {
                    return *answer;
                }
                let media = negotiate(&request);
                let cx = RequestContext::new(context, request, None, COMPACT);
                let answer = match media {
                    Ok(media) => counted_document(&cx, Box::new(move |cx| handler(cx, media))).await,
                    Err(error) => Err(error.into()),
                };
                finished(&cx, Resource::Schema, answer.unwrap_or_else(|problem| problem.answer(COMPACT)))
            })
        };
        serve(self.name, context, steps)
    }
}

/// Steps 5 and 6 of the schema document.
fn counted_document<'a>(
    cx: &'a RequestContext,
    write: Box<dyn FnOnce(&RequestContext) -> Response + Send + 'a>,
) -> Outcome<'a> {
    Box::pin(async move {
        access::check_address_limit(cx).await?;
        match cx.request.method.as_str() {
            "GET" | "HEAD" => Ok(write(cx)),
            "OPTIONS" => Ok(json_answer(200, &Resource::Schema.description(), COMPACT)),
            method => Err(Problem::MethodNotAllowed(method.to_owned())),
        }
    })
}

/// A link that a participant's browser follows.
#[derive(Clone, Copy, Debug)]
pub struct ParticipantLink {
    name: &'static str,
    path: &'static str,
    handler: LinkHandler,
}

/// A participant link (outset 14): there is no key, each request counts for its address, and the handler answers GET
/// and HEAD. `path` has one variable segment, in braces.
#[must_use]
pub const fn participant_link(name: &'static str, path: &'static str, handler: LinkHandler) -> ParticipantLink {
    ParticipantLink { name, path, handler }
}

impl Function for ParticipantLink {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let Self { path, handler, .. } = *self;
        let steps = move |context, request| -> BoxFuture<'static, Response> {
            Box::pin(follow(context, request, path, handler))
        };
        serve(self.name, context, steps)
    }
}

async fn follow(context: Context, request: Request, path: &'static str, handler: LinkHandler) -> Response {
    let Some((segment, slashed)) = participants::segment(&request.path, path) else { return unrouted() };
    let segment = segment.to_owned();
    if !slashed && request.is_safe() {
        return add_slash(&request);
    }
    let cx = RequestContext::new(context, request, None, COMPACT);
    let outcome = match access::check_address_limit(&cx).await {
        Ok(()) if cx.request.method == "GET" && participants::is_ahead(&cx.request) => {
            Ok(participants::refused(&cx, participants::AHEAD))
        }
        Ok(()) if matches!(cx.request.method.as_str(), "GET" | "HEAD") => handler(&cx, &segment).await,
        Ok(()) => Ok(participants::method_not_allowed(&cx)),
        Err(problem) => Err(problem),
    };
    let answer = outcome.unwrap_or_else(|problem| problem.answer(COMPACT));
    cx.rate_limit_headers(answer.header("Cache-Control", "no-store"))
}

/// What is routed nowhere (outset 4.3); a known path that reached it by a slash is unrouted, too.
#[must_use]
pub const fn fallback(name: &'static str) -> Storeless<()> {
    storeless(name, &DIALECT, |(), _| unrouted())
}
