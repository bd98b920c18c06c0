//! The analyser of usability sessions (openscouter 12.5 to 12.8): a pure function of what was kept of a session, so
//! that two runs give the same bytes.

mod analyse;
mod detect;
mod messages;
mod model;
mod score;
mod study;
#[cfg(test)]
mod tests;

pub use analyse::analyse;
pub use messages::{Titles, counted, note, summary, summary_of, tone};
pub use model::{
    Analysis, Confidence, Event, EventKind, Moment, MomentKind, Recording, Segment, Severity, Snapshot, Stream,
    SubScores,
};
pub use score::{Wcag, accessibility, frustration, frustration_of, round, sub_scores, wcag, wcag_of};
pub use study::{SessionFinding, SessionResult, Stratum, StudyFinding, StudyResult, aggregate};
