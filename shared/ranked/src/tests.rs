//! The tree against a sorted list, and its bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use proptest::prelude::*;

use super::*;

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn children(node: &Node) -> &[Child] {
    match node {
        Node::Inner(children) => children,
        Node::Leaf(_) => &[],
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<NodeId, Node>>, Mutex<usize>, Mutex<usize>);

impl NodeReader for Memory {
    type Error = ();
    fn read<'a>(&'a self, ids: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<Node>>, ()>> {
        *self.1.lock().unwrap() += 1;
        *self.2.lock().unwrap() += ids.len();
        let nodes = self.0.lock().unwrap();
        let found = ids.iter().map(|id| nodes.get(id).map(|node| Node::decode(&node.encode()).unwrap())).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).unwrap()
}

fn change(head: &mut Head, memory: &Memory, changes: &[Change], shape: Shape) {
    *memory.1.lock().unwrap() = 0;
    let edit = now(apply(head, memory, changes, shape)).unwrap();
    // one batch a level; a removal that lowers the tree may read the child that takes the root's place
    let reads = *memory.1.lock().unwrap();
    let removals = changes.iter().any(|change| matches!(change, Change::Remove(_)));
    assert!(reads <= head.height as usize * if removals { 2 } else { 1 }, "{reads}");
    assert_eq!(head.total + edit.inserted - edit.removed, edit.head.total);
    assert_eq!(edit.head.version, head.version + 1);
    let known: BTreeSet<_> = memory.0.lock().unwrap().keys().copied().collect();
    assert!(edit.writes.iter().all(|(id, _)| known.contains(id) || id.0 >= head.next_id), "an id was used twice");
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
                let end = all.len().min(offset + 3);
                prop_assert_eq!(now(page(&head, &memory, offset as u64, 3)).unwrap(), &all[offset..end]);
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
        println!("height {}, nodes {}", head.height, memory.0.lock().unwrap().len());
        assert!(memory.0.lock().unwrap().len() < 820, "{}", memory.0.lock().unwrap().len());
    }
}

#[test]
fn a_node_that_changed_since_the_head_was_read_is_told() {
    let shape = Shape { leaf: 4, inner: 4 };
    let (mut head, memory) = (Head::empty(), Memory::default());
    for key in (0..60_u8).step_by(2) {
        change(&mut head, &memory, &[Change::Insert(vec![key])], shape);
    }
    let old = head.clone();
    change(&mut head, &memory, &[Change::Remove(vec![30])], shape);
    assert_eq!(now(page(&old, &memory, 15, 1)), Err(PageError::Torn));
    assert_eq!(now(rank(&old, &memory, &[31])), Err(PageError::Torn));
    assert_eq!(now(page(&head, &memory, 15, 1)), Ok(vec![vec![32]]));
}

#[test]
fn the_last_page_reads_no_more_than_the_first() {
    let (mut head, memory) = (Head::empty(), Memory::default());
    // a scattered order: nodes are half full to full
    for batch in 0..800_u32 {
        let keys = (0..25).map(|i| (batch * 25 + i).wrapping_mul(2_654_435_761));
        let changes: Vec<_> = keys.map(|key| Change::Insert(key.to_be_bytes().to_vec())).collect();
        change(&mut head, &memory, &changes, Shape::default());
    }
    for offset in [0, 100, 10_000, 19_900] {
        *memory.1.lock().unwrap() = 0;
        *memory.2.lock().unwrap() = 0;
        assert_eq!(now(page(&head, &memory, offset, 100)).unwrap().len(), 100);
        assert!(*memory.1.lock().unwrap() <= head.height as usize);
        assert!(*memory.2.lock().unwrap() <= 3 * head.height as usize, "{}", *memory.2.lock().unwrap());
    }
}
