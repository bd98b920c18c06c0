//! Ranked collections in DynamoDB: the head is one item, each further node another; a change writes
//! its nodes, the head and the ranked entities in one transaction, conditional on the head's version.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::{ApplyError, Change, Edit, Head, Node, NodeId, NodeReader, PageError, Shape};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    item::{Condition, Item, delete},
};
use crate::{
    clock::epoch_micros,
    model::{OrganizationId, Status, Study, StudyId},
};

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Members of the whole list.
    pub total: u64,
    /// The page's members, in order.
    pub members: Vec<T>,
}

/// A ranked collection of an organization's studies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Collection {
    All,
    Active(bool),
    InStatus(Status),
}

impl PartialOrd for Status {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Status {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Collection {
    pub(super) fn pk(self, organization: OrganizationId) -> String {
        match self {
            Self::All => format!("RANK#{organization}#studies"),
            Self::Active(active) => format!("RANK#{organization}#studies/active={active}"),
            Self::InStatus(status) => format!("RANK#{organization}#studies/status={}", status.as_str()),
        }
    }

    /// All collections of an organization.
    pub(super) fn every() -> Vec<Self> {
        let states = Status::ALL.into_iter().map(Self::InStatus);
        [Self::All, Self::Active(true), Self::Active(false)].into_iter().chain(states).collect()
    }

    /// The collections that `study` is in.
    pub(super) fn of(study: &Study) -> [Self; 3] {
        [Self::All, Self::Active(study.status.is_active()), Self::InStatus(study.status)]
    }
}

const SIGN: u64 = 1 << 63;

/// The rank of a study: newest first, then by id (outset 8.1).
pub(super) fn study_rank(created_at: OffsetDateTime, id: StudyId) -> Vec<u8> {
    let ascending = epoch_micros(created_at).cast_unsigned() ^ SIGN;
    let mut rank = (!ascending).to_be_bytes().to_vec();
    rank.extend_from_slice(id.as_bytes());
    rank
}

/// The study that a rank names.
pub(super) fn ranked_study(rank: &[u8]) -> Option<StudyId> {
    let bytes: [u8; 16] = rank.get(8..)?.try_into().ok()?;
    Some(StudyId::from_uuid(uuid::Uuid::from_bytes(bytes)))
}

/// A rank by time, newest first, ties by id descending (openscouter 2.7).
pub(super) fn newest_first(at: OffsetDateTime, id: &[u8; 16]) -> Vec<u8> {
    let ascending = epoch_micros(at).cast_unsigned() ^ SIGN;
    let mut rank = (!ascending).to_be_bytes().to_vec();
    rank.extend(id.iter().map(|byte| !byte));
    rank
}

/// The id in a rank of [`newest_first`].
pub(super) fn id_of(rank: &[u8]) -> Option<uuid::Uuid> {
    let inverted: [u8; 16] = rank.get(8..)?.try_into().ok()?;
    Some(uuid::Uuid::from_bytes(inverted.map(|byte| !byte)))
}

/// The bounds of a time, both ends included, among ranks of [`newest_first`]: the first rank that is in, and the
/// first that is out again.
pub(super) fn bounds(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let first = to.map(|to| newest_first(to, &[0xff; 16]));
    let out = from.map(|from| newest_first(from - time::Duration::MICROSECOND, &[0xff; 16]));
    (first, out)
}

pub(super) fn read_head(item: &Item) -> Result<Head, StoreError> {
    let reader = item.read("list head");
    Ok(Head {
        total: reader.number("total")?,
        version: reader.number("version")?,
        next_id: reader.number("next_id")?,
        height: reader.number("height")?,
        root: Node::decode(reader.bytes("root")?).map_err(|_| reader.malformed("root"))?,
    })
}

fn node_sk(id: NodeId) -> String {
    format!("NODE#{:020}", id.0)
}

/// Reads nodes of one collection under one version of its head.
struct Nodes<'a> {
    store: &'a Store,
    pk: &'a str,
    version: u64,
}

impl NodeReader for Nodes<'_> {
    type Error = StoreError;

    fn read<'a>(&'a self, ids: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<Node>>, StoreError>> {
        Box::pin(async move {
            let memory = &self.store.memory;
            let mut found = memory.nodes(self.pk, self.version, ids);
            let missing: Vec<_> = ids.iter().filter(|id| !found.contains_key(id)).collect();
            if !missing.is_empty() {
                let keys = missing.iter().map(|id| (self.pk.to_owned(), node_sk(**id))).collect();
                for item in self.store.batch_get(keys).await? {
                    let reader = item.read("list node");
                    let node = Node::decode(reader.bytes("node")?).map_err(|_| reader.malformed("node"))?;
                    let sk = reader.text("sk")?;
                    if let Some(id) = missing.iter().find(|id| node_sk(***id) == sk) {
                        memory.keep_node(self.pk, self.version, **id, &node);
                        found.insert(**id, node);
                    }
                }
            }
            Ok(ids.iter().map(|id| found.remove(id)).collect())
        })
    }
}

impl Store {
    /// The head of a collection, empty when nothing was ever ranked in it.
    pub(super) async fn head(&self, pk: &str) -> Result<Head, StoreError> {
        let Some(item) = self.get(&self.main, pk.to_owned(), "HEAD".to_owned()).await? else {
            return Ok(Head::empty());
        };
        read_head(&item)
    }

    /// The ranks at `offset..offset + limit` of a collection; `None` when a writer was in the way
    /// and the head must be read again.
    pub(super) async fn ranks(
        &self,
        pk: &str,
        head: &Head,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        match ranked::page(head, &Nodes { store: self, pk, version: head.version }, offset, limit).await {
            Ok(ranks) => Ok(Some(ranks)),
            Err(PageError::Torn) => Ok(None),
            Err(PageError::Reader(error)) => Err(error),
        }
    }

    /// How many members rank before `rank`; `None` as in [`Store::ranks`].
    pub(super) async fn rank_of(&self, pk: &str, head: &Head, rank: &[u8]) -> Result<Option<u64>, StoreError> {
        match ranked::rank(head, &Nodes { store: self, pk, version: head.version }, rank).await {
            Ok(count) => Ok(Some(count)),
            Err(PageError::Torn) => Ok(None),
            Err(PageError::Reader(error)) => Err(error),
        }
    }

    /// One page of a collection, or of what lies between two ranks of it: how many there are, and the page's ranks.
    pub(super) async fn ranked_page(
        &self,
        pk: &str,
        (first, out): (Option<Vec<u8>>, Option<Vec<u8>>),
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
        let mut attempt = 0;
        loop {
            let head = self.head(pk).await?;
            let start = match &first {
                None => Some(0),
                Some(first) => self.rank_of(pk, &head, first).await?,
            };
            let end = match &out {
                None => Some(head.total),
                Some(out) => self.rank_of(pk, &head, out).await?,
            };
            if let (Some(start), Some(end)) = (start, end) {
                let total = end.saturating_sub(start);
                let left = total.saturating_sub(offset).min(u64::from(limit));
                if left == 0 {
                    return Ok((total, Vec::new()));
                }
                if let Some(ranks) = self.ranks(pk, &head, start + offset, usize::try_from(left).unwrap_or(0)).await? {
                    return Ok((total, ranks));
                }
            }
            after_lost_race(attempt).await?;
            attempt += 1;
        }
    }

    /// One page of a collection with its members, which `key` finds by the ids in the ranks.
    pub(super) async fn page_of<T>(
        &self,
        pk: &str,
        span: (Option<Vec<u8>>, Option<Vec<u8>>),
        (offset, limit): (u64, u32),
        key: fn(uuid::Uuid) -> (String, String),
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let (total, ranks) = self.ranked_page(pk, span, offset, limit).await?;
        Ok(Page { total, members: self.members_of(&ranks, key, read).await? })
    }

    /// The members that ranks name, in their order.
    pub(super) async fn members_of<T>(
        &self,
        ranks: &[Vec<u8>],
        key: fn(uuid::Uuid) -> (String, String),
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let keys: Vec<_> = ranks.iter().filter_map(|rank| id_of(rank)).map(key).collect();
        let items = self.batch_get(keys.clone()).await?;
        let found = keys.iter().filter_map(|(pk, _)| items.iter().find(|item| item.pk() == pk));
        found.map(read).collect()
    }

    /// The transaction members that make the same change to several collections; `None` when a writer was in the way.
    pub(super) async fn rank_in_all(
        &self,
        collections: &[String],
        change: &Change,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let edits = collections.iter().map(|pk| self.rank_changes(pk, std::slice::from_ref(change)));
        let edits = futures_util::future::try_join_all(edits).await?;
        Ok(edits.into_iter().collect::<Option<Vec<_>>>().map(|edits| edits.into_iter().flatten().collect()))
    }

    /// The transaction members that change a collection; `None` when a writer was in the way.
    pub(super) async fn rank_changes(
        &self,
        pk: &str,
        changes: &[Change],
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let head = self.head(pk).await?;
        let Some(edit) = self.edit_of(pk, &head, changes).await? else { return Ok(None) };
        self.write_edit(pk, &head, edit).map(Some)
    }

    /// What changes do to the collection that has this head; `None` when a writer was in the way.
    pub(super) async fn edit_of(&self, pk: &str, head: &Head, changes: &[Change]) -> Result<Option<Edit>, StoreError> {
        let nodes = Nodes { store: self, pk, version: head.version };
        match ranked::apply(head, &nodes, changes, Shape::default()).await {
            Ok(edit) => Ok(Some(edit)),
            Err(ApplyError::Torn) => Ok(None),
            Err(ApplyError::Reader(error)) => Err(error),
        }
    }

    /// The transaction members that write an edit, if the head is still the one that it was made of.
    pub(super) fn write_edit(&self, pk: &str, before: &Head, edit: Edit) -> Result<Vec<TransactWriteItem>, StoreError> {
        let condition = if before.version == 0 { Condition::Absent } else { Condition::Version(before.version) };
        let head = Item::new(pk.to_owned(), "HEAD".to_owned())
            .number("total", edit.head.total)
            .number("version", edit.head.version)
            .number("next_id", edit.head.next_id)
            .number("height", edit.head.height)
            .bytes("root", edit.head.root.encode());
        let mut members = vec![head.put(&self.main, condition)?];
        for (id, node) in edit.writes {
            let item = Item::new(pk.to_owned(), node_sk(id)).bytes("node", node.encode());
            members.push(item.put(&self.main, Condition::None)?);
        }
        for id in edit.deletes {
            members.push(delete(&self.main, pk.to_owned(), node_sk(id))?);
        }
        Ok(members)
    }
}
