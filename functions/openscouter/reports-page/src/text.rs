//! How a report's page writes what it shows.

use maud::Render;
use shared::{
    clock::epoch_millis,
    openscouter::{
        format::parse_time,
        reports::view::{Finding, Moment},
    },
};
use time::OffsetDateTime;

/// Severities, the worst first, with the colour of their marks.
pub(crate) const SEVERITIES: [(&str, &str); 4] =
    [("critical", "#8f0f1f"), ("high", "#a34400"), ("medium", "#665200"), ("low", "#1f5a2e")];

/// A text that people wrote: escaped, without the characters that steer how text is laid out or that no document may
/// hold.
pub(crate) struct Written<'a>(pub(crate) &'a str);

impl Render for Written<'_> {
    fn render_to(&self, buffer: &mut String) {
        let unwanted = |c: char| match c {
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            c => c.is_control() && !matches!(c, '\t' | '\n'),
        };
        let kept: String = self.0.chars().filter(|c| !unwanted(*c)).collect();
        kept.render_to(buffer);
    }
}

/// The start and the end of a session.
pub(crate) type Span = (OffsetDateTime, OffsetDateTime);

/// A name of the wire in words.
pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// `hh:mm:ss` since a start.
pub(crate) fn since(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// When a finding happened, in milliseconds since the Unix epoch.
pub(crate) fn happened(finding: &Finding<Moment>) -> Option<i64> {
    parse_time(finding.place.timestamp.as_deref()?).map(epoch_millis)
}
