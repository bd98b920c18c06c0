//! What the store's modules about gateway keys share.

use aws_sdk_dynamodb::types::AttributeValue;
use time::OffsetDateTime;

use super::super::{StoreError, item::Item};
use crate::{model::OrganizationId, secret::sha256_hex};

/// Partitions of tasks, and of records.
pub(super) const SHARDS: u8 = 8;

pub(super) fn shard(organization: OrganizationId) -> u8 {
    sha256_hex(organization.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS)
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn unbuilt(error: &impl ToString) -> StoreError {
    StoreError::Call { operation: "Update", cause: error.to_string() }
}

/// The day of a time, counted from the Unix epoch.
pub(super) fn day(time: OffsetDateTime) -> i64 {
    time.unix_timestamp().div_euclid(86_400)
}

/// Whether an organization is marked as used on the day of `now`.
pub(in super::super) fn is_used(organization: &Item, now: OffsetDateTime) -> Result<bool, StoreError> {
    match organization.0.contains_key("gateway_used") {
        true => Ok(organization.read("organization").number::<i64>("gateway_used")? >= day(now)),
        false => Ok(false),
    }
}
