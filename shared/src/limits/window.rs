//! Windows that start at their first request (openscouter 2.8).
//!
//! A window is one item that says when it ends and how many requests it took. Taking one is a conditional update: it
//! counts while the window runs and has room, or opens the next one when it has ended. What does not fit is not counted.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use time::OffsetDateTime;

use super::{KEPT_S, Limits, MAX_ATTEMPTS, Verdict, WINDOW_MS, number, read_number};
use crate::{
    BoxFuture,
    clock::epoch_millis,
    store::{StoreError, round_trips::round_trip},
};

/// Windows that a process remembers.
const MAX_WINDOWS: usize = 10_000;

/// What a window that starts at its first request made of one request (openscouter 2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    counted: bool,
    /// Hits in the window, this request's included if it was counted.
    hits: u32,
    /// When the window ends, in milliseconds since the Unix epoch.
    end_ms: i64,
}

impl Taken {
    fn verdict(self, passed: bool, limit: u32, now: OffsetDateTime) -> Verdict {
        let left_ms = (self.end_ms - epoch_millis(now)).max(1);
        Verdict {
            passed,
            limit,
            remaining: limit.saturating_sub(self.hits),
            reset_seconds: u32::try_from((left_ms + 999) / 1_000).unwrap_or(60).clamp(1, 60),
        }
    }
}

impl Limits {
    /// Counts a request in the window of 60 s that starts at the bucket's first request, if it fits under `limit`;
    /// what does not fit is not counted (openscouter 2.8). The limit may be a guess, which [`Limits::judge`] mends.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take<'a>(
        &'a self,
        bucket: &'a str,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Taken, StoreError>> {
        self.take_many(bucket, 1, limit, now)
    }

    /// The same for a request that costs more than one, which is taken whole or not at all.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_many<'a>(
        &'a self,
        bucket: &'a str,
        cost: u32,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Taken, StoreError>> {
        Box::pin(async move {
            // how many may have been taken before
            let room = i64::from(limit) - i64::from(cost);
            let now_ms = epoch_millis(now);
            for _ in 0..MAX_ATTEMPTS {
                let known = self.ends().get(bucket).copied();
                let running = known.is_some_and(|end| now_ms < end);
                let call = if running {
                    self.key(bucket)
                        .update_expression("SET #hits = #hits + :cost")
                        .condition_expression("#end > :now AND #hits <= :room")
                        .expression_attribute_values(":room", number(room))
                } else {
                    let end_ms = now_ms + WINDOW_MS;
                    self.key(bucket)
                        .update_expression("SET #hits = :cost, #end = :end, #ttl = :ttl")
                        .condition_expression("attribute_not_exists(pk) OR #end <= :now")
                        .expression_attribute_names("#ttl", "ttl")
                        .expression_attribute_values(":end", number(end_ms))
                        .expression_attribute_values(":ttl", number(end_ms / 1_000 + KEPT_S))
                };
                let call = call
                    .expression_attribute_names("#hits", "hits")
                    .expression_attribute_names("#end", "end")
                    .expression_attribute_values(":cost", number(cost))
                    .expression_attribute_values(":now", number(now_ms))
                    .return_values(ReturnValue::AllNew);
                let (counted, item) = match round_trip(call.send()).await {
                    Ok(output) => (true, output.attributes.unwrap_or_default()),
                    Err(error) => match error.as_service_error() {
                        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                            (false, failed.item().cloned().unwrap_or_default())
                        }
                        _ => return Err(StoreError::call("UpdateItem", &error)),
                    },
                };
                let taken = Taken { counted, hits: read_number(&item, "hits"), end_ms: read_number(&item, "end") };
                self.remember(bucket, taken.end_ms);
                if counted || (now_ms < taken.end_ms && i64::from(taken.hits) > room) {
                    return Ok(taken);
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Says what became of a request whose limit is no guess.
    #[must_use]
    pub fn verdict(taken: Taken, limit: u32, now: OffsetDateTime) -> Verdict {
        taken.verdict(taken.counted, limit, now)
    }

    /// Says whether a request that was taken under the limit `guess` passes under `limit`, and mends the count.
    ///
    /// # Errors
    /// When the store fails.
    pub fn judge<'a>(
        &'a self,
        bucket: &'a str,
        taken: Taken,
        (guess, limit): (u32, u32),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(async move {
            let taken = if !taken.counted && guess < limit { self.take(bucket, limit, now).await? } else { taken };
            let passed = taken.counted && taken.hits <= limit;
            if taken.counted && !passed {
                self.give_back(bucket, taken).await?;
            }
            Ok(taken.verdict(passed, limit, now))
        })
    }

    /// Takes a counted request back: it turned out not to be the bucket's.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_back<'a>(&'a self, bucket: &'a str, taken: Taken) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if !taken.counted {
                return Ok(());
            }
            let call = self
                .key(bucket)
                .update_expression("SET #hits = #hits - :one")
                .condition_expression("#end = :end AND #hits > :none")
                .expression_attribute_names("#hits", "hits")
                .expression_attribute_names("#end", "end")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":end", number(taken.end_ms));
            self.send(call).await.map(|_| ())
        })
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, bucket: &str, end_ms: i64) {
        let mut ends = self.ends();
        if ends.len() >= MAX_WINDOWS {
            ends.clear();
        }
        ends.insert(bucket.to_owned(), end_ms);
    }
}
