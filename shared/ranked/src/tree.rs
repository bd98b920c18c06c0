//! The head, and reading by position and by key, over any reader of nodes.

use std::{future::Future, pin::Pin};

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
    let limit = usize::try_from(head.total.saturating_sub(offset)).map_or(limit, |left| limit.min(left));
    if limit == 0 {
        return Ok(Vec::new());
    }
    // the nodes of one level that the page touches, in order, and how many members to skip in them
    let mut level = vec![head.root.clone()];
    let mut skip = offset;
    for _ in 0..head.height {
        let mut touched = Vec::new();
        let mut wanted = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut inside = skip;
        for child in level.iter().flat_map(children) {
            if touched.is_empty() && inside >= child.count {
                inside -= child.count;
            } else if wanted > 0 {
                let before = if touched.is_empty() { inside } else { 0 };
                wanted = wanted.saturating_sub(child.count - before);
                touched.push(child);
            }
        }
        skip = inside;
        level = read(reader, &touched).await?;
    }
    let keys = level.iter().flat_map(|node| match node {
        Node::Leaf(keys) => keys.as_slice(),
        Node::Inner(_) => &[],
    });
    let keys: Vec<_> = keys.skip(usize::try_from(skip).unwrap_or(usize::MAX)).take(limit).cloned().collect();
    if keys.len() == limit { Ok(keys) } else { Err(PageError::Torn) }
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
        before = children(&node).iter().take(position).fold(before, |sum: u64, child| sum.saturating_add(child.count));
        let Some(child) = children(&node).get(position) else { return Err(PageError::Torn) };
        node = read(reader, &[child]).await?.pop().ok_or(PageError::Torn)?;
    }
    match node {
        Node::Leaf(keys) => {
            let here = keys.partition_point(|known| known.as_slice() < key);
            Ok(before.saturating_add(u64::try_from(here).unwrap_or(u64::MAX)))
        }
        Node::Inner(_) => Err(PageError::Torn),
    }
}

pub(super) fn children(node: &Node) -> &[Child] {
    match node {
        Node::Inner(children) => children,
        Node::Leaf(_) => &[],
    }
}

/// The position of the child that `key` belongs to. The first child's bound is not looked at: a new
/// least key goes to the first child and leaves the bound as it is.
pub(super) fn child_for(children: &[Child], key: &[u8]) -> usize {
    children.get(1..).unwrap_or(&[]).partition_point(|child| child.first.as_slice() <= key)
}

/// The nodes of some children, in one batch. A writer may have replaced a node since its parent was
/// read, and the page would be off by some members: the counts show it.
pub(super) async fn read<R: NodeReader>(reader: &R, children: &[&Child]) -> Result<Vec<Node>, PageError<R::Error>> {
    if children.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = children.iter().map(|child| child.id).collect();
    let nodes = reader.read(&ids).await.map_err(PageError::Reader)?;
    let nodes = nodes.into_iter().collect::<Option<Vec<_>>>().filter(|nodes| nodes.len() == ids.len());
    let nodes = nodes.ok_or(PageError::Torn)?;
    let whole = nodes.iter().zip(children).all(|(node, child)| node.count() == child.count);
    if whole { Ok(nodes) } else { Err(PageError::Torn) }
}
