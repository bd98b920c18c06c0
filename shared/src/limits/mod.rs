//! Rate limits, exact under concurrency: sliding logs (outset 12) and fixed windows (outsend 5.2).
//!
//! A fixed window is one item that counts its attempts, and each attempt is one increment that
//! brings back its own number: the first N numbers pass, whoever asks at the same time.
//!
//! A sliding log's bucket is one item: the times of the requests that it counted (`log`), the limit that it was
//! last used with (`quota`) and a counter of its clean-ups (`generation`). The usual request is one
//! conditional update, `append if size(log) < quota`, which needs no read and does not conflict
//! with its neighbours. When the log is full, the failed condition brings the item back: if some
//! of it has left the window, a second update replaces the log, conditional on nobody having
//! changed it; otherwise the request is refused and nothing is written. Only one party can win a
//! clean-up and appends stop at the quota, so of N + k parallel requests exactly N pass.

//! A bucket is named for what it counts; the table has only the hash of the name. Buckets that [`of`] names share a
//! partition with all others of their owner, so that they are found, and removed, when the owner is erased.

mod guesses;
mod window;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use time::OffsetDateTime;

pub use guesses::{Guess, Guessing};
pub use window::Taken;

use crate::{
    BoxFuture,
    aws::{self, Reach},
    clock::epoch_millis,
    config::StoreSettings,
    model::Owner,
    secret::sha256_hex,
    store::{Store, StoreError, round_trips::round_trip},
};

/// Length of every window, in milliseconds.
const WINDOW_MS: i64 = 60_000;
/// A bucket that nobody used for this long is removed, in seconds.
const KEPT_S: i64 = 600;
const MAX_ATTEMPTS: u32 = 1_000;

/// What a bucket says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request passed and was counted.
    pub passed: bool,
    /// Requests allowed in a window.
    pub limit: u32,
    /// Requests left now.
    pub remaining: u32,
    /// Seconds until the oldest counted request leaves a sliding window, or until a fixed one ends; rounded up, at least 1.
    pub reset_seconds: u32,
}

/// One attempt in a fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the window, from 1.
    number: u64,
    /// Seconds until the window ends, rounded up, at least 1.
    left_seconds: u32,
}

impl Attempt {
    /// What the attempt comes to under `limit`: the first `limit` of a window pass.
    #[must_use]
    pub fn under(self, limit: u32) -> Verdict {
        let left = u64::from(limit).saturating_sub(self.number);
        Verdict {
            passed: self.number <= u64::from(limit),
            limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_seconds: self.left_seconds,
        }
    }
}

/// Seconds to the end of the fixed window that `now` is in, rounded up, at least 1.
fn left_seconds(seconds: u32, now: OffsetDateTime) -> u32 {
    let length_ms = i64::from(seconds) * 1_000;
    let left_ms = length_ms - epoch_millis(now).rem_euclid(length_ms);
    u32::try_from((left_ms + 999) / 1_000).unwrap_or(seconds).clamp(1, seconds.max(1))
}

/// The address that a request counts for: IPv6 is cut to its /64 (outsend 5.2, openscouter 2.8).
#[must_use]
pub fn counted_address(source: &str) -> String {
    match source.parse() {
        Ok(std::net::IpAddr::V6(address)) => {
            if let Some(address) = address.to_ipv4_mapped() {
                return address.to_string();
            }
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => source.to_owned(),
    }
}

/// The bucket `name` of an owner.
#[must_use]
pub fn of(owner: Owner<'_>, name: &str) -> String {
    format!("{}\n{name}", owner.partition())
}

/// Where a bucket is in the table.
fn place(bucket: &str) -> (String, String) {
    match bucket.split_once('\n') {
        Some((partition, name)) => (format!("WINDOW#{partition}"), sha256_hex(name.as_bytes())),
        None => (format!("WINDOW#{}", sha256_hex(bucket.as_bytes())), "WINDOW".to_owned()),
    }
}

/// A bucket as it was last seen.
#[derive(Clone, Debug, Default)]
struct Bucket {
    exists: bool,
    log: Vec<i64>,
    quota: u32,
    generation: u64,
}

/// The first update's outcome: it goes out together with the credential's read, when the limit is not known yet.
#[derive(Debug)]
pub struct Started {
    counted: bool,
    bucket: Bucket,
}

/// The rate windows.
#[derive(Clone, Debug)]
pub struct Limits {
    client: Client,
    table: String,
    /// When the windows end that this process has met, so that the usual request is one update.
    ends: Arc<Mutex<HashMap<String, i64>>>,
}

impl Limits {
    /// The windows that `settings` name: with the store, or at an endpoint of their own, which is reached as `reach` says.
    #[must_use]
    pub fn connect(settings: &StoreSettings, store: &Store, reach: Option<&Reach>) -> Self {
        let client = match (settings.windows_endpoint.as_deref(), reach) {
            (Some(endpoint), Some(reach)) => aws::dynamodb(settings, Some(endpoint), reach),
            _ => store.client(),
        };
        Self { client, table: settings.hot_table.clone(), ends: Arc::default() }
    }

    /// Counts a request in `bucket` under the limit that the bucket knows from earlier requests.
    ///
    /// # Errors
    /// When the store fails.
    pub fn start<'a>(&'a self, bucket: &'a str, now: OffsetDateTime) -> BoxFuture<'a, Result<Started, StoreError>> {
        Box::pin(self.append(bucket, now, None))
    }

    /// Says whether the request that was started passes under `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn settle<'a>(
        &'a self,
        bucket: &'a str,
        started: Started,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(self.decide(bucket, started, limit, now))
    }

    /// Counts a request in `bucket` under `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn charge<'a>(
        &'a self,
        bucket: &'a str,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(async move {
            let started = self.append(bucket, now, Some(limit)).await?;
            self.decide(bucket, started, limit, now).await
        })
    }

    /// Takes a started request back: it turned out not to reach the limit's step.
    ///
    /// # Errors
    /// When the store fails.
    pub fn refund<'a>(
        &'a self,
        bucket: &'a str,
        started: Started,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut seen = started.bucket;
            for _ in 0..MAX_ATTEMPTS {
                let Some(position) = seen.log.iter().position(|at| *at == epoch_millis(now)) else { return Ok(()) };
                let mut log = seen.log.clone();
                log.remove(position);
                match self.replace(bucket, &seen, &log, seen.quota, now).await? {
                    None => return Ok(()),
                    Some(current) => seen = current,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Whether a started request was counted.
    #[must_use]
    pub const fn counted(started: &Started) -> bool {
        started.counted
    }

    /// Counts an attempt in the fixed window of `seconds` that `now` is in, aligned on the Unix epoch
    /// (outsend 5.2). Whether it passes is [`Attempt::under`] a limit, which need not be known yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attempt<'a>(
        &'a self,
        bucket: &'a str,
        seconds: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Attempt, StoreError>> {
        Box::pin(async move {
            let number = self.add(bucket, seconds, now, 1).await?;
            Ok(Attempt { number, left_seconds: left_seconds(seconds, now) })
        })
    }

    /// Takes an attempt back that turned out not to reach the limit's step.
    ///
    /// # Errors
    /// When the store fails.
    pub fn withdraw<'a>(
        &'a self,
        bucket: &'a str,
        seconds: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.add(bucket, seconds, now, -1).await.map(|_| ()) })
    }

    /// Adds to a fixed window's count and says what it is now.
    async fn add(&self, bucket: &str, seconds: u32, now: OffsetDateTime, change: i8) -> Result<u64, StoreError> {
        let window = now.unix_timestamp().div_euclid(i64::from(seconds));
        let call = self
            .key(&format!("{bucket}#{window}"))
            .update_expression("ADD #hits :change SET #ttl = :ttl")
            .expression_attribute_names("#hits", "hits")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":change", number(change))
            .expression_attribute_values(":ttl", number(now.unix_timestamp() + i64::from(seconds) + KEPT_S))
            .return_values(ReturnValue::UpdatedNew);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("UpdateItem", &error))?;
        Ok(output.attributes.as_ref().map(|item| read_number(item, "hits")).unwrap_or_default())
    }

    async fn decide(
        &self,
        bucket: &str,
        started: Started,
        limit: u32,
        now: OffsetDateTime,
    ) -> Result<Verdict, StoreError> {
        let now_ms = epoch_millis(now);
        let Started { mut counted, bucket: mut seen } = started;
        for _ in 0..MAX_ATTEMPTS {
            if counted && seen.quota == limit {
                return Ok(verdict(true, limit, &seen.log, now_ms));
            }
            let mut log = live(&seen.log, now_ms);
            if counted {
                // counted under another limit than the one that holds now: judged again without itself
                if let Some(position) = log.iter().position(|at| *at == now_ms) {
                    log.remove(position);
                }
            }
            let passes = log.len() < limit as usize;
            if !passes && !counted {
                return Ok(verdict(false, limit, &log, now_ms));
            }
            if passes {
                log.push(now_ms);
            }
            let Some(current) = self.replace(bucket, &seen, &log, limit, now).await? else {
                return Ok(verdict(passes, limit, &log, now_ms));
            };
            seen = current;
            if !counted {
                let again = self.append(bucket, now, Some(limit)).await?;
                counted = again.counted;
                seen = again.bucket;
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Adds `now` to the log if there is room under the bucket's quota (which must be `limit`, if given).
    async fn append(&self, bucket: &str, now: OffsetDateTime, limit: Option<u32>) -> Result<Started, StoreError> {
        let mut call = self
            .key(bucket)
            .update_expression("SET #log = list_append(#log, :entry), #ttl = :ttl")
            .expression_attribute_names("#log", "log")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#quota", "quota")
            .expression_attribute_values(":entry", AttributeValue::L(vec![number(epoch_millis(now))]))
            .expression_attribute_values(":ttl", number(now.unix_timestamp() + KEPT_S))
            .return_values(ReturnValue::AllNew);
        call = match limit {
            None => call.condition_expression("size(#log) < #quota"),
            Some(limit) => call
                .condition_expression("size(#log) < #quota AND #quota = :limit")
                .expression_attribute_values(":limit", number(limit)),
        };
        let (counted, bucket) = self.send(call).await?;
        Ok(Started { counted, bucket })
    }

    /// Replaces the log that was seen; `Some` with the current bucket when somebody else changed it.
    async fn replace(
        &self,
        bucket: &str,
        seen: &Bucket,
        log: &[i64],
        limit: u32,
        now: OffsetDateTime,
    ) -> Result<Option<Bucket>, StoreError> {
        let entries = log.iter().map(|at| number(*at)).collect();
        let mut call = self
            .key(bucket)
            .update_expression("SET #log = :log, #quota = :limit, #generation = :next, #ttl = :ttl")
            .expression_attribute_names("#log", "log")
            .expression_attribute_names("#quota", "quota")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":log", AttributeValue::L(entries))
            .expression_attribute_values(":limit", number(limit))
            .expression_attribute_values(":next", number(seen.generation + 1))
            .expression_attribute_values(":ttl", number(now.unix_timestamp() + KEPT_S));
        call = if seen.exists {
            call.condition_expression("#generation = :seen AND size(#log) = :length")
                .expression_attribute_values(":seen", number(seen.generation))
                .expression_attribute_values(":length", number(seen.log.len()))
        } else {
            call.condition_expression("attribute_not_exists(pk)")
        };
        let (replaced, current) = self.send(call).await?;
        Ok((!replaced).then_some(current))
    }

    /// Removes all buckets of owners who are erased, by the names of their partitions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget<'a>(&'a self, partitions: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for partition in partitions {
                let pk = AttributeValue::S(format!("WINDOW#{partition}"));
                let mut start = None;
                loop {
                    let call = self
                        .client
                        .query()
                        .table_name(&self.table)
                        .key_condition_expression("pk = :pk")
                        .expression_attribute_values(":pk", pk.clone())
                        .projection_expression("pk, sk")
                        .consistent_read(true)
                        .set_exclusive_start_key(start);
                    let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
                    for key in output.items.unwrap_or_default() {
                        let call = self.client.delete_item().table_name(&self.table).set_key(Some(key));
                        round_trip(call.send()).await.map_err(|error| StoreError::call("DeleteItem", &error))?;
                    }
                    start = output.last_evaluated_key;
                    if start.is_none() {
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    fn key(&self, bucket: &str) -> UpdateItemFluentBuilder {
        let (pk, sk) = place(bucket);
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Whether the update's condition held, and the bucket as it is now.
    async fn send(&self, call: UpdateItemFluentBuilder) -> Result<(bool, Bucket), StoreError> {
        match round_trip(call.send()).await {
            Ok(output) => Ok((true, Bucket::read(output.attributes.as_ref()))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok((false, Bucket::read(failed.item())))
                }
                _ => Err(StoreError::call("UpdateItem", &error)),
            },
        }
    }
}

impl Bucket {
    fn read(item: Option<&HashMap<String, AttributeValue>>) -> Self {
        let Some(item) = item else { return Self::default() };
        let entries = item.get("log").and_then(|log| log.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
        Self {
            exists: !item.is_empty(),
            log: entries.iter().filter_map(|entry| entry.as_n().ok()?.parse().ok()).collect(),
            quota: read_number(item, "quota"),
            generation: read_number(item, "generation"),
        }
    }
}

fn read_number<T: std::str::FromStr + Default>(item: &HashMap<String, AttributeValue>, name: &str) -> T {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default()
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The entries that are still in the window, oldest first.
fn live(log: &[i64], now_ms: i64) -> Vec<i64> {
    let mut live: Vec<_> = log.iter().copied().filter(|at| now_ms - at < WINDOW_MS).collect();
    live.sort_unstable();
    live
}

fn verdict(passed: bool, limit: u32, log: &[i64], now_ms: i64) -> Verdict {
    let live = live(log, now_ms);
    let oldest = live.first().copied().unwrap_or(now_ms);
    let left_ms = (WINDOW_MS - (now_ms - oldest)).max(1);
    Verdict {
        passed,
        limit,
        remaining: limit.saturating_sub(u32::try_from(live.len()).unwrap_or(u32::MAX)),
        reset_seconds: u32::try_from((left_ms + 999) / 1_000).unwrap_or(60).clamp(1, 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    #[test]
    fn one_network_is_one_address() {
        assert_eq!(counted_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(counted_address("2001:db8:1:2::1"), counted_address("2001:0db8:1:2:ffff::"));
        assert_ne!(counted_address("2001:db8:1:2::1"), counted_address("2001:db8:1:3::1"));
        assert_eq!(counted_address("203.0.113.7"), "203.0.113.7");
        assert_eq!(counted_address("::ffff:203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn a_place_names_nobody() {
        let user = UserId::generate();
        let (pk, sk) = place(&of(Owner::User(user), "outsend/user"));
        assert_eq!(pk, format!("WINDOW#{}", Owner::User(user).partition()));
        assert!(![&pk, &sk].into_iter().any(|name| name.contains(&user.to_string()) || name.contains("outsend")));
        assert_eq!(pk, place(&of(Owner::User(user), "outsend/pwchange")).0);
        assert!(!place("outset/address/192.0.2.1").0.contains("192"));
    }

    #[test]
    fn the_first_attempts_of_a_window_pass() {
        let attempt = |number| Attempt { number, left_seconds: 7 };
        assert_eq!(attempt(5).under(5), Verdict { passed: true, limit: 5, remaining: 0, reset_seconds: 7 });
        assert!(!attempt(6).under(5).passed);
        let at = |millis| OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(millis);
        assert_eq!(left_seconds(60, at(0)), 60);
        assert_eq!(left_seconds(60, at(1)), 60);
        assert_eq!(left_seconds(60, at(59_001)), 1);
        assert_eq!(left_seconds(900, at(900_000)), 900);
    }

    #[test]
    fn the_wait_is_rounded_up_and_at_least_one_second() {
        assert_eq!(verdict(false, 1, &[0], 0).reset_seconds, 60);
        assert_eq!(verdict(false, 1, &[0], 1).reset_seconds, 60);
        assert_eq!(verdict(false, 1, &[0], 1_000).reset_seconds, 59);
        assert_eq!(verdict(false, 1, &[0], 59_999).reset_seconds, 1);
        assert_eq!(verdict(true, 3, &[0, 10], 20).remaining, 1);
        assert_eq!(verdict(true, 3, &[0, 10], 60_005).remaining, 2);
    }
}
