//! Refusals of an API as pages show them.

use maud::html;

use super::{
    form::{Filled, FormPage},
    shell::{Page, Words},
};
use crate::{config::Settings, http::Response, model::Locale};

const REFUSED: Words = Words { en: "This cannot be done", fr: "C'est impossible" };
const ELSEWHERE: Words = Words { en: "The form came from another site.", fr: "Le formulaire vient d'un autre site." };
const UNREADABLE: Words = Words { en: "The form cannot be read.", fr: "Le formulaire est illisible." };

/// Why a request came to nothing, for people.
#[derive(Debug)]
pub struct Refusal {
    /// The answer that programs get, whose status, cause and time to wait hold for the page, too.
    pub answer: Response,
    /// What was wrong, in the reader's language: a field's name where it is of one, and a text.
    pub faults: Vec<(Option<String>, String)>,
}

impl Refusal {
    fn of(status: u16, words: Words, language: Locale) -> Self {
        Self { answer: Response::empty(status), faults: vec![(None, words.of(language).to_owned())] }
    }

    /// 403: another site's page sent the form.
    #[must_use]
    pub fn elsewhere(language: Locale) -> Self {
        Self::of(403, ELSEWHERE, language)
    }

    /// 400: the body is no form of ours.
    #[must_use]
    pub fn unreadable(language: Locale) -> Self {
        Self::of(400, UNREADABLE, language)
    }

    /// A page that says it.
    #[must_use]
    pub fn page(self, language: Locale) -> Response {
        let content = html! { div role="alert" { @for (_, text) in &self.faults { p { (text) } } } };
        let page = Page { language, title: REFUSED.of(language), content, target: None };
        kept(page.answer(self.answer.status), self.answer)
    }

    /// The form again, with what was wrong with what was filled in.
    #[must_use]
    pub fn in_form(self, form: &FormPage, reader: (&Settings, Locale), filled: &Filled) -> Response {
        kept(form.show(self.answer.status, reader, filled, &self.faults), self.answer)
    }
}

/// A page with what stays of the answer whose place it takes.
fn kept(mut page: Response, answer: Response) -> Response {
    page.cause = answer.cause;
    let headers = answer.headers.into_iter().filter(|(name, _)| *name == "Retry-After");
    headers.fold(page, |page, (name, value)| page.header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_shows_is_escaped() {
        let faults = vec![(None, "<b>&\"".to_owned())];
        let answer = Refusal { answer: Response::empty(429).header("Retry-After", "7"), faults }.page(Locale::Fr);
        assert!(answer.body.contains("&lt;b&gt;&amp;&quot;") && answer.body.contains("<html lang=\"fr\">"));
        assert!(answer.headers.contains(&("Retry-After", "7".to_owned())));
    }
}
