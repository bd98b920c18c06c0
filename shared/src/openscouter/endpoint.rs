//! An endpoint: who may call it, and what it does. The checks run in the contract's order before the handler
//! (openscouter 2.5).

use std::sync::Arc;

use serde_json::Value;

use super::{
    DIALECT,
    access::{Access, Audience, Caller},
    authentication,
    envelope::{Problem, success},
    format::is_allowed_origin,
    pages::{self, Shown},
    request_context::RequestContext,
    routes::ROUTES,
};
use crate::{
    BoxFuture,
    config::Pages,
    context::Context,
    http::{Request, Response, routes::methods},
    lambda::{self, Function, Invoke, Storeless, storeless},
    page::FormPage,
};

/// What a handler comes to.
pub type Outcome<'a> = BoxFuture<'a, Result<Response, Problem>>;

/// A handler that gets a caller who passed every check.
pub type CallerHandler = for<'a> fn(&'a RequestContext, Caller) -> Outcome<'a>;

/// A handler of a request whose caller need not be known.
pub type AnonymousHandler = for<'a> fn(&'a RequestContext) -> Outcome<'a>;

/// A check of an endpoint's own, before its handler runs.
pub type Guard = for<'a> fn(&'a RequestContext) -> BoxFuture<'a, Result<(), Problem>>;

/// An endpoint of this API.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    name: &'static str,
    streams: bool,
    steps: Steps,
    shown: Option<Shown>,
}

/// Steps 4 to 7, and the handler behind them.
#[derive(Clone, Copy, Debug)]
enum Steps {
    Callers(Access, CallerHandler),
    Anyone(AnonymousHandler),
    Guarded(Guard, AnonymousHandler),
}

/// An endpoint that only some may call (openscouter 4): credential, limit, account and `access` are checked, and the
/// handler gets the caller.
#[must_use]
pub const fn endpoint(name: &'static str, access: Access, handler: CallerHandler) -> Endpoint {
    Endpoint { name, streams: false, steps: Steps::Callers(access, handler), shown: None }
}

/// An endpoint that anyone may call: each request counts for its address (openscouter 2.8).
#[must_use]
pub const fn anonymous(name: &'static str, handler: AnonymousHandler) -> Endpoint {
    Endpoint { name, streams: false, steps: Steps::Anyone(handler), shown: None }
}

/// An endpoint that has a credential of its own, which `guard` checks and counts (openscouter 16.3, 20).
#[must_use]
pub const fn guarded(name: &'static str, guard: Guard, handler: AnonymousHandler) -> Endpoint {
    Endpoint { name, streams: false, steps: Steps::Guarded(guard, handler), shown: None }
}

/// A page that only some may see: as [`endpoint`], but who is not signed in is sent to do that, and every refusal is a page
/// (openscouter 7.3).
#[must_use]
pub const fn page(name: &'static str, access: Access, handler: CallerHandler) -> Endpoint {
    Endpoint { shown: Some(Shown::Everything), ..endpoint(name, access, handler) }
}

/// What is routed nowhere: 404, or 405 where only the method is wrong; and every preflight (openscouter 2.4, 2.9).
#[must_use]
pub const fn fallback(name: &'static str) -> Storeless<Pages> {
    storeless(name, &DIALECT, |pages, request| {
        let answer = match routed(pages, request) {
            Ok(Some(preflight)) => preflight,
            Ok(None) => nowhere().answer(),
            Err(problem) => problem.answer(),
        };
        finished(pages, request, answer)
    })
}

impl Endpoint {
    /// The same, but all of its answers are streamed; its routes must say so in the template.
    #[must_use]
    pub const fn streaming(self) -> Self {
        Self { streams: true, ..self }
    }

    /// The same, with a page whose form comes to it (openscouter 7.3); the template declares the page's path, too.
    #[must_use]
    pub const fn with_form(self, form: &'static FormPage) -> Self {
        Self { shown: Some(Shown::Form(form)), ..self }
    }
}

impl Function for Endpoint {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let (steps, shown) = (self.steps, self.shown);
        let clock = context.clock().clone();
        let handler = move |request| -> BoxFuture<'static, Response> {
            let cx = RequestContext::new(context.clone(), request);
            match shown.filter(|shown| shown.takes(&cx)) {
                Some(shown) => Box::pin(respond_with_page(cx, shown, steps)),
                None => Box::pin(respond(cx, steps)),
            }
        };
        lambda::http(self.name, &DIALECT, clock, self.streams, Arc::new(handler))
    }
}

/// Answers a request: preflight and route, the endpoint's steps, and the headers that every answer has.
async fn respond(cx: RequestContext, steps: Steps) -> Response {
    let pages = &cx.context.settings().openscouter.pages;
    let mut response = match routed(pages, &cx.request) {
        Ok(Some(preflight)) => preflight,
        Ok(None) => run(&cx, steps).await.unwrap_or_else(Problem::answer),
        Err(problem) => problem.answer(),
    };
    if let Some(counted) = cx.counted() {
        response = counted.headers(response);
    }
    finished(pages, &cx.request, response)
}

/// As [`respond`], for a page: no other site may read it.
async fn respond_with_page(cx: RequestContext, shown: Shown, steps: Steps) -> Response {
    let context = cx.context.clone();
    let settings = &context.settings().openscouter.pages;
    let answer = match routed(settings, &cx.request) {
        Ok(Some(preflight)) => preflight,
        Ok(None) => pages::respond(cx, shown, &|cx| Box::pin(run(cx, steps))).await,
        Err(problem) => problem.answer(),
    };
    secured(settings, answer)
}

/// Steps 4 to 7, then the handler.
async fn run(cx: &RequestContext, steps: Steps) -> Result<Response, Problem> {
    match steps {
        Steps::Callers(access, handler) => {
            let caller = match access.audience {
                Audience::Api => authentication::caller(cx, access).await?,
                Audience::Mcp => mcp_caller(cx, access).await?,
            };
            handler(cx, caller).await
        }
        Steps::Anyone(handler) => {
            cx.anonymous().await?;
            handler(cx).await
        }
        Steps::Guarded(guard, handler) => {
            guard(cx).await?;
            handler(cx).await
        }
    }
}

/// As other callers, but no foreign page may ask at all, and who is unknown is told where tokens are given out
/// (openscouter 19.1).
async fn mcp_caller(cx: &RequestContext, access: Access) -> Result<Caller, Problem> {
    let foreign = cx.request.headers.contains_key("origin")
        && allowed_origin(&cx.context.settings().openscouter.pages, &cx.request).is_none();
    if foreign {
        return Err(Problem::forbidden("Origin is not allowed"));
    }
    authentication::caller(cx, access).await.map_err(|problem| match problem {
        Problem::Refused(401, _) => {
            let metadata = format!("{}/.well-known/oauth-protected-resource/api/mcp", cx.base());
            let fault = if cx.request.header("authorization").is_some() { ", error=\"invalid_token\"" } else { "" };
            let challenge = format!("Bearer resource_metadata=\"{metadata}\"{fault}");
            Problem::Other(Box::new(problem.answer().header("WWW-Authenticate", challenge)))
        }
        other => other,
    })
}

/// Whether a path is the MCP server's, whose clients send and read headers of its own (openscouter 2.9, 19.1).
fn is_mcp(request: &Request) -> bool {
    matches!(&*request.path, "/api/mcp" | "/api/mcp/mcp")
}

/// Whether a path is one of those by which a client of the MCP server comes to its tokens.
fn is_of_mcp_clients(request: &Request) -> bool {
    request.path.starts_with("/.well-known/") || request.path.starts_with("/api/oauth/")
}

/// The headers that every answer has (openscouter 2.3, 2.9).
fn finished(pages: &Pages, request: &Request, response: Response) -> Response {
    cors(pages, request, secured(pages, response))
}

/// What caches and browsers may do with an answer (openscouter 2.11).
fn secured(pages: &Pages, mut response: Response) -> Response {
    if response.headers.iter().all(|(name, _)| *name != "Cache-Control") {
        response = response.header("Cache-Control", "no-store");
    }
    if pages.production {
        response = response.header("Strict-Transport-Security", "max-age=31536000");
    }
    response
}

/// Steps 2 and 3; an answer when the request is a preflight.
fn routed(pages: &Pages, request: &Request) -> Result<Option<Response>, Problem> {
    if request.method == "OPTIONS" {
        let answer = success(200, &Value::Null);
        if allowed_origin(pages, request).is_none() {
            return Ok(Some(answer));
        }
        let own = match () {
            () if is_mcp(request) => ", MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID",
            // clients of the MCP server say its version wherever they look for who lets them in
            () if is_of_mcp_clients(request) => ", MCP-Protocol-Version",
            () => "",
        };
        let headers = format!("Authorization, Content-Type, Idempotency-Key, x-webhook-secret{own}");
        return Ok(Some(
            answer
                .header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
                .header("Access-Control-Allow-Headers", headers)
                .header("Access-Control-Max-Age", "86400"),
        ));
    }
    let known = if request.is_astray() { None } else { methods(ROUTES, &request.path) };
    let methods = known.ok_or_else(nowhere)?;
    if !methods.contains(&request.method.as_str()) {
        return Err(Problem::Method(format!("{}, OPTIONS", methods.join(", "))));
    }
    Ok(None)
}

/// The answer to a path that is routed nowhere (openscouter 2.4).
fn nowhere() -> Problem {
    Problem::Refused(404, "Route not found".to_owned())
}

/// The request's origin, if pages of it may call (openscouter 2.9).
fn allowed_origin(pages: &Pages, request: &Request) -> Option<String> {
    let origin = request.header("origin")?;
    is_allowed_origin(&origin, &pages.base_domain, pages.production).then_some(origin)
}

fn cors(pages: &Pages, request: &Request, answer: Response) -> Response {
    // what caches hand to other pages, too, depends on the page in any case
    let public = answer.headers.iter().any(|(name, value)| *name == "Cache-Control" && value.contains("public"));
    if !public && !request.headers.contains_key("origin") {
        return answer;
    }
    let answer = answer.header("Vary", "Origin");
    match allowed_origin(pages, request) {
        None => answer,
        Some(origin) => {
            let own = if is_mcp(request) || is_of_mcp_clients(request) { ", WWW-Authenticate" } else { "" };
            let exposed = format!("X-Request-Id, Retry-After, RateLimit, RateLimit-Policy{own}");
            answer
                .header("Access-Control-Allow-Origin", origin)
                .header("Access-Control-Allow-Credentials", "true")
                .header("Access-Control-Expose-Headers", exposed)
        }
    }
}
