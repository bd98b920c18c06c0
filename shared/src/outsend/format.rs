//! Times and amounts on the wire (outsend 2.2).

use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

const SECONDS: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// A time: UTC, to the second.
#[must_use]
pub fn timestamp(time: OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(SECONDS).unwrap_or_default()
}

/// EF of a number of planned requests: ten-thousandths, rounded half up to 3 decimals (outsend 18.2).
#[must_use]
pub fn ef(requests: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let thousandths = thousandths(requests) as f64;
    thousandths / 1_000.0
}

/// The same in a sentence, with all 3 decimals.
pub(super) fn ef_text(requests: u64) -> String {
    let thousandths = thousandths(requests);
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

const fn thousandths(requests: u64) -> u64 {
    (requests + 5) / 10
}
