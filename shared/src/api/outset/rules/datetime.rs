//! Date-times on the wire and in filters (outset 6, 8.5).

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// ISO 8601 in UTC; a fraction of six digits only when there is one.
#[must_use]
pub fn format(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = time.to_hms();
    let fraction = match time.microsecond() {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn number<T: std::str::FromStr>(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<T> {
    (digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Reads a filter's date or date-time; without an offset it is UTC.
#[must_use]
pub fn parse_filter(text: &str) -> Option<OffsetDateTime> {
    let (date, clock) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4..=4)?;
    let month = Month::try_from(number::<u8>(parts.next()?, 1..=2)?).ok()?;
    let day = number(parts.next()?, 1..=2)?;
    let date = Date::from_calendar_date(year, month, day).ok().filter(|_| parts.next().is_none())?;
    let Some(clock) = clock else { return Some(date.midnight().assume_utc()) };
    let (clock, offset) = split_offset(clock)?;
    let (clock, micros) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => {
            (clock, number::<u32>(&format!("{fraction:0<6}"), 6..=6).filter(|_| !fraction.is_empty())?)
        }
        None => (clock, 0),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 1..=2)?, number(parts.next()?, 2..=2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2..=2))?;
    let time = Time::from_hms_micro(hour, minute, second, micros).ok().filter(|_| parts.next().is_none())?;
    date.with_time(time).assume_offset(offset).checked_to_offset(UtcOffset::UTC)
}

fn split_offset(clock: &str) -> Option<(&str, UtcOffset)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, UtcOffset::UTC));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, UtcOffset::UTC)) };
    let (clock, offset) = clock.split_at(at);
    let digits = offset.get(1..)?.replace(':', "");
    let hours: i8 = number(digits.get(..2)?, 2..=2)?;
    let minutes: i8 = if digits.len() > 2 { number(digits.get(2..)?, 2..=2)? } else { 0 };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some((clock, UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_and_offsets() {
        let read = |text| parse_filter(text).map(format);
        assert_eq!(read("2025-07-01"), Some("2025-07-01T00:00:00Z".to_owned()));
        assert_eq!(read("2025-07-01T12:00:00.123Z"), Some("2025-07-01T12:00:00.123000Z".to_owned()));
        assert_eq!(read("2025-07-01T12:00+02:00"), Some("2025-07-01T10:00:00Z".to_owned()));
        for bad in ["", "x", "2025-13-01", "2025-07-01T", "2025-07-01T25:00", "2025-07-01T12:00:00.Z"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
