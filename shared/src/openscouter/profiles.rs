//! Profiles of testers, as their answers show them (openscouter 17, 18).

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::format::timestamp;
use crate::{
    model::{Payee, User},
    store::{Profile, TelegramLink},
};

/// A tester's profile (openscouter 18).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView<'a> {
    tester_id: String,
    display_name: String,
    country: Option<&'a Value>,
    birth_year: Option<&'a Value>,
    devices: &'a [Value],
    languages: &'a [Value],
    nd_categories: &'a [String],
    assistive_tech: &'a [Value],
    bio: Option<&'a Value>,
    timezone: Option<&'a Value>,
    available: bool,
    camera_opt_out: bool,
    capacity_verified: bool,
    capacity_score: Option<u32>,
    telegram_connected: bool,
    payouts_enabled: bool,
}

impl<'a> ProfileView<'a> {
    /// The profile of a tester: what was set, and else its default. `special` are the categories, which are kept apart
    /// (openscouter 21); `payee` is the account that payouts go to, `telegram` the linked chat.
    #[must_use]
    pub fn new(
        tester: &User,
        profile: &'a Profile,
        special: &'a [String],
        (payee, telegram): (Option<&Payee>, Option<&TelegramLink>),
    ) -> Self {
        let list = |name: &str| profile.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let flag = |name: &str, default: bool| profile.get(name).and_then(Value::as_bool).unwrap_or(default);
        Self {
            tester_id: tester.id.wire(),
            display_name: display_name(&tester.name),
            country: profile.get("country"),
            birth_year: profile.get("birthYear"),
            devices: list("devices"),
            languages: list("languages"),
            nd_categories: special,
            assistive_tech: list("assistiveTech"),
            bio: profile.get("bio"),
            timezone: profile.get("timezone"),
            available: flag("available", true),
            camera_opt_out: flag("cameraOptOut", false),
            capacity_verified: tester.qualified,
            capacity_score: tester.capacity_score,
            telegram_connected: telegram.is_some(),
            payouts_enabled: payee.is_some_and(|payee| payee.payouts_enabled),
        }
    }
}

/// A time as the clock shows it where a tester lives, to the minute, with the zone's name for it; in UTC where that is not
/// known.
#[must_use]
pub fn local_time(at: OffsetDateTime, profile: &Profile) -> String {
    let zone = profile.get("timezone").and_then(Value::as_str).unwrap_or("UTC");
    let local = Timestamp::from_second(at.unix_timestamp()).and_then(|at| at.in_tz(zone));
    local.map_or_else(|_| timestamp(at), |local| local.strftime("%Y-%m-%d %H:%M %Z").to_string())
}

/// The name that others see: the first one and the first letter of the last (openscouter 17).
#[must_use]
pub fn display_name(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, .., last] => {
            format!("{first} {}.", last.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn names_that_others_see() {
        for (name, shown) in [("Alex Roe", "Alex R."), ("Alex", "Alex"), ("Alex van der roe", "Alex R."), ("", "")] {
            assert_eq!(display_name(name), shown);
        }
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
