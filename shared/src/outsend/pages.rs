//! Pages for people (outsend 6.7): forms before endpoints of this module's API, and views for who is signed in, which the
//! session's cookie says.

use super::{
    authentication::check_address_limit, envelope::Problem, messages::Detail, request_context::RequestContext,
    routes::ROUTES,
};
use crate::{
    BoxFuture,
    http::Response,
    page::{self, FormPage, Refusal},
};

/// What a function shows to people.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    /// A page with a form, beside the endpoint that takes it.
    Form(&'static FormPage),
    /// All that it answers.
    Everything,
}

impl Shown {
    /// Whether a request is for it.
    pub(super) fn takes(self, cx: &RequestContext) -> bool {
        match self {
            Self::Form(form) => form.path == cx.request.path,
            Self::Everything => true,
        }
    }
}

/// The endpoint behind a page.
pub(super) type Run<'r> =
    &'r (dyn for<'a> Fn(&'a RequestContext) -> BoxFuture<'a, Result<Response, Problem>> + Send + Sync);

/// Answers a request for a page.
pub(super) async fn respond(cx: &mut RequestContext, shown: Shown, run: Run<'_>) -> Response {
    match shown {
        Shown::Everything => match run(cx).await {
            Ok(answer) => answer,
            Err(Problem::Detail(Detail::AuthRequired)) => page::to_sign_in(&cx.request.path),
            Err(problem) => told(cx, problem).page(cx.language),
        },
        Shown::Form(form) if cx.request.method == "GET" => match check_address_limit(cx).await {
            Ok(()) => {
                let opened = form.opened(&cx.request, ROUTES);
                form.show(200, (cx.context.settings(), cx.language), &opened, &[])
            }
            Err(problem) => told(cx, problem).page(cx.language),
        },
        Shown::Form(form) => taken(cx, form, run).await,
    }
}

/// What comes of a form that was sent.
async fn taken(cx: &mut RequestContext, form: &'static FormPage, run: Run<'_>) -> Response {
    if cx.request.is_foreign(&cx.base(), &[]) {
        return Refusal::elsewhere(cx.language).page(cx.language);
    }
    let Some(filled) = form.sent(&cx.request, ROUTES) else {
        return Refusal::unreadable(cx.language).page(cx.language);
    };
    form.put(&filled, &mut cx.request);
    match run(cx).await {
        Ok(answer) => {
            // sessions that begin, go on or end
            let cookies = answer.headers.into_iter().filter(|(name, _)| *name == "Set-Cookie");
            cookies.fold(form.taken(cx.language, &filled), |page, (name, value)| page.header(name, value))
        }
        Err(Problem::Detail(Detail::AuthRequired)) => page::to_sign_in(form.path),
        Err(problem) => told(cx, problem).in_form(form, (cx.context.settings(), cx.language), &filled),
    }
}

/// A problem in the reader's language.
pub(super) fn told(cx: &RequestContext, problem: Problem) -> Refusal {
    let faults = match &problem {
        Problem::Detail(detail) => vec![(None, detail.text(cx.language))],
        Problem::Crash(_) => vec![(None, Detail::Server.text(cx.language))],
        Problem::Invalid(faults) => {
            faults.iter().map(|(field, fault)| (Some(field.clone()), fault.text(cx.language))).collect()
        }
    };
    Refusal { answer: problem.answer(cx.language), faults }
}
