//! Who holds answers that last (outsend 10): leases in the hot table, one item for a user and a kind of answer. A holder
//! that dies renews nothing, so that its place is free a minute later.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use time::OffsetDateTime;

use super::{BoxFuture, Store, StoreError, after_lost_race, retry::MAX_ATTEMPTS, round_trips::round_trip};
use crate::model::UserId;

/// How long a lease lasts that is not renewed, in seconds.
const LEASE_S: i64 = 60;
/// How much longer the item stays, in seconds.
const KEPT_S: i64 = 600;

/// A kind of answer that lasts; each has places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// A job's live events.
    Stream,
    /// A job's rows.
    Download,
}

impl Lasting {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "STREAM",
            Self::Download => "DOWNLOAD",
        }
    }
}

/// A place of a user's.
#[derive(Clone, Debug)]
pub struct Place {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub kind: Lasting,
    /// Names the holder.
    pub holder: String,
}

impl Place {
    /// A place for a new holder.
    #[must_use]
    pub fn new(user: UserId, kind: Lasting) -> Self {
        Self { user, kind, holder: uuid::Uuid::new_v4().simple().to_string() }
    }
}

/// What became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The place is the holder's for a minute.
    Held,
    /// All places are taken; the first may be free in so many seconds.
    Full(u32),
}

/// Ends by holder, in seconds since the Unix epoch.
type Ends = HashMap<String, i64>;

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn ends_of(item: &HashMap<String, AttributeValue>) -> Ends {
    let leases = item.get("leases").and_then(|leases| leases.as_m().ok()).into_iter().flatten();
    leases
        .map(|(holder, end)| (holder.clone(), end.as_n().ok().and_then(|end| end.parse().ok()).unwrap_or(0)))
        .collect()
}

impl Store {
    /// Takes a place, or renews the lease of who has it; at most `places` are held at a time, also when many ask at once.
    /// Mostly it is one update.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lease<'a>(
        &'a self,
        place: &'a Place,
        places: usize,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Leased, StoreError>> {
        Box::pin(async move {
            let (now, end) = (now.unix_timestamp(), now.unix_timestamp() + LEASE_S);
            for attempt in 0..MAX_ATTEMPTS {
                let call = self
                    .leases(place)
                    .update_expression("SET #leases.#own = :end, #ttl = :ttl")
                    .condition_expression("size(#leases) < :places OR attribute_exists(#leases.#own)")
                    .expression_attribute_names("#own", &place.holder)
                    .expression_attribute_names("#ttl", "ttl")
                    .expression_attribute_values(":end", number(end))
                    .expression_attribute_values(":ttl", number(end + KEPT_S))
                    .expression_attribute_values(":places", number(places));
                let Some(known) = self.refused(call).await? else { return Ok(Leased::Held) };
                let done = match known {
                    None => self.first_lease(place, end).await?,
                    Some(ends) => {
                        let over: Vec<_> = ends.iter().filter(|(_, end)| **end <= now).collect();
                        if over.is_empty() {
                            let first = ends.values().min().map_or(1, |end| end - now);
                            return Ok(Leased::Full(u32::try_from(first.max(1)).unwrap_or(1)));
                        }
                        self.lease_for(place, &over, ends.len(), end).await?
                    }
                };
                if done {
                    return Ok(Leased::Held);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Gives a place back; what is not the holder's any more stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_lease<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let call = self
                .leases(place)
                .update_expression("REMOVE #leases.#own")
                .condition_expression("attribute_exists(#leases.#own)")
                .expression_attribute_names("#own", &place.holder);
            self.refused(call).await.map(|_| ())
        })
    }

    /// The first lease of a user and a kind; `Ok(false)` when somebody was faster.
    async fn first_lease(&self, place: &Place, end: i64) -> Result<bool, StoreError> {
        let leases = HashMap::from([(place.holder.clone(), number(end))]);
        let call = self
            .leases(place)
            .update_expression("SET #leases = :leases, #ttl = :ttl")
            .condition_expression("attribute_not_exists(#leases)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":leases", AttributeValue::M(leases))
            .expression_attribute_values(":ttl", number(end + KEPT_S));
        Ok(self.refused(call).await?.is_none())
    }

    /// A lease in place of those that are over, as they were seen; `Ok(false)` when somebody was faster.
    async fn lease_for(
        &self,
        place: &Place,
        over: &[(&String, &i64)],
        seen: usize,
        end: i64,
    ) -> Result<bool, StoreError> {
        let mut call = self
            .leases(place)
            .expression_attribute_names("#own", &place.holder)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":end", number(end))
            .expression_attribute_values(":ttl", number(end + KEPT_S))
            .expression_attribute_values(":seen", number(seen));
        let (mut gone, mut condition) = (Vec::new(), "size(#leases) = :seen".to_owned());
        for (index, (holder, end)) in over.iter().enumerate() {
            call = call
                .expression_attribute_names(format!("#over{index}"), holder.as_str())
                .expression_attribute_values(format!(":over{index}"), number(end));
            gone.push(format!("#leases.#over{index}"));
            condition.push_str(&format!(" AND #leases.#over{index} = :over{index}"));
        }
        let update = format!("SET #leases.#own = :end, #ttl = :ttl REMOVE {}", gone.join(", "));
        let call = call.update_expression(update).condition_expression(condition);
        Ok(self.refused(call).await?.is_none())
    }

    fn leases(&self, place: &Place) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.hot)
            .key("pk", AttributeValue::S(format!("STREAMS#{}", place.user)))
            .key("sk", AttributeValue::S(place.kind.as_str().to_owned()))
            .expression_attribute_names("#leases", "leases")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// `None` when an update was done; else the leases that there are, if there is an item.
    async fn refused(&self, call: UpdateItemFluentBuilder) -> Result<Option<Option<Ends>>, StoreError> {
        match round_trip(call.send()).await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let item = failed.item().filter(|item| item.contains_key("leases"));
                    Ok(Some(item.map(ends_of)))
                }
                _ => Err(StoreError::call("UpdateItem", &error)),
            },
        }
    }
}
