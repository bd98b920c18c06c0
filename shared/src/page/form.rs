//! Pages with a form. GET shows one and changes nothing; POST gives what was filled in to the endpoint of the same
//! function, as the JSON that a program would send, so that both keep the same rules.

use bytes::Bytes;
use http::{HeaderValue, header};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::shell::{Page, Words, reference, see_other};
use crate::{
    config::Settings,
    http::{
        Request, Response,
        query::Query,
        routes::{Row, methods},
    },
    model::Locale,
};

/// Most bytes of a form.
const MAX_BODY: usize = 64 * 1024;
/// The field that carries where a sign-in leads.
const NEXT: &str = "next";

/// A page with a form: what it asks, and what follows.
#[derive(Debug)]
pub struct FormPage {
    /// Its path.
    pub path: &'static str,
    /// Its heading.
    pub title: Words,
    /// What it is for.
    pub intro: Words,
    /// What it asks.
    pub inputs: &'static [Input],
    /// What its button says.
    pub button: Words,
    /// What follows.
    pub done: Done,
    /// What becomes of the reader's sign-in.
    pub sign_in: SignIn,
    /// Other pages.
    pub links: &'static [(&'static str, Words)],
    /// When it is shut.
    pub shut: Option<Shut>,
}

/// A form that a deployment can shut.
#[derive(Clone, Copy, Debug)]
pub struct Shut {
    /// Whether it is.
    pub when: fn(&Settings) -> bool,
    /// What is said then.
    pub text: Words,
}

/// What a form asks for.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The member of the body that it becomes.
    pub name: &'static str,
    /// What it is called.
    pub label: Words,
    /// What can be filled in.
    pub kind: Kind,
}

/// What can be filled in.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The token of a mailed link: not shown, taken from the address.
    Token,
    /// An e-mail address.
    Email,
    /// The account's password.
    Password,
    /// A password to be, of at least ten characters.
    NewPassword,
    /// A text of at most so many characters, with the browser's word for what it is, and whether it must be given.
    Text(u16, &'static str, bool),
    /// A text that is only asked for where the settings say so.
    TextWhen(u16, fn(&Settings) -> bool),
    /// One of several values.
    Choice(&'static [(&'static str, Words)]),
    /// A box to tick; whether it must be.
    Check(bool),
}

/// What follows when a form was taken.
#[derive(Clone, Copy, Debug)]
pub enum Done {
    /// A page that says so, with a way on.
    Say {
        /// Its heading.
        title: Words,
        /// Its text.
        text: Words,
        /// Where it leads.
        on: Option<(&'static str, Words)>,
    },
    /// Another page, unless the address named one of this API to come back to.
    Go(&'static str),
}

/// What becomes of the reader's sign-in when a form was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Nothing.
    Stays,
    /// It begins.
    Begins,
    /// It ends.
    Ends,
}

/// What somebody filled in, or an address brought.
#[derive(Debug)]
pub struct Filled {
    values: Query,
    next: Option<String>,
}

impl Filled {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.last(name).filter(|value| !value.is_empty())
    }

    /// Where a sign-in leads, if that is a page of this API.
    fn with_next(values: Query, routes: &[Row]) -> Self {
        let is_page = |path: &&str| {
            let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
            plain && !path.starts_with("/api") && methods(routes, path).is_some_and(|known| known.contains(&"GET"))
        };
        let next = values.last(NEXT).filter(is_page).map(str::to_owned);
        Self { values, next }
    }
}

const SHUT: Words = Words { en: "Not here", fr: "Pas ici" };
const NO_TOKEN: Words = Words {
    en: "This link is not whole. Open it again from the mail, or copy all of it.",
    fr: "Ce lien est incomplet. Ouvrez-le de nouveau depuis le message, ou copiez-le en entier.",
};
const HINT: Words = Words {
    en: "At least 10 characters, not a common password.",
    fr: "Au moins 10 caractères, et pas un mot de passe courant.",
};

impl FormPage {
    /// What the address of a page brings: a link's token, and where a sign-in leads.
    #[must_use]
    pub fn opened(&self, request: &Request, routes: &[Row]) -> Filled {
        Filled::with_next(request.query.clone(), routes)
    }

    /// What was filled in; `None` when the body is no form that this page made.
    #[must_use]
    pub fn sent(&self, request: &Request, routes: &[Row]) -> Option<Filled> {
        let media = request.header("content-type").unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim();
        if request.body.len() > MAX_BODY || !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        Query::parse_form(&request.body).map(|values| Filled::with_next(values, routes))
    }

    /// Puts what was filled in into a request, as the JSON that a program would send.
    pub fn put(&self, filled: &Filled, request: &mut Request) {
        let mut object = Map::new();
        for input in self.inputs {
            let given = match input.kind {
                Kind::Check(_) => filled.value(input.name).map(|_| Value::Bool(true)),
                // a password is what was typed, also when that is nothing
                Kind::Password | Kind::NewPassword => filled.values.last(input.name).map(Value::from),
                _ => filled.value(input.name).map(Value::from),
            };
            if let Some(value) = given {
                object.insert(input.name.to_owned(), value);
            }
        }
        request.body = Bytes::from(Value::Object(object).to_string());
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }

    /// The page with its form, and with what was wrong with what was filled in: a field's name where it is of one, and a
    /// text. Passwords are not shown again.
    #[must_use]
    pub fn show(
        &self,
        status: u16,
        (settings, language): (&Settings, Locale),
        filled: &Filled,
        faults: &[(Option<String>, String)],
    ) -> Response {
        let page = |status: u16, title: Words, content: Markup| {
            Page { language, title: title.of(language), content, target: None }.answer(status)
        };
        if let Some(shut) = self.shut.filter(|shut| (shut.when)(settings)) {
            return page(status, SHUT, html! { p { (shut.text.of(language)) } (self.others(language)) });
        }
        let needs_token = self.inputs.iter().any(|input| matches!(input.kind, Kind::Token));
        if needs_token && filled.value("token").is_none() {
            let content = html! { div role="alert" { p { (NO_TOKEN.of(language)) } } (self.others(language)) };
            return page(status.max(400), self.title, content);
        }
        let label = |name: &str| {
            let input = self.inputs.iter().find(|input| input.name == name && !matches!(input.kind, Kind::Token));
            input.map(|input| format!("{}: ", input.label.of(language))).unwrap_or_default()
        };
        let content = html! {
            @if !self.intro.en.is_empty() { p { (self.intro.of(language)) } }
            @if !faults.is_empty() {
                div role="alert" {
                    @for (field, text) in faults {
                        p { (field.as_deref().map(label).unwrap_or_default()) (text) }
                    }
                }
            }
            form method="post" action=(reference(self.path, self.path)) {
                @if let Some(next) = &filled.next { input type="hidden" name=(NEXT) value=(next); }
                @for input in self.inputs { (input.show(settings, language, filled)) }
                button { (self.button.of(language)) }
            }
            (self.others(language))
        };
        page(status, self.title, content)
    }

    fn others(&self, language: Locale) -> Markup {
        html! {
            @if !self.links.is_empty() {
                nav {
                    @for (path, words) in self.links { a href=(reference(self.path, path)) { (words.of(language)) } " " }
                }
            }
        }
    }

    /// What follows when the form was taken.
    #[must_use]
    pub fn taken(&self, language: Locale, filled: &Filled) -> Response {
        match self.done {
            Done::Go(path) => see_other(self.path, filled.next.as_deref().unwrap_or(path)),
            Done::Say { title, text, on } => {
                let content = html! {
                    p role="status" { (text.of(language)) }
                    @if let Some((path, words)) = on {
                        p { a href=(reference(self.path, path)) { (words.of(language)) } }
                    }
                };
                Page { language, title: title.of(language), content, target: None }.answer(200)
            }
        }
    }
}

impl Input {
    fn show(&self, settings: &Settings, language: Locale, filled: &Filled) -> Markup {
        let (name, label, value) = (self.name, self.label.of(language), filled.value(self.name).unwrap_or_default());
        let text = |most: u16, complete: &str, required: bool| {
            html! {
                label { (label) input name=(name) value=(value) maxlength=(most) autocomplete=(complete) required[required]; }
            }
        };
        match self.kind {
            Kind::Token => html! { input type="hidden" name=(name) value=(value); },
            Kind::Email => html! {
                label { (label) input type="email" name=(name) value=(value) autocomplete="username" required; }
            },
            Kind::Password => html! {
                label { (label) input type="password" name=(name) autocomplete="current-password" required; }
            },
            Kind::NewPassword => html! {
                label {
                    (label)
                    input type="password" name=(name) minlength="10" maxlength="128" autocomplete="new-password" required;
                    small { (HINT.of(language)) }
                }
            },
            Kind::Text(most, complete, required) => text(most, complete, required),
            Kind::TextWhen(most, when) => html! { @if when(settings) { (text(most, "off", true)) } },
            Kind::Choice(values) => html! {
                fieldset {
                    legend { (label) }
                    @for (position, (given, words)) in values.iter().enumerate() {
                        @let chosen = if value.is_empty() { position == 0 } else { value == *given };
                        label { input type="radio" name=(name) value=(given) checked[chosen]; (words.of(language)) }
                    }
                }
            },
            Kind::Check(required) => html! {
                label { input type="checkbox" name=(name) value="yes" checked[!value.is_empty()] required[required]; (label) }
            },
        }
    }
}
