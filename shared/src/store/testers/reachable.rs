//! Testers who match a study and can be told of it in Telegram (openscouter 15).

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{index::read_entry, places::partitions};
use crate::{
    model::{MatchScore, StudyId, UserId, Wanted},
    store::{
        BoxFuture, Store, StoreError,
        item::Item,
        round_trips::{items_read, round_trip},
        user_items::user_pk,
    },
};

/// Entries that are read at a time.
const PAGE: i32 = 200;
/// Entries that one request reads at most.
const MAX_READ: usize = 20_000;

/// Who matches a study.
#[derive(Debug, Default)]
pub struct Reachable {
    /// Who can be told and is not taken, in the contract's order.
    pub testers: Vec<(UserId, MatchScore)>,
    /// How many match besides: without a chat, with a session, or proposed before.
    pub others: usize,
}

/// What is read so far.
#[derive(Debug, Default)]
struct Walk {
    found: Reachable,
    seen: HashSet<UserId>,
    read: usize,
}

impl Store {
    /// The testers who match a study and have a chat, without those who have a session of it or were proposed for it; and
    /// how many match besides. Entries are read by the page, best first, and no more than twenty thousand of them; only who
    /// has a chat is looked at further.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reachable_testers<'a>(
        &'a self,
        study: StudyId,
        wanted: &'a Wanted<'a>,
    ) -> BoxFuture<'a, Result<Reachable, StoreError>> {
        Box::pin(async move {
            let (mut walk, targeting) = (Walk::default(), wanted.targeting);
            for country in &targeting.countries {
                let countries = std::slice::from_ref(country);
                for pk in partitions(countries, &targeting.languages, &targeting.nd_categories) {
                    self.walk_partition((study, wanted), (&pk, country), &mut walk).await?;
                }
            }
            let mut found = walk.found;
            found.testers.sort_by_key(|(tester, score)| (std::cmp::Reverse(*score), *tester));
            Ok(found)
        })
    }

    async fn walk_partition(
        &self,
        (study, wanted): (StudyId, &Wanted<'_>),
        (pk, country): (&str, &str),
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        let mut start = None;
        while walk.read < MAX_READ {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .set_exclusive_start_key(start)
                .limit(PAGE);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items: Vec<_> = output.items.unwrap_or_default().into_iter().map(Item::from).collect();
            items_read(items.len());
            walk.read += items.len();
            let mut fitting = Vec::new();
            for (tester, candidate) in items.iter().filter_map(|item| read_entry(item, country)) {
                if wanted.admits(&candidate) && walk.seen.insert(tester) {
                    fitting.push(tester);
                }
            }
            self.look_at((study, wanted), fitting, &mut walk.found).await?;
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Sorts testers by whether they have a chat, and by what is known of those now.
    async fn look_at(
        &self,
        (study, wanted): (StudyId, &Wanted<'_>),
        fitting: Vec<UserId>,
        found: &mut Reachable,
    ) -> Result<(), StoreError> {
        let linked = self.with_telegram(&fitting).await?;
        let (linked, others): (Vec<_>, Vec<_>) =
            fitting.into_iter().partition(|tester| linked.contains(&user_pk(*tester)));
        found.others += others.len();
        for (tester, ground) in self.match_grounds(study, &linked).await? {
            if !wanted.admits(&ground.candidate) {
                continue;
            }
            if ground.before {
                found.others += 1;
            } else {
                found.testers.push((tester, wanted.score(&ground.candidate)));
            }
        }
        Ok(())
    }
}
