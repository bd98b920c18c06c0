//! A letter to a tester: some paragraphs and a link, as text and as a page, and times as the tester's clock shows them.

use jiff::Timestamp;
use maud::{DOCTYPE, html};
use serde_json::Value;
use shared::{model::Locale, openscouter::format::timestamp, store::Profile};
use time::OffsetDateTime;

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

/// A time as the clock shows it where a tester lives, to the minute, with the zone's name for it; in UTC where that is not
/// known.
pub(super) fn local_time(at: OffsetDateTime, profile: &Profile) -> String {
    let zone = profile.get("timezone").and_then(Value::as_str).unwrap_or("UTC");
    let local = Timestamp::from_second(at.unix_timestamp()).and_then(|at| at.in_tz(zone));
    local.map_or_else(|_| timestamp(at), |local| local.strftime("%Y-%m-%d %H:%M %Z").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn words_of_others_are_text() {
        let mail = letter("S".to_owned(), Locale::En, "<b>Hello</b>,\n\na\nb", Some(("Answer", "https://a.test/x")));
        assert!(mail.html.contains("<p>&lt;b&gt;Hello") && mail.html.contains("<p>a<br>b</p>"), "{}", mail.html);
        assert!(mail.html.contains("href=\"https://a.test/x\""));
        assert_eq!(mail.text, "<b>Hello</b>,\n\na\nb\n\nAnswer: https://a.test/x\n");
    }

    #[test]
    fn times_follow_the_clock_of_the_zone_through_its_changes() {
        for (at, zone, told) in [
            (datetime!(2026-10-25 00:30 UTC), "Europe/Paris", "2026-10-25 02:30 CEST"),
            (datetime!(2026-10-25 01:30 UTC), "Europe/Paris", "2026-10-25 02:30 CET"),
            (datetime!(2027-03-28 00:59 UTC), "Europe/Paris", "2027-03-28 01:59 CET"),
            (datetime!(2027-03-28 01:00 UTC), "Europe/Paris", "2027-03-28 03:00 CEST"),
            (datetime!(2026-11-01 06:00 UTC), "America/New_York", "2026-11-01 01:00 EST"),
            (datetime!(2026-11-01 05:59 UTC), "America/New_York", "2026-11-01 01:59 EDT"),
            (datetime!(2026-11-30 12:00 UTC), "Asia/Kathmandu", "2026-11-30 17:45 +0545"),
            (datetime!(2026-11-30 12:00 UTC), "Nowhere/Land", "2026-11-30T12:00:00Z"),
        ] {
            let profile: Profile = [("timezone".to_owned(), json!(zone))].into_iter().collect();
            assert_eq!(local_time(at, &profile), told, "{at} {zone}");
        }
        assert_eq!(local_time(datetime!(2026-11-30 12:00 UTC), &Profile::new()), "2026-11-30 12:00 UTC");
    }
}
