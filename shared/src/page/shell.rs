//! What every page has: its words, its frame, and how it refers to others.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

use crate::{http::Response, model::Locale};

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff;\
margin:0 auto;max-width:48rem;padding:1.5rem 1rem;overflow-wrap:anywhere}h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}\
h2{font-size:1.2rem;margin:2rem 0 .5rem}a{color:#1f4fbf}form{max-width:26rem}label{display:block;margin:1rem 0}\
fieldset{border:0;margin:1rem 0;padding:0}legend{padding:0}fieldset label{margin:.25rem 0}small{display:block}\
input:not([type=checkbox],[type=radio]),select{display:block;width:100%;font:inherit;padding:.5rem;border:1px solid #6b6b76;\
border-radius:.375rem}input[type=checkbox],input[type=radio]{margin:0 .5rem 0 0}button{font:inherit;font-weight:600;color:#fff;\
background:#1f4fbf;border:0;border-radius:.375rem;padding:.6rem 1.25rem;margin:.5rem .5rem 0 0;cursor:pointer}\
button.quiet{color:#1b1b1f;background:#e4e4ea}:focus-visible{outline:3px solid #8fb0ff;outline-offset:1px}\
[role=alert]{border-left:.25rem solid #8f0f1f;background:#fdf0f1;margin:1rem 0;padding:.5rem .75rem}[role=alert] p{margin:0}\
.meta,small{color:#4a4a55}nav{margin-top:2rem}nav a{margin-right:1rem}dl{display:grid;grid-template-columns:max-content 1fr;\
gap:.25rem 1rem;margin:1rem 0}dt{color:#4a4a55}dd{margin:0}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{border-bottom:1px solid #c8c8d0;padding:.4rem .6rem .4rem 0;text-align:left;vertical-align:top;overflow-wrap:normal}\
td.long{overflow-wrap:anywhere;min-width:9rem}";

/// A text in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// In English.
    pub en: &'static str,
    /// In French.
    pub fr: &'static str,
}

impl Words {
    /// The text in a language.
    #[must_use]
    pub const fn of(self, language: Locale) -> &'static str {
        match language {
            Locale::En => self.en,
            Locale::Fr => self.fr,
        }
    }
}

/// A page of one heading and what stands below it.
#[derive(Debug)]
pub struct Page<'a> {
    /// Its language.
    pub language: Locale,
    /// Its heading and title.
    pub title: &'a str,
    /// What stands below.
    pub content: Markup,
    /// An origin that its form's answer may lead to, beside our own.
    pub target: Option<&'a str>,
}

impl Page<'_> {
    /// The answer that shows the page. Nothing but its own style is loaded, no other site can frame it, and no other
    /// site learns of its address, which can hold a token.
    #[must_use]
    pub fn answer(&self, status: u16) -> Response {
        let target = self.target.map(|origin| format!(" {origin}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'{target}; \
             frame-ancestors 'none'"
        );
        let body = html! {
            (DOCTYPE)
            html lang=(self.language.as_str()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width,initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        (self.content)
                    }
                }
            }
        };
        Response::empty(status)
            .header("Content-Type", "text/html; charset=utf-8")
            .header("Content-Language", self.language.as_str())
            .header("Cache-Control", "no-store")
            .header("Content-Security-Policy", policy)
            .header("Referrer-Policy", "same-origin")
            .body(body.into_string())
    }
}

/// A page of the same API, as a page at `from` refers to it: relative, so that it holds behind any host, stage or prefix.
#[must_use]
pub fn reference(from: &str, to: &str) -> String {
    let folders = from.matches('/').count().saturating_sub(1);
    format!("{}{}", "../".repeat(folders), to.trim_start_matches('/'))
}

/// A time as pages show it.
#[must_use]
pub fn minute(time: OffsetDateTime) -> String {
    const MINUTE: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.to_offset(UtcOffset::UTC).format(MINUTE).unwrap_or_default()
}

/// The page to sign in on, for a reader of the page at `from`, who comes back to it.
#[must_use]
pub fn to_sign_in(from: &str) -> Response {
    see_other(from, &format!("/sign-in?next={from}"))
}

/// The answer that sends a browser from the page at `from` to another one of the same API.
#[must_use]
pub fn see_other(from: &str, to: &str) -> Response {
    Response::empty(303)
        .header("Location", reference(from, to))
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Cache-Control", "no-store")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_hold_behind_any_prefix() {
        assert_eq!(reference("/sign-in", "/home"), "home");
        assert_eq!(reference("/studies/x", "/sign-in"), "../sign-in");
        assert_eq!(reference("/sign-in", "/studies/x"), "studies/x");
    }
}
