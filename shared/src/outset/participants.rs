//! What the participant links share: their paths, refusals, pages and `Location`s (outset 14).

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::{
    envelope::{FieldError, Problem},
    rendering::COMPACT,
    request_context::RequestContext,
};
use crate::http::{Request, Response};

/// A refusal of a link: status, code, and the words for a person.
pub type Refusal = (u16, &'static str, &'static str);

/// There is no such study or session.
pub const NOT_FOUND: Refusal = (404, "not_found", "Not found.");

/// Nobody has opened the link yet.
pub(super) const AHEAD: Refusal = (403, "prefetch_refused", "This link does its work when somebody opens it.");

/// Whether a browser or a preview fetches the link before anybody opens it (outset 14). A refusal makes it ask again
/// then.
pub(super) fn is_ahead(request: &Request) -> bool {
    const PURPOSES: [&str; 3] = ["prefetch", "prerender", "preview"];
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().filter_map(|name| request.header(name)).any(|purpose| {
        let purpose = purpose.to_ascii_lowercase();
        PURPOSES.iter().any(|ahead| purpose.contains(ahead))
    })
}

/// A path for the log: a session's token is a credential and is left out.
#[must_use]
pub fn loggable_path(path: &str) -> String {
    match path.strip_prefix("/interviews/") {
        Some(rest) if !rest.starts_with("public-surveys/") => "/interviews/{session}/complete/".to_owned(),
        _ => path.to_owned(),
    }
}

/// The variable segment of a link's path, and whether the path ends in its slash; `pattern` has the segment in braces.
pub(super) fn segment<'a>(path: &'a str, pattern: &str) -> Option<(&'a str, bool)> {
    let (before, rest) = pattern.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    let (bare, slashed) = path.strip_suffix('/').map_or((path, false), |bare| (bare, true));
    let segment = bare.strip_prefix(before)?.strip_suffix(after.trim_end_matches('/'))?;
    (!segment.is_empty() && !segment.contains('/')).then_some((segment, slashed))
}

/// The answer to a method that links do not have.
pub(super) fn method_not_allowed(cx: &RequestContext) -> Response {
    let text = format!("Method \"{}\" not allowed.", cx.request.method);
    refusal(&cx.request, 405, "method_not_allowed", &text).header("Allow", "GET, HEAD")
}

/// A refusal as a page, or in the envelope for those who want JSON and no page (outset 14.3).
#[must_use]
pub fn refused(cx: &RequestContext, (status, code, text): Refusal) -> Response {
    refusal(&cx.request, status, code, text)
}

fn refusal(request: &Request, status: u16, code: &'static str, text: &str) -> Response {
    if wants_json(request) {
        let mut answer = Problem::Invalid(vec![FieldError::general(code, text)]).answer(COMPACT);
        answer.status = status;
        return answer;
    }
    page(status, text, &html! {})
}

fn wants_json(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or_default().to_ascii_lowercase();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// A page of one heading and what stands below it.
#[must_use]
pub fn page(status: u16, title: &str, below: &Markup) -> Response {
    let markup = html! {
        (PreEscaped("<!doctype html>\n"))
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } }
            (PreEscaped("\n"))
            body { h1 { (title) } (below) }
        }
        (PreEscaped("\n"))
    };
    empty_page(status).body(markup.into_string())
}

/// A page without content: the answer to HEAD, and the body of a redirect.
#[must_use]
pub fn empty_page(status: u16) -> Response {
    Response::empty(status).header("Content-Type", "text/html; charset=utf-8")
}

/// A redirect of the participant's browser.
#[must_use]
pub fn redirect(location: String) -> Response {
    Response::empty(302).header("Location", location).header("Content-Type", "text/html; charset=utf-8")
}

/// A URL as a `Location`: what cannot stand in one is percent-encoded, as Django does it.
#[must_use]
pub fn as_location(url: &str) -> String {
    let mut location = String::new();
    encode(&mut location, url, |byte| b"-._~/#%[]=:;$&()+,!?*@'".contains(&byte));
    location
}

/// Text as it stands in a query: all but letters, digits and `-._~` is percent-encoded.
#[must_use]
pub fn as_component(text: &str) -> String {
    let mut component = String::new();
    encode(&mut component, text, |byte| matches!(byte, b'-' | b'.' | b'_' | b'~'));
    component
}

fn encode(text: &mut String, part: &str, keep: impl Fn(u8) -> bool) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || keep(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let start = |path| segment(path, "/interviews/public-surveys/{id}/start/");
        assert_eq!(start("/interviews/public-surveys/x/start/"), Some(("x", true)));
        assert_eq!(start("/interviews/public-surveys/x/start"), Some(("x", false)));
        for unrouted in
            ["/interviews/public-surveys//start/", "/interviews/public-surveys/a/b/start/", "/interviews/x/start/"]
        {
            assert_eq!(start(unrouted), None, "{unrouted}");
        }
        let complete = |path| segment(path, "/interviews/{session}/complete/");
        assert_eq!(complete("/interviews/s/complete/"), Some(("s", true)));
        assert_eq!(complete("/interviews/s/complete//"), None);
    }

    #[test]
    fn a_session_is_not_logged() {
        assert_eq!(loggable_path("/interviews/secret/complete/"), "/interviews/{session}/complete/");
        assert_eq!(loggable_path("/interviews/secret"), "/interviews/{session}/complete/");
        assert_eq!(loggable_path("/interviews/public-surveys/x/start/"), "/interviews/public-surveys/x/start/");
    }

    #[test]
    fn pages_escape_what_they_show() {
        let body = page(404, "a<b>&\"c'", &html! { p { "x" } }).body;
        let title = "a&lt;b&gt;&amp;&quot;c'";
        let expected = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
             <body><h1>{title}</h1><p>x</p></body></html>\n"
        );
        assert_eq!(body, expected);
    }
}
