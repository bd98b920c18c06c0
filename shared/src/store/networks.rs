//! Networks that users signed in from, so that strangers' failures do not lock them out (openscouter 7).

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item},
    user_items::user_pk,
};
use crate::{
    model::{User, UserId},
    secret::sha256_hex,
};

/// How long a network is known after a sign-in.
const KEPT: Duration = Duration::days(90);

/// A network that a user signed in from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    user: UserId,
    generation: u64,
    address: String,
    at: OffsetDateTime,
}

impl Network {
    /// The network of a user who has just shown who they are, by the address that requests count for; `None` for one
    /// whose address is not verified, who may be anybody.
    #[must_use]
    pub fn of(user: &User, address: String, at: OffsetDateTime) -> Option<Self> {
        user.verified.then_some(Self { user: user.id, generation: user.generation, address, at })
    }
}

/// The key names the network only to who knows user and network.
fn network_key(user: UserId, address: &str) -> (String, String) {
    (user_pk(user), format!("NETWORK#{}", sha256_hex(format!("{user}\n{address}").as_bytes())))
}

impl Store {
    /// The transaction member that notes a network.
    pub(super) fn network_member(&self, network: &Network) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = network_key(network.user, &network.address);
        let end = network.at + KEPT;
        Item::new(pk, sk)
            .number("generation", network.generation)
            .time("expires_at", end)
            .number("ttl", end.unix_timestamp())
            .put(&self.main, Condition::None)
    }

    /// Whether a user signed in from an address of the network in the last 90 days, since the sessions were last ended.
    /// For nobody it costs the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn knows_network<'a>(
        &'a self,
        user: Option<&'a User>,
        address: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = network_key(user.map_or_else(UserId::generate, |user| user.id), address);
            let item = self.get(&self.main, pk, sk).await?;
            let (Some(item), Some(user)) = (item, user) else { return Ok(false) };
            let reader = item.read("network");
            Ok(reader.number::<u64>("generation")? == user.generation && now < reader.time("expires_at")?)
        })
    }
}
