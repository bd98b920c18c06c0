//! An endpoint: who may call it, and what it does. The checks run in the contract's order before the handler
//! (outsend 2.4).

use std::sync::Arc;

use super::{
    access::{Access, Caller},
    authentication,
    envelope::{self, Problem, done},
    fields,
    messages::Detail,
    pages::{self, Shown},
    request_context::RequestContext,
    routes,
};
use crate::{
    BoxFuture,
    config::OutsendSettings,
    context::Context,
    http::{Request, Response, routes::methods},
    lambda::{self, Dialect, Function, Invoke, Storeless, storeless},
    model::Locale,
    page::FormPage,
};

/// What the edge must know of this dialect (outsend 2.1, 3).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 1,
    roots: routes::ROOTS,
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};

/// What a handler comes to.
pub type Outcome<'a> = BoxFuture<'a, Result<Response, Problem>>;

/// A handler that gets a caller who passed every check.
pub type CallerHandler = for<'a> fn(&'a RequestContext, Caller) -> Outcome<'a>;

/// A handler of a request whose caller need not be known.
pub type AnonymousHandler = for<'a> fn(&'a RequestContext) -> Outcome<'a>;

/// A check of an endpoint's own, before its handler runs: the site that sent the request, and a rate limit.
pub type Guard = for<'a> fn(&'a RequestContext) -> BoxFuture<'a, Result<(), Problem>>;

/// What an endpoint reads while the credential is checked.
pub type Preload<T> = for<'a> fn(&'a RequestContext) -> BoxFuture<'a, T>;

/// A handler that gets a caller who passed every check, and what was read meanwhile.
pub type PreloadedHandler<T> = for<'a> fn(&'a RequestContext, Caller, T) -> Outcome<'a>;

/// An endpoint of this API.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    name: &'static str,
    steps: Steps,
    shown: Option<Shown>,
}

/// Steps 3 to 6, and the handler behind them.
#[derive(Clone, Copy, Debug)]
enum Steps {
    Callers(Access, CallerHandler),
    Guarded(Guard, AnonymousHandler),
}

/// An endpoint that only some may call (outsend 4.4): credential, `access` and limit are checked, and the handler gets
/// the caller.
#[must_use]
pub const fn endpoint(name: &'static str, access: Access, handler: CallerHandler) -> Endpoint {
    Endpoint { name, steps: Steps::Callers(access, handler), shown: None }
}

/// An endpoint that anyone may call, after `guard` has counted the request.
#[must_use]
pub const fn guarded(name: &'static str, guard: Guard, handler: AnonymousHandler) -> Endpoint {
    Endpoint { name, steps: Steps::Guarded(guard, handler), shown: None }
}

/// A page that only some may see: as [`endpoint`], but who is not signed in is sent to do that, and every refusal is a page
/// (outsend 6.7).
#[must_use]
pub const fn page(name: &'static str, access: Access, handler: CallerHandler) -> Endpoint {
    Endpoint { shown: Some(Shown::Everything), ..endpoint(name, access, handler) }
}

/// What is routed nowhere: 404, or 405 where only the method is wrong (outsend 1).
#[must_use]
pub const fn fallback(name: &'static str) -> Storeless<OutsendSettings> {
    storeless(name, &DIALECT, |settings, request| {
        let refused =
            |problem: Problem| problem.answer(Locale::preferred(request.header("accept-language").as_deref()));
        let answer = match routed(settings, request) {
            Ok(Some(preflight)) => preflight,
            Ok(None) => refused(Detail::Route.into()),
            Err(problem) => refused(problem),
        };
        cors(settings, request, answer)
    })
}

impl Endpoint {
    /// The same, with a page whose form comes to it (outsend 6.7); the template declares the page's path, too.
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
        serve(self.name, context, false, move |mut cx| {
            Box::pin(async move {
                match shown.filter(|shown| shown.takes(&cx)) {
                    Some(shown) => respond_with_page(&mut cx, shown, steps).await,
                    None => respond(&cx, Box::pin(run(&cx, steps))).await,
                }
            })
        })
    }
}

/// As [`respond`], for a page: no other site may read it.
async fn respond_with_page(cx: &mut RequestContext, shown: Shown, steps: Steps) -> Response {
    let answer = match routed(&cx.context.settings().outsend, &cx.request) {
        Ok(Some(preflight)) => return preflight,
        Ok(None) => pages::respond(cx, shown, &|cx| Box::pin(run(cx, steps))).await,
        Err(problem) => pages::told(cx, problem).page(cx.language),
    };
    told_of_limits(cx, answer)
}

/// An HTTP function of this dialect.
fn serve(
    name: &'static str,
    context: Context,
    streams: bool,
    steps: impl Fn(RequestContext) -> BoxFuture<'static, Response> + Send + Sync + 'static,
) -> Invoke {
    let clock = context.clock().clone();
    let handler = move |request| steps(RequestContext::new(context.clone(), request));
    lambda::http(name, &DIALECT, clock, streams, Arc::new(handler))
}

/// Steps 3 to 6, then the handler.
async fn run(cx: &RequestContext, steps: Steps) -> Result<Response, Problem> {
    match steps {
        Steps::Callers(access, handler) => {
            let caller = authentication::caller(cx, access).await?;
            handler(cx, caller).await
        }
        Steps::Guarded(guard, handler) => {
            guard(cx).await?;
            handler(cx).await
        }
    }
}

/// As [`Endpoint`], where the first read goes out together with the credential's.
#[derive(Clone, Copy, Debug)]
pub struct PreloadedEndpoint<T> {
    name: &'static str,
    streams: bool,
    access: Access,
    preload: Preload<T>,
    handler: PreloadedHandler<T>,
}

/// An endpoint that only some may call, and that reads something while it is found out who calls. What `preload`
/// reads is handed to `handler` when the caller has passed every check; nobody else sees it.
#[must_use]
pub const fn preloaded<T>(
    name: &'static str,
    access: Access,
    preload: Preload<T>,
    handler: PreloadedHandler<T>,
) -> PreloadedEndpoint<T> {
    PreloadedEndpoint { name, streams: false, access, preload, handler }
}

impl<T> PreloadedEndpoint<T> {
    /// The same, but all of its answers are streamed; its routes must say so in the template.
    #[must_use]
    pub const fn streaming(self) -> Self {
        Self { streams: true, ..self }
    }
}

impl<T: Send + 'static> Function for PreloadedEndpoint<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let (access, preload, act) = (self.access, self.preload, self.handler);
        serve(self.name, context, self.streams, move |cx| {
            Box::pin(async move {
                let work: Outcome<'_> = Box::pin(async {
                    let caller = authentication::caller(&cx, access);
                    let (caller, read) = futures_util::future::join(caller, preload(&cx)).await;
                    act(&cx, caller?, read).await
                });
                respond(&cx, work).await
            })
        })
    }
}

/// Answers a request: route, preflight and body size, the endpoint's `work`, and the headers that every answer has.
fn respond<'a>(cx: &'a RequestContext, work: Outcome<'a>) -> BoxFuture<'a, Response> {
    Box::pin(async move {
        let settings = &cx.context.settings().outsend;
        let mut response = match routed(settings, &cx.request) {
            Ok(Some(preflight)) => preflight,
            Ok(None) => work.await.unwrap_or_else(|problem| problem.answer(cx.language)),
            Err(problem) => problem.answer(cx.language),
        };
        response = told_of_limits(cx, response);
        cors(settings, &cx.request, response)
    })
}

/// The answer with what the rate policy said, and with the session's cookie if its end was moved.
fn told_of_limits(cx: &RequestContext, mut response: Response) -> Response {
    if let Some(counted) = cx.counted.get() {
        response = counted.headers(response);
    }
    match cx.slid.get() {
        Some(cookie) if response.headers.iter().all(|(name, _)| *name != "Set-Cookie") => {
            response.header("Set-Cookie", cookie.clone())
        }
        _ => response,
    }
}

/// Steps 1 and 2; an answer when the request is a preflight of an allowed origin.
fn routed(settings: &OutsendSettings, request: &Request) -> Result<Option<Response>, Problem> {
    let known = if request.is_astray() { None } else { methods(routes::ROUTES, &request.path) };
    let methods = known.ok_or(Detail::Route)?;
    if request.method == "OPTIONS" && allowed_origin(settings, request).is_some() {
        let answer = done()
            .header("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
            .header("Access-Control-Allow-Headers", "Content-Type, X-API-Key, Accept-Language, Last-Event-ID")
            .header("Access-Control-Max-Age", "600");
        return Ok(Some(answer));
    }
    if !methods.contains(&request.method.as_str()) {
        return Err(Detail::Method(methods.join(", ")).into());
    }
    let takes_rows = request.path.starts_with("/api/jobs") || request.path == "/api/pipelines";
    let creates_jobs = request.method == "POST" && takes_rows;
    let max = if creates_jobs { fields::MAX_JOB_BODY } else { fields::MAX_BODY };
    if request.body.len() > max {
        return Err(Detail::TooLarge.into());
    }
    Ok(None)
}

/// The origin of the request, if the configuration lists it (outsend 2.1).
fn allowed_origin(settings: &OutsendSettings, request: &Request) -> Option<String> {
    let origin = request.header("origin")?;
    settings.cors_origins.contains(&origin).then_some(origin)
}

fn cors(settings: &OutsendSettings, request: &Request, answer: Response) -> Response {
    if settings.cors_origins.is_empty() {
        return answer;
    }
    let answer = answer.header("Vary", "Origin");
    match allowed_origin(settings, request) {
        None => answer,
        Some(origin) => answer
            .header("Access-Control-Allow-Origin", origin)
            .header("Access-Control-Allow-Credentials", "true")
            .header("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy"),
    }
}
