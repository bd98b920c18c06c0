//! Nodes and their stored form.

/// Names a node within its collection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// A child of an inner node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// A lower bound of the child's keys; keys below the first child's bound belong to the first child.
    pub first: Vec<u8>,
    /// The child.
    pub id: NodeId,
    /// Members below it.
    pub count: u64,
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Members' keys in order.
    Leaf(Vec<Vec<u8>>),
    /// Children in order.
    Inner(Vec<Child>),
}

/// Stored bytes that are no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored node is corrupt")]
pub struct Corrupt;

const LEAF: u8 = 1;
const INNER: u8 = 2;

impl Node {
    /// Members below this node.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Leaf(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
            Self::Inner(children) => children.iter().fold(0, |sum, child| sum.saturating_add(child.count)),
        }
    }

    pub(super) fn first(&self) -> Option<&[u8]> {
        match self {
            Self::Leaf(keys) => keys.first().map(Vec::as_slice),
            Self::Inner(children) => children.first().map(|child| child.first.as_slice()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Inner(children) => children.len(),
        }
    }

    /// The compact stored form: a kind, then length-prefixed entries. The kind is the version too:
    /// a later form takes other kinds.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let key = |bytes: &mut Vec<u8>, key: &[u8]| {
            bytes.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(key.get(..usize::from(u16::MAX)).unwrap_or(key));
        };
        match self {
            Self::Leaf(keys) => {
                bytes.push(LEAF);
                keys.iter().for_each(|entry| key(&mut bytes, entry));
            }
            Self::Inner(children) => {
                bytes.push(INNER);
                for child in children {
                    key(&mut bytes, &child.first);
                    bytes.extend_from_slice(&child.id.0.to_be_bytes());
                    bytes.extend_from_slice(&child.count.to_be_bytes());
                }
            }
        }
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no node.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let (kind, mut rest) = bytes.split_first().ok_or(Corrupt)?;
        let mut keys = Vec::new();
        let mut children = Vec::new();
        while !rest.is_empty() {
            let first = take_key(&mut rest)?;
            match *kind {
                LEAF => keys.push(first),
                INNER => children.push(Child { first, id: NodeId(take_u64(&mut rest)?), count: take_u64(&mut rest)? }),
                _ => return Err(Corrupt),
            }
        }
        match *kind {
            LEAF => Ok(Self::Leaf(keys)),
            INNER => Ok(Self::Inner(children)),
            _ => Err(Corrupt),
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Corrupt> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Corrupt)?;
    *rest = left;
    Ok(taken)
}

fn take_key(rest: &mut &[u8]) -> Result<Vec<u8>, Corrupt> {
    let length = take(rest, 2)?.try_into().map(u16::from_be_bytes).map_err(|_| Corrupt)?;
    take(rest, usize::from(length)).map(<[u8]>::to_vec)
}

fn take_u64(rest: &mut &[u8]) -> Result<u64, Corrupt> {
    take(rest, 8)?.try_into().map(u64::from_be_bytes).map_err(|_| Corrupt)
}
