//! Which veilles are due, and the claim of a slot (outsend 15.3).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::{Duration, OffsetDateTime};

use super::item::{SHARDS, due_key, due_pk, header_key, read_veille, run_item, veille_item};
use crate::{
    BoxFuture,
    clock::epoch_millis,
    model::{Tick, UserId, Veille},
    store::{
        Store, StoreError,
        client::Written,
        item::{Condition, Item, check, check_version, delete},
        round_trips::{items_read, round_trip},
        user_items::user_pk,
    },
};

/// When a veille of an account that is not active is looked at again.
const MUCH_LATER: Duration = Duration::hours(1);

/// A veille that stands among those that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueVeille {
    /// Its id.
    pub id: u64,
    user: UserId,
    pk: String,
    sk: String,
}

/// What became of the claim of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A run starts.
    Started,
    /// The slot passes, since the last run is still active.
    Skipped,
    /// It is not due, somebody else was faster, or its owner is not active.
    Nothing,
}

impl Store {
    /// How many lists veilles that are due are found in.
    #[must_use]
    pub const fn veille_shards() -> u8 {
        SHARDS
    }

    /// The members that move a veille among those that are to run.
    pub(super) fn due_members(
        &self,
        id: u64,
        before: Option<OffsetDateTime>,
        after: Option<OffsetDateTime>,
        user: UserId,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (before, after) = (before.map(|at| due_key(id, at)), after.map(|at| due_key(id, at)));
        if before == after {
            return Ok(Vec::new());
        }
        let mut members = Vec::new();
        if let Some((pk, sk)) = before {
            members.push(delete(&self.main, pk, sk)?);
        }
        if let Some((pk, sk)) = after {
            members.push(Item::new(pk, sk).text("user", user.to_string()).put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// At most `limit` veilles of a list that are due, the longest due first, behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_veilles<'a>(
        &'a self,
        shard: u8,
        after: Option<&'a DueVeille>,
        limit: i32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Vec<DueVeille>, StoreError>> {
        Box::pin(async move {
            let start = after.map_or_else(|| "0".to_owned(), |after| format!("{}~", after.sk));
            let end = format!("{:015}#~", epoch_millis(now));
            if start > end {
                // the clock went back
                return Ok(Vec::new());
            }
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND sk BETWEEN :start AND :end")
                .expression_attribute_values(":pk", AttributeValue::S(due_pk(shard)))
                .expression_attribute_values(":start", AttributeValue::S(start))
                .expression_attribute_values(":end", AttributeValue::S(end))
                .consistent_read(true)
                .limit(limit);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items = output.items.unwrap_or_default();
            items_read(items.len());
            let read = |item: Item| {
                let reader = item.read("due veille");
                Ok(DueVeille {
                    id: reader.parsed("sk", |sk| sk.rsplit('#').next()?.parse().ok())?,
                    user: reader.parsed("user", UserId::parse)?,
                    pk: reader.text("pk")?.to_owned(),
                    sk: reader.text("sk")?.to_owned(),
                })
            };
            items.into_iter().map(Item::from).map(read).collect()
        })
    }

    /// Does what is due for a veille, by one conditional write: of two that read the same state, one starts the run.
    ///
    /// # Errors
    /// When the store fails.
    pub fn claim_veille<'a>(
        &'a self,
        due: &'a DueVeille,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            let owner = user_pk(due.user);
            let items = self.batch_get(vec![header_key(due.id), (owner.clone(), "USER".to_owned())]).await?;
            let header = items.iter().find(|item| item.pk() != owner).map(read_veille).transpose()?;
            let active = items.iter().find(|item| item.pk() == owner).map(|user| user.read("user").flag("active"));
            let version = header.as_ref().map(|veille| veille.version);
            let at = |veille: &Veille| veille.due_at.map(|at| due_key(veille.id, at));
            let Some(veille) = header.filter(|veille| at(veille) == Some((due.pk.clone(), due.sk.clone()))) else {
                self.drop_due(due, version).await?;
                return Ok(Claim::Nothing);
            };
            if !active.transpose()?.unwrap_or(false) {
                // it is looked at again, and keeps its slot
                let next = Veille { due_at: Some(now + MUCH_LATER), version: veille.version + 1, ..veille.clone() };
                self.transact(self.claim_members(&veille, &next)?).await?;
                return Ok(Claim::Nothing);
            }
            let (next, started) = match veille.schedule.tick(now) {
                None => (veille.scheduled(veille.schedule.clone()), false),
                Some(Tick::Skip(schedule)) => (veille.scheduled(schedule), false),
                Some(Tick::Start(schedule)) => (Veille { runs: veille.runs + 1, ..veille.scheduled(schedule) }, true),
            };
            let mut members = self.claim_members(&veille, &next)?;
            let run = next.run(now).filter(|_| started);
            if let Some(run) = &run {
                members.push(run_item(run).put(&self.main, Condition::Absent)?);
                members.push(self.work_member(&run.work(), now)?);
            }
            let written = self.transact(members).await? == Written::Done;
            Ok(match run {
                Some(_) if written => Claim::Started,
                None if written => Claim::Skipped,
                // the answer to this very write can have been lost: the run starts all the same
                _ => Claim::Nothing,
            })
        })
    }

    /// Takes off what is left of a veille that is gone, or that moved: unless it has come back meanwhile.
    async fn drop_due(&self, due: &DueVeille, version: Option<u64>) -> Result<(), StoreError> {
        let (pk, sk) = header_key(due.id);
        let unchanged = match version {
            Some(version) => check_version(&self.main, pk, sk, version)?,
            None => check(&self.main, (pk, sk), "attribute_not_exists(pk)", None, [])?,
        };
        let gone = delete(&self.main, due.pk.clone(), due.sk.clone())?;
        self.transact(vec![unchanged, gone]).await.map(|_| ())
    }

    fn claim_members(&self, before: &Veille, next: &Veille) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut members = vec![veille_item(next).put(&self.main, Condition::Version(before.version))?];
        members.extend(self.due_members(before.id, before.due_at, next.due_at, before.user)?);
        Ok(members)
    }
}
