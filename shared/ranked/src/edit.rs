//! Changing the tree: what must be written, together, for some members to come and leave.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    node::{Child, Node, NodeId},
    tree::{Head, NodeReader, PageError, child_for, children, read},
};

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

impl Change {
    fn key(&self) -> &[u8] {
        match self {
            Self::Insert(key) | Self::Remove(key) => key,
        }
    }
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
    let mut edit = WorkItem {
        head: head.clone(),
        reader,
        shape,
        nodes: BTreeMap::new(),
        dirty: BTreeSet::new(),
        stored: BTreeSet::new(),
    };
    edit.prefetch(changes).await?;
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
struct WorkItem<'r, R> {
    head: Head,
    reader: &'r R,
    shape: Shape,
    nodes: BTreeMap<NodeId, Node>,
    dirty: BTreeSet<NodeId>,
    stored: BTreeSet<NodeId>,
}

/// The way to a leaf: for each level the node (`None` is the root) and the position of the child taken.
type Way = Vec<(Option<NodeId>, usize)>;

impl<R: NodeReader> WorkItem<'_, R> {
    fn node(&self, id: Option<NodeId>) -> Option<&Node> {
        id.map_or(Some(&self.head.root), |id| self.nodes.get(&id))
    }

    fn node_mut(&mut self, id: Option<NodeId>) -> Option<&mut Node> {
        let Some(id) = id else { return Some(&mut self.head.root) };
        self.dirty.insert(id);
        self.nodes.get_mut(&id)
    }

    fn is_last(&self, id: Option<NodeId>, position: usize) -> bool {
        self.node(id).is_some_and(|node| node.len() == position + 1)
    }

    fn new_id(&mut self) -> NodeId {
        let id = NodeId(self.head.next_id);
        self.head.next_id += 1;
        id
    }

    /// Reads those children that are not read yet, in one batch.
    async fn load(&mut self, children: &[Child]) -> Result<(), PageError<R::Error>> {
        let missing: Vec<_> = children.iter().filter(|child| !self.nodes.contains_key(&child.id)).collect();
        for (child, node) in missing.iter().zip(read(self.reader, &missing).await?) {
            self.nodes.insert(child.id, node);
            self.stored.insert(child.id);
        }
        Ok(())
    }

    /// Reads the ways to all keys, one batch a level, so that a change of many members waits no
    /// longer than that of one.
    async fn prefetch(&mut self, changes: &[Change]) -> Result<(), PageError<R::Error>> {
        let mut level = vec![self.head.root.clone()];
        let mut keys: Vec<(usize, &[u8])> = changes.iter().map(|change| (0, change.key())).collect();
        for _ in 0..self.head.height {
            let mut wanted: BTreeMap<NodeId, (usize, Child)> = BTreeMap::new();
            for (at, key) in &mut keys {
                let siblings = level.get(*at).map_or(&[][..], children);
                let child = siblings.get(child_for(siblings, key)).ok_or(PageError::Torn)?;
                let next = wanted.len();
                *at = wanted.entry(child.id).or_insert_with(|| (next, child.clone())).0;
            }
            let mut wanted: Vec<_> = wanted.into_values().collect();
            wanted.sort_unstable_by_key(|(position, _)| *position);
            let wanted: Vec<_> = wanted.into_iter().map(|(_, child)| child).collect();
            self.load(&wanted).await?;
            level = wanted.iter().filter_map(|child| self.nodes.get(&child.id).cloned()).collect();
        }
        Ok(())
    }

    /// Walks to the leaf that `key` belongs to, reading what was not read yet.
    async fn walk(&mut self, key: &[u8]) -> Result<(Way, Option<NodeId>), PageError<R::Error>> {
        let mut way = Vec::new();
        let mut here = None;
        for _ in 0..self.head.height {
            let node = self.node(here).ok_or(PageError::Torn)?;
            let position = child_for(children(node), key);
            let child = children(node).get(position).ok_or(PageError::Torn)?.clone();
            let id = child.id;
            self.load(&[child]).await?;
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
        let keys_len = keys.len();
        self.recount(&way, 1)?;
        let most = keys_len.saturating_sub(1);
        let at_start = position == 0 && way.iter().all(|(_, position)| *position == 0);
        let at_end = position == most && way.iter().all(|(node, position)| self.is_last(*node, *position));
        let end = if at_end {
            End::Last
        } else if at_start {
            End::First
        } else {
            End::Neither
        };
        self.split_up(way, leaf, end)?;
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
                [only] => Some(only.clone()),
                _ => return Ok(()),
            };
            let Some(only) = only else {
                self.head.root = Node::Leaf(Vec::new());
                self.head.height = 0;
                return Ok(());
            };
            let id = only.id;
            self.load(&[only]).await?;
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
    fn split_up(&mut self, mut way: Way, leaf: Option<NodeId>, end: End) -> Result<(), PageError<R::Error>> {
        let mut here = leaf;
        loop {
            let node = self.node(here).ok_or(PageError::Torn)?;
            let most = if matches!(node, Node::Leaf(_)) { self.shape.leaf } else { self.shape.inner };
            if node.len() <= most {
                return Ok(());
            }
            let Some((parent, position)) = way.pop() else { return self.raise(end.cut(most)) };
            let right_id = self.new_id();
            let node = self.node_mut(here).ok_or(PageError::Torn)?;
            let right = split_off(node, end.cut(most));
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
    fn raise(&mut self, at: usize) -> Result<(), PageError<R::Error>> {
        let (left_id, right_id) = (self.new_id(), self.new_id());
        let mut left = std::mem::replace(&mut self.head.root, Node::Inner(Vec::new()));
        let right = split_off(&mut left, at);
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

/// Where in the whole collection a member came.
#[derive(Clone, Copy)]
enum End {
    First,
    Last,
    Neither,
}

impl End {
    /// How many of `most + 1` entries stay left of the cut: at the collection's ends almost all stay
    /// in the node that is left behind, so that members that come in order leave full nodes.
    const fn cut(self, most: usize) -> usize {
        match self {
            Self::First => 1,
            Self::Last => most,
            Self::Neither => most.div_ceil(2),
        }
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
