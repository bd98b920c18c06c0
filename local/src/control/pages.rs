//! What the control port shows to a person: where everything is, what came of it, and what can be set off.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use time::OffsetDateTime;

const STYLE: &str = "\
:root{color-scheme:light dark}*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;\
padding:1rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:1.5rem 0 .5rem}pre{white-space:pre-wrap;border:1px solid #8a8a96;\
border-radius:.5rem;padding:.75rem}ul{padding-left:1.25rem}form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}\
button,input{font:inherit;padding:.25rem .75rem;min-height:2.75rem;max-width:100%}iframe{width:100%;height:24rem;border:1px solid #8a8a96}";

/// Sends what a button or a form says as JSON, which is all that this port takes, and shows what came of it.
pub(super) const SCRIPT: &str = "\
document.addEventListener('submit', async (event) => {
  const form = event.target
  if (!form.dataset.post) return
  event.preventDefault()
  const told = form.querySelector('output')
  told.textContent = ' …'
  const body = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]))
  try {
    const answer = await fetch(form.dataset.post, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)})
    told.textContent = ' ' + answer.status + ' ' + await answer.text()
  } catch (error) {
    told.textContent = ' ' + error
  }
})
";

fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (content)
                script src="/_local/page.js" {}
            }
        }
    };
    page.into_string()
}

/// A text with its web addresses as links.
fn linked(text: &str) -> Markup {
    let word = |word: &str| {
        let address = word.trim_end_matches(['.', ',', ')', '\'', '"', '>']);
        let is_one = address.starts_with("http://") || address.starts_with("https://");
        let rest = word.get(address.len()..).unwrap_or_default();
        html! { @if is_one { a href=(address) { (address) } (rest) } @else { (word) } }
    };
    html! { @for piece in text.split_inclusive([' ', '\n', '\'', '"']) { (word_of(piece, &word)) } }
}

/// A piece that ends in what parted it from the next.
fn word_of(piece: &str, word: &dyn Fn(&str) -> Markup) -> Markup {
    let end = piece.char_indices().next_back().filter(|(_, last)| matches!(last, ' ' | '\n' | '\'' | '"'));
    let (own, rest) = piece.split_at(end.map_or(piece.len(), |(at, _)| at));
    html! { (word(own)) (rest) }
}

/// The front page: what it shows.
pub(super) struct Front<'a> {
    /// Names and base URLs of the APIs.
    pub(super) urls: &'a [(&'static str, String)],
    /// What the server said when it was ready.
    pub(super) said: Option<&'a str>,
    /// The mails, the oldest first.
    pub(super) mails: &'a [Value],
    /// Names and functions of the schedules.
    pub(super) schedules: Vec<(&'a str, &'a str)>,
    /// The time here.
    pub(super) now: OffsetDateTime,
}

impl Front<'_> {
    /// As HTML.
    pub(super) fn page(&self) -> String {
        let content = html! {
            h2 { "APIs" }
            ul {
                @for (name, url) in self.urls {
                    li {
                        (name) ": " code { (url) } ", "
                        a href=(format_args!("/_local/reference/{}", name.to_lowercase())) { "its reference, to try it" } ", "
                        a href=(format_args!("/_local/openapi/{}.json", name.to_lowercase())) { "its document (OpenAPI)" }
                    }
                }
            }
            @if let Some(said) = self.said {
                h2 { "Who is there, and what to try" }
                pre { (linked(said)) }
            }
            (self.inbox())
            (self.switches())
            h2 { "Log" }
            form action="/_local/log" method="get" {
                label { "Request id (" code { "X-Request-Id" } ") " input name="request_id" required; }
                button { "Show its lines" }
            }
            p { a href="/_local/health" { "Health" } }
        };
        page("outscout", &content)
    }

    fn inbox(&self) -> Markup {
        html! {
            h2 { "Mails" }
            @if self.mails.is_empty() { p { "None was sent since the start." } }
            ul {
                @for (number, mail) in self.mails.iter().enumerate().rev().take(50) {
                    li {
                        a href=(format_args!("/_local/mail/{number}")) { (text_of(&mail["subject"])) }
                        " to " (recipients(mail))
                    }
                }
            }
            p { a href="/_local/mail" { "All as JSON" } }
        }
    }

    fn switches(&self) -> Markup {
        html! {
            h2 { "Schedules" }
            ul {
                @for (name, function) in &self.schedules {
                    li {
                        form data-post=(format_args!("/_local/schedules/{function}")) method="post" {
                            span { (name) " (" code { (function) } ")" }
                            button { "Fire now" }
                            output {}
                        }
                    }
                }
            }
            h2 { "Clock" }
            p { "It is " time { (shared::openscouter::format::timestamp(self.now)) } " here." }
            form data-post="/_local/clock" method="post" {
                label { "Seconds to go forward " input name="advance_seconds" type="number" min="1" value="3600" required; }
                button { "Go forward" }
                output {}
            }
        }
    }
}

fn recipients(mail: &Value) -> String {
    mail["to"].as_array().into_iter().flatten().map(text_of).collect::<Vec<_>>().join(", ")
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One mail, as it is sent: its text, and its page in a frame that can do nothing.
pub(super) fn mail(mail: &Value) -> String {
    let content = html! {
        p { "From " (text_of(&mail["from"])) " to " (recipients(mail)) }
        pre { (linked(text_of(&mail["text"]))) }
        h2 { "As a page" }
        iframe sandbox="" title="The mail as a page" srcdoc=(text_of(&mail["html"])) {}
        p { a href="/" { "Back" } }
    };
    page(text_of(&mail["subject"]), &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_are_links() {
        let text = "see http://a.test/x?a=1&b=2.\ncurl -H 'K: v' 'http://b.test/' <b>";
        let html = linked(text).into_string();
        assert!(
            html.contains("see <a href=\"http://a.test/x?a=1&amp;b=2\">http://a.test/x?a=1&amp;b=2</a>.\n"),
            "{html}"
        );
        assert!(html.contains("'<a href=\"http://b.test/\">http://b.test/</a>' &lt;b&gt;"), "{html}");
    }
}
