//! The tree's operations, over any reader of nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
};

use super::node::{Child, Node, NodeId};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What of a collection is read first: its size, and the tree's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Members.
    pub total: u64,
    /// Counts the changes; 0 means that nothing is stored yet.
    pub version: u64,
    /// The next node's id.
    pub next_id: u64,
    /// Levels below the root.
    pub height: u32,
    /// The root.
    pub root: Node,
}

impl Head {
    /// An empty collection.
    #[must_use]
    pub const fn empty() -> Self {
        Self { total: 0, version: 0, next_id: 0, height: 0, root: Node::Leaf(Vec::new()) }
    }
}

/// How large nodes get.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Most keys of a leaf, at least 2.
    pub leaf: usize,
    /// Most children of an inner node, at least 2.
    pub inner: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { leaf: 128, inner: 64 }
    }
}

/// Reads nodes of a collection in one round trip.
pub trait NodeReader: Sync {
    /// Why reading fails.
    type Error: Send;
    /// The nodes with these ids, in their order; `None` for one that is not there.
    fn read<'a>(&'a self, ids: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<Node>>, Self::Error>>;
}

/// Why a page cannot be told.
#[derive(Debug, PartialEq, Eq)]
pub enum PageError<E> {
    /// The tree changed while it was read: read the head again.
    Torn,
    /// Reading failed.
    Reader(E),
}

/// Why a change cannot be made; as [`PageError`].
pub type ApplyError<E> = PageError<E>;

/// One change of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A member comes; nothing happens if it is there.
    Insert(Vec<u8>),
    /// A member leaves; nothing happens if it is not there.
    Remove(Vec<u8>),
}

/// What is to be written, together, if the head's version is still the one that was read.
#[derive(Debug)]
pub struct Edit {
    /// The new head.
    pub head: Head,
    /// Nodes to put.
    pub writes: Vec<(NodeId, Node)>,
    /// Nodes to delete.
    pub deletes: Vec<NodeId>,
    /// Members that came.
    pub inserted: u64,
    /// Members that left.
    pub removed: u64,
}

/// The keys at `offset..offset + limit`: at most one batch of reads for each level.
///
/// # Errors
/// As [`PageError`].
pub async fn page<R: NodeReader>(
    head: &Head,
    reader: &R,
    offset: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, PageError<R::Error>> {
    // the nodes of one level that the page touches, in order, and how many members to skip in them
    let mut level = vec![head.root.clone()];
    let mut skip = offset;
    for _ in 0..head.height {
        let mut ids = Vec::new();
        let mut wanted = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut skipped = 0;
        for child in level.iter().flat_map(children) {
            if ids.is_empty() && skip >= skipped + child.count {
                skipped += child.count;
            } else if wanted > 0 {
                let here = if ids.is_empty() { child.count.saturating_sub(skip - skipped) } else { child.count };
                wanted = wanted.saturating_sub(here);
                ids.push(child.id);
            }
        }
        skip -= skipped;
        level = read(reader, &ids).await?;
    }
    let keys = level.iter().flat_map(|node| match node {
        Node::Leaf(keys) => keys.as_slice(),
        Node::Inner(_) => &[],
    });
    let keys: Vec<_> = keys.skip(usize::try_from(skip).unwrap_or(usize::MAX)).take(limit).cloned().collect();
    let expected = head.total.saturating_sub(offset).min(u64::try_from(limit).unwrap_or(u64::MAX));
    if u64::try_from(keys.len()) == Ok(expected) { Ok(keys) } else { Err(PageError::Torn) }
}

/// How many members have a key below `key`.
///
/// # Errors
/// As [`PageError`].
pub async fn rank<R: NodeReader>(head: &Head, reader: &R, key: &[u8]) -> Result<u64, PageError<R::Error>> {
    let mut node = head.root.clone();
    let mut before = 0;
    for _ in 0..head.height {
        let position = child_for(children(&node), key);
        before += children(&node).iter().take(position).map(|child| child.count).sum::<u64>();
        let Some(child) = children(&node).get(position) else { return Err(PageError::Torn) };
        node = read(reader, &[child.id]).await?.pop().ok_or(PageError::Torn)?;
    }
    match node {
        Node::Leaf(keys) => Ok(before + keys.iter().take_while(|known| known.as_slice() < key).count() as u64),
        Node::Inner(_) => Err(PageError::Torn),
    }
}

fn children(node: &Node) -> &[Child] {
    match node {
        Node::Inner(children) => children,
        Node::Leaf(_) => &[],
    }
}

/// The position of the child that `key` belongs to.
fn child_for(children: &[Child], key: &[u8]) -> usize {
    children.partition_point(|child| child.first.as_slice() <= key).saturating_sub(1)
}

async fn read<R: NodeReader>(reader: &R, ids: &[NodeId]) -> Result<Vec<Node>, PageError<R::Error>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = reader.read(ids).await.map_err(PageError::Reader)?;
    nodes.into_iter().collect::<Option<Vec<_>>>().filter(|nodes| nodes.len() == ids.len()).ok_or(PageError::Torn)
}

/// Works out what `changes` do to a collection.
///
/// # Errors
/// As [`PageError`].
pub async fn apply<R: NodeReader>(
    head: &Head,
    reader: &R,
    changes: &[Change],
    shape: Shape,
) -> Result<Edit, ApplyError<R::Error>> {
    let mut edit = Work {
        head: head.clone(),
        reader,
        shape,
        nodes: BTreeMap::new(),
        dirty: BTreeSet::new(),
        stored: BTreeSet::new(),
    };
    let (mut inserted, mut removed) = (0, 0);
    for change in changes {
        match change {
            Change::Insert(key) => inserted += u64::from(edit.insert(key).await?),
            Change::Remove(key) => removed += u64::from(edit.remove(key).await?),
        }
    }
    edit.head.total = (head.total + inserted).saturating_sub(removed);
    edit.head.version = head.version + 1;
    let (nodes, stored) = (&edit.nodes, &edit.stored);
    let deletes = edit.dirty.iter().filter(|id| !nodes.contains_key(id) && stored.contains(id)).copied().collect();
    let writes = edit.dirty.iter().filter_map(|id| Some((*id, nodes.get(id)?.clone()))).collect();
    Ok(Edit { head: edit.head, writes, deletes, inserted, removed })
}

/// A tree under change: the nodes read or made so far.
struct Work<'r, R> {
    head: Head,
    reader: &'r R,
    shape: Shape,
    nodes: BTreeMap<NodeId, Node>,
    dirty: BTreeSet<NodeId>,
    stored: BTreeSet<NodeId>,
}

/// The way to a leaf: for each level the node (`None` is the root) and the position of the child taken.
type Way = Vec<(Option<NodeId>, usize)>;

impl<R: NodeReader> Work<'_, R> {
    fn node(&self, id: Option<NodeId>) -> Option<&Node> {
        id.map_or(Some(&self.head.root), |id| self.nodes.get(&id))
    }

    fn node_mut(&mut self, id: Option<NodeId>) -> Option<&mut Node> {
        let Some(id) = id else { return Some(&mut self.head.root) };
        self.dirty.insert(id);
        self.nodes.get_mut(&id)
    }

    fn new_id(&mut self) -> NodeId {
        let id = NodeId(self.head.next_id);
        self.head.next_id += 1;
        id
    }

    /// Walks to the leaf that `key` belongs to, reading what was not read yet.
    async fn walk(&mut self, key: &[u8]) -> Result<(Way, Option<NodeId>), PageError<R::Error>> {
        let mut way = Vec::new();
        let mut here = None;
        for _ in 0..self.head.height {
            let node = self.node(here).ok_or(PageError::Torn)?;
            let position = child_for(children(node), key);
            let id = children(node).get(position).ok_or(PageError::Torn)?.id;
            if !self.nodes.contains_key(&id) {
                let node = read(self.reader, &[id]).await?.pop().ok_or(PageError::Torn)?;
                self.nodes.insert(id, node);
                self.stored.insert(id);
            }
            way.push((here, position));
            here = Some(id);
        }
        Ok((way, here))
    }

    async fn insert(&mut self, key: &[u8]) -> Result<bool, PageError<R::Error>> {
        let (way, leaf) = self.walk(key).await?;
        let Some(Node::Leaf(keys)) = self.node(leaf) else { return Err(PageError::Torn) };
        let Err(position) = keys.binary_search_by(|known| known.as_slice().cmp(key)) else { return Ok(false) };
        let Some(Node::Leaf(keys)) = self.node_mut(leaf) else { return Err(PageError::Torn) };
        keys.insert(position, key.to_vec());
        self.recount(&way, 1)?;
        self.split_up(way, leaf)?;
        Ok(true)
    }

    async fn remove(&mut self, key: &[u8]) -> Result<bool, PageError<R::Error>> {
        let (mut way, leaf) = self.walk(key).await?;
        let Some(Node::Leaf(keys)) = self.node(leaf) else { return Err(PageError::Torn) };
        let Ok(position) = keys.binary_search_by(|known| known.as_slice().cmp(key)) else { return Ok(false) };
        let Some(Node::Leaf(keys)) = self.node_mut(leaf) else { return Err(PageError::Torn) };
        keys.remove(position);
        self.recount(&way, -1)?;
        // empty nodes go, up to the root
        let mut here = leaf;
        while let (Some(id), Some((parent, position))) = (here, way.pop()) {
            if self.node(Some(id)).is_none_or(|node| node.len() > 0) {
                break;
            }
            self.nodes.remove(&id);
            self.dirty.insert(id);
            let Some(Node::Inner(siblings)) = self.node_mut(parent) else { return Err(PageError::Torn) };
            if position < siblings.len() {
                siblings.remove(position);
            }
            here = parent;
        }
        self.lower().await?;
        Ok(true)
    }

    /// A root without children is an empty leaf; a root with one child takes its place.
    async fn lower(&mut self) -> Result<(), PageError<R::Error>> {
        while self.head.height > 0 {
            let only = match children(&self.head.root) {
                [] => None,
                [only] => Some(only.id),
                _ => return Ok(()),
            };
            let Some(id) = only else {
                self.head.root = Node::Leaf(Vec::new());
                self.head.height = 0;
                return Ok(());
            };
            if !self.nodes.contains_key(&id) {
                let node = read(self.reader, &[id]).await?.pop().ok_or(PageError::Torn)?;
                self.nodes.insert(id, node);
                self.stored.insert(id);
            }
            self.head.root = self.nodes.remove(&id).ok_or(PageError::Torn)?;
            self.dirty.insert(id);
            self.head.height -= 1;
        }
        Ok(())
    }

    /// Adds `by` to the counts on the way to a leaf.
    fn recount(&mut self, way: &Way, by: i64) -> Result<(), PageError<R::Error>> {
        for (parent, position) in way {
            let Some(Node::Inner(children)) = self.node_mut(*parent) else { return Err(PageError::Torn) };
            let child = children.get_mut(*position).ok_or(PageError::Torn)?;
            child.count = child.count.checked_add_signed(by).ok_or(PageError::Torn)?;
        }
        Ok(())
    }

    /// Splits what is too large, from the leaf upwards.
    fn split_up(&mut self, mut way: Way, leaf: Option<NodeId>) -> Result<(), PageError<R::Error>> {
        let mut here = leaf;
        loop {
            let node = self.node(here).ok_or(PageError::Torn)?;
            let most = if matches!(node, Node::Leaf(_)) { self.shape.leaf } else { self.shape.inner };
            if node.len() <= most {
                return Ok(());
            }
            let Some((parent, position)) = way.pop() else { return self.raise(most) };
            let right_id = self.new_id();
            let last_child = self.node(parent).is_some_and(|node| node.len() == position + 1);
            let at = split_point(most, position == 0, last_child);
            let node = self.node_mut(here).ok_or(PageError::Torn)?;
            let right = split_off(node, at);
            let (left_count, right_child) = (node.count(), child_of(&right, right_id).ok_or(PageError::Torn)?);
            self.nodes.insert(right_id, right);
            self.dirty.insert(right_id);
            let Some(Node::Inner(siblings)) = self.node_mut(parent) else { return Err(PageError::Torn) };
            siblings.get_mut(position).ok_or(PageError::Torn)?.count = left_count;
            siblings.insert(position + 1, right_child);
            here = parent;
        }
    }

    /// Puts a level under a root that is too large.
    fn raise(&mut self, most: usize) -> Result<(), PageError<R::Error>> {
        let (left_id, right_id) = (self.new_id(), self.new_id());
        let mut left = std::mem::replace(&mut self.head.root, Node::Inner(Vec::new()));
        let right = split_off(&mut left, most.div_ceil(2));
        let children = [child_of(&left, left_id), child_of(&right, right_id)];
        for (id, node) in [(left_id, left), (right_id, right)] {
            self.nodes.insert(id, node);
            self.dirty.insert(id);
        }
        self.head.root = Node::Inner(children.into_iter().collect::<Option<_>>().ok_or(PageError::Torn)?);
        self.head.height += 1;
        Ok(())
    }
}

/// Where to cut: at the collection's ends almost all stays in the node that is left behind, so that
/// members that come in order leave full nodes.
fn split_point(most: usize, first_child: bool, last_child: bool) -> usize {
    match (first_child, last_child) {
        (_, true) => most,
        (true, false) => 1,
        (false, false) => most.div_ceil(2),
    }
}

fn split_off(node: &mut Node, at: usize) -> Node {
    match node {
        Node::Leaf(keys) => Node::Leaf(keys.split_off(at.min(keys.len()))),
        Node::Inner(children) => Node::Inner(children.split_off(at.min(children.len()))),
    }
}

fn child_of(node: &Node, id: NodeId) -> Option<Child> {
    Some(Child { first: node.first()?.to_vec(), id, count: node.count() })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<NodeId, Node>>, Mutex<usize>);

    impl NodeReader for Memory {
        type Error = ();
        fn read<'a>(&'a self, ids: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<Node>>, ()>> {
            *self.1.lock().unwrap() += 1;
            let nodes = self.0.lock().unwrap();
            let found = ids.iter().map(|id| nodes.get(id).map(|node| Node::decode(&node.encode()).unwrap())).collect();
            Box::pin(std::future::ready(Ok(found)))
        }
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).unwrap()
    }

    fn change(head: &mut Head, memory: &Memory, changes: &[Change], shape: Shape) {
        let edit = now(apply(head, memory, changes, shape)).unwrap();
        let mut nodes = memory.0.lock().unwrap();
        nodes.extend(edit.writes);
        for id in edit.deletes {
            nodes.remove(&id).unwrap();
        }
        *head = edit.head;
    }

    fn reachable(head: &Head, memory: &Memory) -> usize {
        let nodes = memory.0.lock().unwrap();
        let mut open = vec![head.root.clone()];
        let mut count = 0;
        while let Some(node) = open.pop() {
            for child in children(&node) {
                let below = nodes.get(&child.id).unwrap();
                assert_eq!(below.count(), child.count);
                open.push(below.clone());
                count += 1;
            }
        }
        count
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_list(batches in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_u8..60), 1..8), 1..60), leaf in 2_usize..6, inner in 2_usize..5) {
            let shape = Shape { leaf, inner };
            let (mut head, memory, mut model) = (Head::empty(), Memory::default(), BTreeSet::new());
            for batch in batches {
                let changes: Vec<_> = batch.iter().map(|(insert, key)| {
                    if *insert { model.insert(vec![*key]); Change::Insert(vec![*key]) } else { model.remove(&vec![*key]); Change::Remove(vec![*key]) }
                }).collect();
                change(&mut head, &memory, &changes, shape);
                prop_assert_eq!(head.total as usize, model.len());
                prop_assert_eq!(reachable(&head, &memory), memory.0.lock().unwrap().len());
                let all: Vec<_> = model.iter().cloned().collect();
                for offset in 0..=all.len() {
                    *memory.1.lock().unwrap() = 0;
                    let limit = 3.min(all.len() - offset);
                    prop_assert_eq!(now(page(&head, &memory, offset as u64, limit)).unwrap(), &all[offset..offset + limit]);
                    prop_assert!(*memory.1.lock().unwrap() <= head.height as usize);
                }
                for key in 0..61_u8 {
                    let below = all.iter().filter(|known| **known < vec![key]).count();
                    prop_assert_eq!(now(rank(&head, &memory, &[key])).unwrap(), below as u64);
                }
            }
        }

        #[test]
        fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(node) = Node::decode(&bytes) {
                prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
            }
        }
    }

    #[test]
    fn members_that_come_in_order_leave_a_flat_tree() {
        for descending in [false, true] {
            let (mut head, memory) = (Head::empty(), Memory::default());
            for batch in 0..4_000_u32 {
                let keys = (0..25).map(|i| batch * 25 + i).map(|i| if descending { u32::MAX - i } else { i });
                let changes: Vec<_> = keys.map(|key| Change::Insert(key.to_be_bytes().to_vec())).collect();
                change(&mut head, &memory, &changes, Shape::default());
            }
            assert_eq!(head.total, 100_000);
            assert_eq!(head.height, 2);
            assert!(memory.0.lock().unwrap().len() < 900, "{}", memory.0.lock().unwrap().len());
        }
    }
}
