//! A letter to a tester: some paragraphs and a link, as text and as a page.

use maud::{DOCTYPE, html};
use shared::model::Locale;

use crate::mailer::Mail;

/// A mail of paragraphs, with a link below them that is called so. Their words may be anybody's: in the page they are text.
pub(super) fn letter(subject: String, locale: Locale, text: &str, link: Option<(&str, &str)>) -> Mail {
    let page = html! {
        (DOCTYPE)
        html lang=(locale.as_str()) {
            body {
                @for paragraph in text.split("\n\n") {
                    p {
                        @for (number, line) in paragraph.lines().enumerate() {
                            @if number > 0 { br; }
                            (line)
                        }
                    }
                }
                @if let Some((called, link)) = link {
                    p { a href=(link) { (called) } }
                }
            }
        }
    };
    let below = link.map_or_else(String::new, |(called, link)| format!("\n{called}: {link}\n"));
    Mail { subject: subject.into(), text: format!("{text}\n{below}"), html: page.into_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_text() {
        let mail = letter("S".to_owned(), Locale::En, "<b>Hello</b>,\n\na\nb", Some(("Answer", "https://a.test/x")));
        assert!(mail.html.contains("<p>&lt;b&gt;Hello") && mail.html.contains("<p>a<br>b</p>"), "{}", mail.html);
        assert!(mail.html.contains("href=\"https://a.test/x\""));
        assert_eq!(mail.text, "<b>Hello</b>,\n\na\nb\n\nAnswer: https://a.test/x\n");
    }
}
