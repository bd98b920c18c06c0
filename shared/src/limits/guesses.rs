//! Guesses at a password: one count for an account over all dialects (openscouter 7, outsend 5.2).
//!
//! A window of 15 minutes is one item: all failures at the account's address, and those of each address of the network.
//! A guess is counted before it is tried, by one conditional update, and taken back when it was right. So of any number of
//! parallel guesses exactly as many are tried as the limits say, and what is refused writes nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue},
};
use time::OffsetDateTime;

use super::{KEPT_S, Limits, left_seconds, number, of, read_number};
use crate::{
    BoxFuture,
    model::Owner,
    secret::sha256_hex,
    store::{StoreError, round_trips::round_trip},
};

/// Length of a window.
const SECONDS: u32 = 900;
/// Failures of an address of the network at an account.
const MAX_BY_ADDRESS: u32 = 10;
/// Failures at an account from everywhere.
const MAX_BY_ACCOUNT: u32 = 50;

/// A guess that was counted.
#[derive(Clone, Debug)]
pub struct Guess {
    bucket: String,
    source: String,
    /// Whether it counts for the account, too.
    by_account: bool,
    /// Whether no further one is tried if it was wrong: from where it came, or from anywhere.
    pub last: bool,
}

/// What became of a guess.
#[derive(Clone, Debug)]
pub enum Guessing {
    /// It is counted, and may be tried.
    Counted(Guess),
    /// From there nothing is tried for so many seconds.
    TooManyHere(u32),
    /// From nowhere, but where the account is known, is anything tried for so many seconds.
    TooManyEverywhere(u32),
}

impl Limits {
    /// Counts a guess at the account with an address, by the address's hash, from `source`: an address of the network.
    ///
    /// # Errors
    /// When the store fails.
    pub fn guess<'a>(
        &'a self,
        email: &'a str,
        source: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Guessing, StoreError>> {
        Box::pin(self.count_guess(email, source, true, now))
    }

    /// Counts a guess of whom the account knows, by where they are or by a session: strangers' failures do not count
    /// against it, nor does it count against them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn familiar_guess<'a>(
        &'a self,
        email: &'a str,
        source: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Guessing, StoreError>> {
        Box::pin(self.count_guess(email, source, false, now))
    }

    async fn count_guess(
        &self,
        email: &str,
        source: &str,
        by_account: bool,
        now: OffsetDateTime,
    ) -> Result<Guessing, StoreError> {
        let window = now.unix_timestamp().div_euclid(i64::from(SECONDS));
        let bucket = of(Owner::Email(email), &format!("guesses#{window}"));
        // not even here an address of the network by itself
        let source: String = sha256_hex(format!("{bucket}\n{source}").as_bytes()).chars().take(24).collect();
        let guess = Guess { bucket, source, by_account, last: false };
        let here = "(attribute_not_exists(#here) OR #here < :most_here)";
        let everywhere = "(attribute_not_exists(#all) OR #all < :most)";
        let call = self
            .change(&guess, 1)
            .expression_attribute_values(":most_here", number(MAX_BY_ADDRESS))
            .expression_attribute_values(":ttl", number(now.unix_timestamp() + i64::from(SECONDS) + KEPT_S))
            .expression_attribute_names("#ttl", "ttl");
        let call = if by_account {
            call.update_expression("ADD #all :change, #here :change SET #ttl = :ttl")
                .condition_expression(format!("{here} AND {everywhere}"))
                .expression_attribute_values(":most", number(MAX_BY_ACCOUNT))
        } else {
            call.update_expression("ADD #here :change SET #ttl = :ttl").condition_expression(here)
        };
        let counts = |item: &HashMap<String, AttributeValue>| -> (u32, u32) {
            (read_number(item, &format!("n{}", guess.source)), read_number(item, "hits"))
        };
        let left = left_seconds(SECONDS, now);
        match round_trip(call.send()).await {
            Ok(output) => {
                let (here, all) = counts(&output.attributes.unwrap_or_default());
                let last = here >= MAX_BY_ADDRESS || (by_account && all >= MAX_BY_ACCOUNT);
                Ok(Guessing::Counted(Guess { last, ..guess }))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let (here, _) = failed.item().map(counts).unwrap_or_default();
                    let too_many =
                        if here >= MAX_BY_ADDRESS { Guessing::TooManyHere } else { Guessing::TooManyEverywhere };
                    Ok(too_many(left))
                }
                _ => Err(StoreError::call("UpdateItem", &error)),
            },
        }
    }

    /// Takes a guess back that was right: only failures count.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_guess_back<'a>(&'a self, guess: &'a Guess) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let expression = if guess.by_account { "ADD #all :change, #here :change" } else { "ADD #here :change" };
            let call =
                self.change(guess, -1).update_expression(expression).condition_expression("attribute_exists(pk)");
            self.send(call).await.map(|_| ())
        })
    }

    /// An update of a window's item, without its expression.
    fn change(&self, guess: &Guess, change: i8) -> UpdateItemFluentBuilder {
        let call = self
            .key(&guess.bucket)
            .expression_attribute_names("#here", format!("n{}", guess.source))
            .expression_attribute_values(":change", number(change))
            .return_values(ReturnValue::AllNew);
        if guess.by_account { call.expression_attribute_names("#all", "hits") } else { call }
    }
}
