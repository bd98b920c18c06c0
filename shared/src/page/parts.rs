//! Parts that several pages have.

use maud::{Markup, html};

use super::{
    shell::{Words, reference},
    words,
};
use crate::model::Locale;

/// Links from one page of a list to the one before and the one after it; each is the rest of an address behind `path`.
#[must_use]
pub fn turn(language: Locale, path: &str, before: Option<&str>, after: Option<&str>) -> Markup {
    const NEWER: Words = Words { en: "Newer", fr: "Plus récents" };
    const OLDER: Words = Words { en: "Older", fr: "Plus anciens" };
    let link = |query: &str, words: Words| html! { a href=(reference(path, &format!("{path}?{query}"))) { (words.of(language)) } " " };
    html! {
        @if before.is_some() || after.is_some() {
            nav {
                @if let Some(query) = before { (link(query, NEWER)) }
                @if let Some(query) = after { (link(query, OLDER)) }
            }
        }
    }
}

/// The button that signs the reader of the page at `path` out.
#[must_use]
pub fn sign_out(language: Locale, path: &str) -> Markup {
    let (to, words) = words::SIGN_OUT;
    html! { form method="post" action=(reference(path, to)) { button class="quiet" { (words.of(language)) } } }
}
