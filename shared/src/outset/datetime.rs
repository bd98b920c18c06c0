//! Date-times on the wire and in filters (outset 6, 8.5).

use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

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

/// Reads a filter's date or date-time, extended or basic; without an offset it is UTC.
#[must_use]
pub fn parse_filter(text: &str) -> Option<OffsetDateTime> {
    let (date, clock) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let date = read_date(date)?;
    let Some(clock) = clock else { return Some(date.midnight().assume_utc()) };
    let (clock, offset) = split_offset(clock)?;
    let time = read_time(clock)?;
    let utc = date.with_time(time).assume_utc().checked_sub(offset)?;
    (1..=9999).contains(&utc.year()).then_some(utc)
}

/// `YYYY-MM-DD`, with single digits too, or `YYYYMMDD`.
fn read_date(text: &str) -> Option<Date> {
    let (year, month, day) = match text.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => (number(year, 4..=4)?, number::<u8>(month, 1..=2)?, number(day, 1..=2)?),
        [basic] if basic.len() == 8 => {
            (number(basic.get(..4)?, 4..=4)?, number(basic.get(4..6)?, 2..=2)?, number(basic.get(6..)?, 2..=2)?)
        }
        _ => return None,
    };
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok().filter(|date| date.year() > 0)
}

/// `hh[:mm[:ss[.ffffff]]]` or `hhmm[ss[.ffffff]]`; digits beyond microseconds are dropped.
fn read_time(text: &str) -> Option<Time> {
    let (text, fraction) = match text.split_once(['.', ',']) {
        Some((text, fraction)) => (text, Some(fraction)),
        None => (text, None),
    };
    let (hour, minute, second) = match text.split(':').collect::<Vec<_>>().as_slice() {
        [hour, minute, second] => (number(hour, 1..=2)?, number(minute, 1..=2)?, Some(number(second, 1..=2)?)),
        [hour, minute] => (number(hour, 1..=2)?, number(minute, 1..=2)?, None),
        [hour] if hour.len() == 2 => (number(hour, 2..=2)?, 0, None),
        [basic] if basic.len() == 4 => (number(basic.get(..2)?, 2..=2)?, number(basic.get(2..)?, 2..=2)?, None),
        [basic] if basic.len() == 6 => {
            (number(basic.get(..2)?, 2..=2)?, number(basic.get(2..4)?, 2..=2)?, Some(number(basic.get(4..)?, 2..=2)?))
        }
        _ => return None,
    };
    let micros = match fraction {
        None => 0,
        Some(fraction) if second.is_none() || !fraction.is_ascii() => return None,
        Some(fraction) => {
            number::<u8>(fraction.get(..1)?, 1..=1)?;
            let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
            number(format!("{fraction:0<6}").get(..6).filter(|_| digits)?, 6..=6)?
        }
    };
    Time::from_hms_micro(hour, minute, second.unwrap_or(0), micros).ok()
}

/// The clock time and its distance from UTC: `Z`, `+hh`, `+hhmm`, `+hh:mm`, or none.
fn split_offset(text: &str) -> Option<(&str, Duration)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock.trim_end(), Duration::ZERO));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text.trim_end(), Duration::ZERO)) };
    let (clock, offset) = text.split_at(at);
    let (sign, offset) = offset.split_at(1);
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 => (offset.get(..2)?, offset.get(2..)?),
        5 => offset.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (number::<i64>(hours, 2..=2)?, number::<i64>(minutes, 2..=2)?);
    let offset = Duration::minutes(if sign == "-" { -1 } else { 1 } * (hours * 60 + minutes));
    (hours < 24 && minutes < 60).then_some((clock.trim_end(), offset))
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
        for (text, same) in [
            ("2025-07-01T12:00:00.123456789Z", "2025-07-01T12:00:00.123456Z"),
            ("2025-07-01T12:00:00,5 +0230", "2025-07-01T09:30:00.500000Z"),
            ("20250701T120000Z", "2025-07-01T12:00:00Z"),
            ("2025-7-1 9:05", "2025-07-01T09:05:00Z"),
            ("2025-07-01T12-01", "2025-07-01T13:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(same), "{text}");
        }
        let beyond =
            ["0000-01-01", "0001-01-01T00:00+01:00", "9999-12-31T23:00-02:00", "2025-02-29", "2025-07-01T24:00"];
        let wrong =
            ["2025-07-01T12:00:00 02:00", "2025-07-01T12:00.5", "2025-07-01T12:00+24:00", "2025-07-01T12:00\u{fc}"];
        for bad in beyond.into_iter().chain(wrong) {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in ["", "x", "2025-13-01", "2025-07-01T", "2025-07-01T25:00", "2025-07-01T12:00:00.Z"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999) {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
            proptest::prop_assert_eq!(parse_filter(&format(time)), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:+., \u{fc}-]{0,30}") {
            let _ = parse_filter(&text);
        }
    }
}
