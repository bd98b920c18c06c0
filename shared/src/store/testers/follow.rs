//! Testers' places follow what is known of them.
//!
//! A record of each tester says where it stands and where else it may stand yet. It is written first, in a version of its
//! own, on condition that the account is the one that was read; then the lists and the entries, on condition that the
//! record is still that; then what is left behind is forgotten. So whoever read an older state fails, a break at any point
//! is taken up where it was, and done again nothing changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ranked::{Change, Head};

use super::{Known, index::entry_item, places::Places};
use crate::{
    model::UserId,
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        consents::special_key,
        group_commit::{Committed, MAX_MEMBERS},
        item::{Condition, Item, check_version, delete, delete_version},
        user_items::user_pk,
    },
};

/// Lists that are written at a time.
const AT_A_TIME: usize = 8;
/// Entries of a tester that are written at a time.
const ENTRIES: usize = 90;

/// Where the record stands: beside special-category data, which it says something of.
fn record_key(tester: UserId) -> (String, String) {
    (special_key(tester).0, "MATCH".to_owned())
}

/// Where a tester stands, and may stand yet.
struct Record {
    now: Option<Places>,
    before: Vec<Places>,
    /// Whether the places are just those of `now`.
    settled: bool,
    version: u64,
}

impl Record {
    fn item(&self, tester: UserId) -> Result<Item, StoreError> {
        let text = |error: serde_json::Error| StoreError::Call { operation: "places", cause: error.to_string() };
        let (pk, sk) = record_key(tester);
        Ok(Item::new(pk, sk)
            .text("now", serde_json::to_string(&self.now).map_err(text)?)
            .text("before", serde_json::to_string(&self.before).map_err(text)?)
            .number("settled", u8::from(self.settled))
            .number("version", self.version))
    }

    fn read(item: &Item) -> Result<(UserId, Self), StoreError> {
        let reader = item.read("places of a tester");
        let tester = reader.parsed("pk", |pk| UserId::parse(pk.strip_prefix("SPECIAL#")?))?;
        let record = Self {
            now: reader.parsed("now", |text| serde_json::from_str(text).ok())?,
            before: reader.parsed("before", |text| serde_json::from_str(text).ok())?,
            settled: reader.flag("settled")?,
            version: reader.number("version")?,
        };
        Ok((tester, record))
    }
}

/// A tester whose places follow.
struct Move {
    tester: UserId,
    /// Where the tester is to stand; `None` of who is gone.
    next: Option<Places>,
    /// Where the tester may stand yet.
    before: Vec<Places>,
    /// Where the tester stands for certain.
    stands: Option<Places>,
    /// The record's version: before the claim, 0 where there is none, and with it.
    read: u64,
    version: u64,
    account: Option<u64>,
}

impl Move {
    /// `None` where nothing is known of the tester, and nothing ever was.
    fn of(tester: UserId, known: Option<&Known>, record: Option<Record>) -> Option<Self> {
        if known.is_none() && record.is_none() {
            return None;
        }
        let next = known.map(|known| Places::of(&known.tester));
        let read = record.as_ref().map_or(0, |record| record.version);
        let (mut before, mut stands) = (Vec::new(), None);
        for (index, places) in record.into_iter().flat_map(Record::into_places).enumerate() {
            let (places, certain) = places;
            if index == 0 && certain {
                stands = Some(places.clone());
            }
            if next.as_ref() != Some(&places) && !before.contains(&places) {
                before.push(places);
            }
        }
        let account = known.map(|known| known.version);
        Some(Self { tester, next, before, stands, read, version: read + 1, account })
    }

    fn is_settled(&self) -> bool {
        self.next.is_some() && self.stands == self.next
    }

    /// The members that claim the tester's places.
    fn claim(&self, table: &str) -> Result<Vec<TransactWriteItem>, StoreError> {
        let condition = if self.read == 0 { Condition::Absent } else { Condition::Version(self.read) };
        let (now, before) = (self.next.clone(), self.before.clone());
        let record = Record { now, before, settled: self.is_settled(), version: self.version };
        let mut members = vec![record.item(self.tester)?.put(table, condition)?];
        if let Some(version) = self.account {
            members.push(check_version(table, user_pk(self.tester), "USER".to_owned(), version)?);
        }
        Ok(members)
    }

    /// The member that holds as long as the claim does.
    fn check(&self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = record_key(self.tester);
        check_version(table, pk, sk, self.version)
    }

    /// The member that forgets what was left behind.
    fn settle(&self, table: &str) -> Result<TransactWriteItem, StoreError> {
        if self.next.is_none() {
            let (pk, sk) = record_key(self.tester);
            return delete_version(table, pk, sk, self.version);
        }
        let now = self.next.clone();
        let record = Record { now, before: Vec::new(), settled: true, version: self.version + 1 };
        record.item(self.tester)?.put(table, Condition::Version(self.version))
    }

    /// What changes in which lists.
    fn changes(&self) -> Vec<(String, Change)> {
        let Some(rank) = self.next.iter().chain(&self.before).next().map(|places| places.rank(self.tester)) else {
            return Vec::new();
        };
        let lists = |places: &Places| places.lists();
        let wanted = self.next.as_ref().map(lists).unwrap_or_default();
        let there = self.stands.as_ref().map(lists).unwrap_or_default();
        let left: BTreeSet<_> = self.before.iter().flat_map(lists).filter(|list| !wanted.contains(list)).collect();
        let enter = wanted.into_iter().filter(|list| !there.contains(list));
        let enter = enter.map(|list| (list, Change::Insert(rank.clone())));
        enter.chain(left.into_iter().map(|list| (list, Change::Remove(rank.clone())))).collect()
    }

    /// What changes among the entries.
    fn entries(&self, table: &str) -> Result<Vec<TransactWriteItem>, StoreError> {
        let entries = |places: &Places| places.entries(self.tester);
        let wanted = self.next.as_ref().map(entries).unwrap_or_default();
        let left = self.before.iter().flat_map(entries).filter(|key| !wanted.contains(key)).collect::<BTreeSet<_>>();
        let mut members = Vec::new();
        for (pk, sk) in left {
            members.push(delete(table, pk, sk)?);
        }
        let candidate = self.next.as_ref().and_then(Places::candidate);
        let said = self.stands.as_ref().and_then(Places::candidate);
        if let Some(candidate) = candidate.filter(|candidate| said != Some(candidate)) {
            for key in &wanted {
                members.push(entry_item(key, candidate).put(table, Condition::None)?);
            }
        }
        Ok(members)
    }
}

impl Record {
    /// All places, the one that is meant first, and whether the tester stands there for certain.
    fn into_places(self) -> Vec<(Places, bool)> {
        let settled = self.settled;
        let before = self.before.into_iter().map(|places| (places, false));
        self.now.into_iter().map(|places| (places, settled)).chain(before).collect()
    }
}

impl Store {
    /// Brings the places of testers in line with what is known of them now; again, nothing changes.
    pub(in crate::store) fn commit_testers(&self, ids: Vec<UserId>) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(self.follow_testers(ids))
    }

    async fn follow_testers(&self, ids: Vec<UserId>) -> Result<Committed, StoreError> {
        // the records before anything else: who writes meanwhile leaves another version
        let items = self.batches(ids.iter().map(|id| record_key(*id)).collect()).await?;
        let mut records = items.iter().map(Record::read).collect::<Result<HashMap<_, _>, _>>()?;
        let known = self.known_testers(&ids).await?;
        let of = |id: UserId| known.iter().find(|known| known.tester.id == id);
        let mut moves: Vec<_> = ids.into_iter().filter_map(|id| Move::of(id, of(id), records.remove(&id))).collect();
        let mut members = Vec::new();
        for moved in &moves {
            members.extend(moved.claim(&self.main)?);
        }
        if members.is_empty() {
            return Ok(Committed::Done);
        }
        if self.transact(members).await? != Written::Done {
            return Ok(Committed::Raced);
        }
        moves.retain(|moved| !moved.is_settled());
        let placed = self.place_in_lists(&moves).await?;
        if placed != Committed::Done {
            return Ok(placed);
        }
        let mut settled = Vec::new();
        for moved in &moves {
            for entries in moved.entries(&self.main)?.chunks(ENTRIES) {
                let members = entries.iter().cloned().chain([moved.check(&self.main)?]).collect();
                if self.transact(members).await? != Written::Done {
                    return Ok(Committed::Raced);
                }
            }
            settled.push(moved.settle(&self.main)?);
        }
        if settled.is_empty() || self.transact(settled).await? == Written::Done {
            return Ok(Committed::Done);
        }
        Ok(Committed::Raced)
    }

    /// Writes the lists, each by itself, on condition that the claims of those that it is about hold.
    async fn place_in_lists(&self, moves: &[Move]) -> Result<Committed, StoreError> {
        let mut changes: BTreeMap<String, (Vec<Change>, Vec<TransactWriteItem>)> = BTreeMap::new();
        for moved in moves {
            for (list, change) in moved.changes() {
                let (all, checks) = changes.entry(list).or_default();
                all.push(change);
                checks.push(moved.check(&self.main)?);
            }
        }
        let mut heads = self.heads(&changes.keys().cloned().collect::<Vec<_>>()).await?;
        let mut lists: Vec<BoxFuture<'_, Result<Committed, StoreError>>> = Vec::new();
        for (list, (changes, checks)) in changes {
            let head = heads.remove(&list).unwrap_or_else(Head::empty);
            lists.push(Box::pin(self.place_in_list(list, head, changes, checks)));
        }
        let all: Vec<_> = stream::iter(lists).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(all.into_iter().find(|one| *one != Committed::Done).unwrap_or(Committed::Done))
    }

    async fn place_in_list(
        &self,
        list: String,
        head: Head,
        changes: Vec<Change>,
        checks: Vec<TransactWriteItem>,
    ) -> Result<Committed, StoreError> {
        let Some(edit) = self.edit_of(&list, &head, &changes).await? else { return Ok(Committed::Raced) };
        let mut members = self.write_edit(&list, &head, edit)?;
        members.extend(checks);
        if members.len() > MAX_MEMBERS {
            return Ok(Committed::TooLarge);
        }
        match self.transact(members).await? {
            Written::Done => Ok(Committed::Done),
            Written::Refused(_) => Ok(Committed::Raced),
        }
    }

    /// Takes a tester whose account is gone out of all places.
    pub(in crate::store) async fn unplace_tester(&self, tester: UserId) -> Result<(), StoreError> {
        for attempt in 0.. {
            if self.commit_testers(vec![tester]).await? == Committed::Done {
                break;
            }
            after_lost_race(attempt).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Candidate, Email, Ratings, Standing, Tester};

    fn known(id: UserId, completed_sessions: u32, country: &str) -> Known {
        let candidate = Candidate { country: Some(country.to_owned()), ..Candidate::default() };
        let tester = Tester {
            id,
            email: Email::from_stored("a@b.c".to_owned()),
            name: String::new(),
            created_at: time::OffsetDateTime::UNIX_EPOCH,
            standing: Standing::Active,
            completed_sessions,
            ratings: Ratings::default(),
            candidate,
        };
        Known { tester, version: 1 }
    }

    fn settled(places: Places) -> Option<Record> {
        Some(Record { now: Some(places), before: Vec::new(), settled: true, version: 5 })
    }

    #[test]
    fn only_what_changes_is_written() {
        let id = UserId::generate();
        let (first, second) = (known(id, 1, "DE"), known(id, 2, "DE"));
        assert!(Move::of(id, None, None).is_none());
        let new = Move::of(id, Some(&first), None).unwrap();
        assert_eq!((new.changes().len(), new.is_settled(), new.version), (8, false, 1));
        let same = Move::of(id, Some(&first), settled(Places::of(&first.tester))).unwrap();
        assert!(same.is_settled() && same.changes().is_empty() && same.version == 6);
        let more = Move::of(id, Some(&second), settled(Places::of(&first.tester))).unwrap();
        let lists: Vec<_> = more.changes().into_iter().map(|(list, _)| list).collect();
        assert!(lists.len() == 4 && lists.iter().all(|list| list.ends_with("/sessions=2")), "{lists:?}");
        let gone = Move::of(id, None, settled(Places::of(&first.tester))).unwrap();
        assert!(gone.changes().iter().all(|(_, change)| matches!(change, Change::Remove(_))));
        assert_eq!((gone.changes().len(), gone.is_settled()), (8, false));
    }

    #[test]
    fn a_break_is_taken_up_where_it_was() {
        let id = UserId::generate();
        let (first, second) = (known(id, 0, "DE"), known(id, 0, "FR"));
        let broken = |now: &Known, before: &[&Known]| {
            let before = before.iter().map(|known| Places::of(&known.tester)).collect();
            Some(Record { now: Some(Places::of(&now.tester)), before, settled: false, version: 2 })
        };
        let again = Move::of(id, Some(&first), broken(&first, &[])).unwrap();
        assert!(again.changes().len() == 4 && !again.is_settled(), "what may not be there is put there");
        let back = Move::of(id, Some(&first), broken(&second, &[&first])).unwrap();
        let removed = back.changes().iter().filter(|(_, change)| matches!(change, Change::Remove(_))).count();
        assert_eq!((back.changes().len(), removed), (6, 2));
    }
}
