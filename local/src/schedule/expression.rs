//! `rate(…)` and `cron(…)`, as EventBridge reads them.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use time::{Duration, OffsetDateTime};

/// When a schedule fires.
#[derive(Clone, Debug)]
pub enum Expression {
    /// At equal distances.
    Rate(Duration),
    /// At times of the calendar, in UTC.
    Cron(Box<cron::Schedule>),
}

/// Why an expression cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Neither `rate(…)` nor `cron(…)`.
    #[error("schedule is neither rate(…) nor cron(…)")]
    Kind,
    /// Not `rate(number unit)`.
    #[error("rate is not a positive number and minutes, hours or days")]
    Rate,
    /// Not the six fields of a cron expression.
    #[error("cron expression cannot be read: {0}")]
    Cron(String),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let inner = |kind: &str| text.trim().strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            return parse_rate(rate).map(Self::Rate).ok_or(ExpressionError::Rate);
        }
        let fields = inner("cron").ok_or(ExpressionError::Kind)?;
        if fields.split_whitespace().count() != 6 {
            return Err(ExpressionError::Cron("six fields expected".to_owned()));
        }
        // EventBridge has no field for seconds; it fires at the start of the minute
        let schedule = cron::Schedule::from_str(&format!("0 {fields}"));
        schedule
            .map(|schedule| Self::Cron(Box::new(schedule)))
            .map_err(|error| ExpressionError::Cron(error.to_string()))
    }

    /// The first time after `now`; `None` when there is none.
    #[must_use]
    pub fn next(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Rate(rate) => now.checked_add(*rate),
            Self::Cron(schedule) => {
                let now = DateTime::<Utc>::from_timestamp(now.unix_timestamp(), now.nanosecond())?;
                OffsetDateTime::from_unix_timestamp(schedule.after(&now).next()?.timestamp()).ok()
            }
        }
    }
}

fn parse_rate(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_once(char::is_whitespace)?;
    let number = number.parse::<u32>().ok().filter(|number| *number > 0)?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::seconds(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tuesday, 2026-11-24 03:20:00
    const NOW: i64 = 1_795_490_400;

    fn next(text: &str) -> String {
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        let next = Expression::parse(text).unwrap().next(now).unwrap();
        next.format(&time::format_description::well_known::Rfc3339).unwrap()
    }

    #[test]
    fn expressions_fire_when_eventbridge_does() {
        for (text, expected) in [
            ("rate(1 minute)", "2026-11-24T03:21:00Z"),
            ("rate(5 minutes)", "2026-11-24T03:25:00Z"),
            ("rate(2 hours)", "2026-11-24T05:20:00Z"),
            ("rate(1 day)", "2026-11-25T03:20:00Z"),
            ("cron(0/15 * * * ? *)", "2026-11-24T03:30:00Z"),
            ("cron(0 4 * * ? *)", "2026-11-24T04:00:00Z"),
            ("cron(30 2 1 * ? *)", "2026-12-01T02:30:00Z"),
            // 1 is Sunday
            ("cron(0 0 ? * 1 *)", "2026-11-29T00:00:00Z"),
            ("cron(0 0 ? * MON-FRI *)", "2026-11-25T00:00:00Z"),
        ] {
            assert_eq!(next(text), expected, "{text}");
        }
    }

    #[test]
    fn what_eventbridge_refuses_is_refused() {
        for (text, expected) in [
            ("rate(0 minutes)", ExpressionError::Rate),
            ("rate(5 weeks)", ExpressionError::Rate),
            ("rate(5)", ExpressionError::Rate),
            ("at(2026-01-01T00:00:00)", ExpressionError::Kind),
            ("cron(* * * * *)", ExpressionError::Cron("six fields expected".to_owned())),
        ] {
            assert_eq!(Expression::parse(text).unwrap_err(), expected, "{text}");
        }
    }
}
