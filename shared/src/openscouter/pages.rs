//! Pages for people (openscouter 7.3): forms before endpoints of this module's API, and views for who is signed in. A
//! cookie holds the access token of a browser; nothing under `/api` reads it.

use http::{HeaderValue, header};
use serde::Deserialize;

use super::{claims::JWT_SECONDS, envelope::Problem, request_context::RequestContext, routes::ROUTES};
use crate::{
    BoxFuture,
    http::Response,
    page::{self, Filled, FormPage, Refusal, SignIn, Words},
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
pub(super) async fn respond(mut cx: RequestContext, shown: Shown, run: Run<'_>) -> Response {
    sign_in_by_cookie(&mut cx);
    let answer = match shown {
        Shown::Everything => view(&cx, run).await,
        Shown::Form(form) if cx.request.method == "GET" => match cx.anonymous().await {
            Ok(()) => {
                let opened = form.opened(&cx.request, ROUTES);
                form.show(200, (cx.context.settings(), cx.language()), &opened, &[])
            }
            Err(problem) => refused(&cx, problem),
        },
        Shown::Form(form) => taken(&mut cx, form, run).await,
    };
    match cx.counted() {
        Some(counted) => counted.headers(answer),
        None => answer,
    }
}

/// What a signed-in person is shown; who is not signed in is sent to do that.
async fn view(cx: &RequestContext, run: Run<'_>) -> Response {
    match run(cx).await {
        Ok(answer) => answer,
        Err(Problem::Refused(401, _)) => page::to_sign_in(&cx.request.path),
        Err(problem) => refused(cx, problem),
    }
}

/// What comes of a form that was sent.
async fn taken(cx: &mut RequestContext, form: &'static FormPage, run: Run<'_>) -> Response {
    let language = cx.language();
    if cx.request.is_foreign(&cx.base(), &[]) {
        return Refusal::elsewhere(language).page(language);
    }
    let Some(filled) = form.sent(&cx.request, ROUTES) else {
        return Refusal::unreadable(language).page(language);
    };
    form.put(&filled, &mut cx.request);
    match run(cx).await {
        Ok(answer) => done(cx, form, &filled, &answer),
        // nobody to sign out is as good
        Err(Problem::Refused(401, _)) if form.sign_in == SignIn::Ends => done(cx, form, &filled, &Response::empty(200)),
        Err(problem) => told(cx, problem).in_form(form, (cx.context.settings(), language), &filled),
    }
}

/// The page that follows, with the cookie of a sign-in that began or ended.
fn done(cx: &RequestContext, form: &FormPage, filled: &Filled, answer: &Response) -> Response {
    #[derive(Deserialize)]
    struct Envelope {
        data: Session,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Session {
        access_token: String,
    }
    let page = form.taken(cx.language(), filled);
    match form.sign_in {
        SignIn::Stays => page,
        SignIn::Ends => page.header("Set-Cookie", cookie(cx, "", 0)),
        SignIn::Begins => match serde_json::from_str::<Envelope>(&answer.body) {
            Ok(envelope) => page.header("Set-Cookie", cookie(cx, &envelope.data.access_token, JWT_SECONDS)),
            Err(error) => refused(cx, Problem::Crash(format!("no session data: {error}"))),
        },
    }
}

/// A page that says why a request came to nothing.
fn refused(cx: &RequestContext, problem: Problem) -> Response {
    told(cx, problem).page(cx.language())
}

/// A problem in the reader's language.
fn told(cx: &RequestContext, problem: Problem) -> Refusal {
    let text = match &problem {
        Problem::Refused(_, text) => text.clone(),
        Problem::Limited(text, _) => (*text).to_owned(),
        Problem::Method(_) | Problem::Other(_) | Problem::Crash(_) => String::new(),
    };
    let (field, reason) = match text.split_once(": ") {
        Some((field, reason)) => (Some(field.to_owned()), reason),
        None => (None, text.as_str()),
    };
    let words = TEXTS.iter().find(|(known, _)| *known == reason).map(|(_, words)| words.of(cx.language()).to_owned());
    let unknown = || if reason.is_empty() { FAILED.of(cx.language()).to_owned() } else { reason.to_owned() };
    let told = words.unwrap_or_else(unknown);
    Refusal { answer: problem.answer(), faults: vec![(field, told)] }
}

const FAILED: Words = Words {
    en: "Something went wrong on our side. Please try again.",
    fr: "Un problème est survenu chez nous. Merci de réessayer.",
};

/// Texts of the contract (openscouter 2.4, 2.6) as people read them.
const TEXTS: [(&str, Words); 18] = [
    (
        "Invalid email or password",
        Words { en: "Wrong e-mail address or password.", fr: "Adresse e-mail ou mot de passe incorrect." },
    ),
    (
        "Email address not verified",
        Words {
            en: "Your e-mail address is not confirmed yet. Follow the link that we mailed to you.",
            fr: "Votre adresse e-mail n'est pas encore confirmée. Suivez le lien que nous vous avons envoyé.",
        },
    ),
    ("Account suspended", Words { en: "This account is suspended.", fr: "Ce compte est suspendu." }),
    (
        "Too many attempts",
        Words {
            en: "Too many attempts. Please wait a few minutes.",
            fr: "Trop de tentatives. Merci d'attendre quelques minutes.",
        },
    ),
    (
        "Rate limit exceeded",
        Words { en: "Too many requests. Please wait a minute.", fr: "Trop de requêtes. Merci d'attendre une minute." },
    ),
    (
        "You do not have permission to perform this action",
        Words {
            en: "This page is not for your kind of account.",
            fr: "Cette page n'est pas destinée à votre type de compte.",
        },
    ),
    ("Study not found", Words { en: "There is no such study.", fr: "Cette étude n'existe pas." }),
    ("Report not found", Words { en: "There is no such report.", fr: "Ce rapport n'existe pas." }),
    (
        "is invalid or expired",
        Words {
            en: "This link does not work any more: it was used already, or is too old. Ask for a new one.",
            fr: "Ce lien ne fonctionne plus : il a déjà servi ou il est trop ancien. Demandez-en un nouveau.",
        },
    ),
    ("is required", Words { en: "Please fill this in.", fr: "À remplir." }),
    ("must not be empty", Words { en: "Please fill this in.", fr: "À remplir." }),
    (
        "must be a valid email address",
        Words { en: "This is no e-mail address.", fr: "Ce n'est pas une adresse e-mail." },
    ),
    ("must be at least 10 characters", Words { en: "At least 10 characters, please.", fr: "Au moins 10 caractères." }),
    ("must be at most 128 characters", Words { en: "At most 128 characters, please.", fr: "Au plus 128 caractères." }),
    ("is too common", Words { en: "Too common: others would guess it.", fr: "Trop courant : on le devinerait." }),
    (
        "must not contain line breaks or invisible characters",
        Words {
            en: "Without line breaks and invisible characters, please.",
            fr: "Sans retours à la ligne ni caractères invisibles.",
        },
    ),
    ("must not contain a web address", Words { en: "Without web addresses, please.", fr: "Sans adresse web." }),
    ("Missing credentials", Words { en: "Please sign in.", fr: "Merci de vous connecter." }),
];

/// The cookie that signs a browser in to pages. Over TLS no other host of the domain can set it.
fn cookie_name(cx: &RequestContext) -> &'static str {
    if cx.is_secure() { "__Host-outscout_session" } else { "outscout_session" }
}

fn cookie(cx: &RequestContext, value: &str, seconds: i64) -> String {
    let secure = if cx.is_secure() { " Secure;" } else { "" };
    format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly;{secure} SameSite=Lax", cookie_name(cx))
}

/// Presents the access token of a browser's cookie, where no credential was sent.
fn sign_in_by_cookie(cx: &mut RequestContext) {
    let token = cx.request.cookie(cookie_name(cx)).filter(|_| !cx.request.headers.contains_key(header::AUTHORIZATION));
    if let Some(value) = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
        cx.request.headers.insert(header::AUTHORIZATION, value);
    }
}
