//! What a warm process remembers between requests: only what cannot have changed, or what is
//! checked against a fresh read before it is used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    model::{OrganizationId, Plan, UserId},
    secret::KeyHash,
};
use ranked::{Node, NodeId};

const MAX_TENANTS: usize = 10_000;
const MAX_COLLECTIONS: usize = 64;
const MAX_NODES: usize = 64;

/// A process's memory; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    /// A key is bound to one organization for good (outset 5.2); the plan is the last one that was read with it.
    tenants: HashMap<KeyHash, (OrganizationId, Plan)>,
    /// A credential is bound to one user and one organization for good.
    owners: HashMap<String, (UserId, OrganizationId)>,
    /// Nodes of a collection as of one version of its head: every change gives the head a new one.
    nodes: HashMap<String, (u64, HashMap<NodeId, Node>)>,
}

impl Memory {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tenant(&self, key: &KeyHash) -> Option<(OrganizationId, Plan)> {
        self.contents().tenants.get(key).copied()
    }

    pub(super) fn keep_tenant(&self, key: &KeyHash, organization: OrganizationId, plan: Plan) {
        let mut contents = self.contents();
        if contents.tenants.len() >= MAX_TENANTS {
            contents.tenants.clear();
        }
        contents.tenants.insert(key.clone(), (organization, plan));
    }

    pub(super) fn owner(&self, credential: &str) -> Option<(UserId, OrganizationId)> {
        self.contents().owners.get(credential).copied()
    }

    pub(super) fn keep_owner(&self, credential: &str, user: UserId, organization: OrganizationId) {
        let mut contents = self.contents();
        if contents.owners.len() >= MAX_TENANTS {
            contents.owners.clear();
        }
        contents.owners.insert(credential.to_owned(), (user, organization));
    }

    /// The nodes that were read under this version of the collection's head.
    pub(super) fn nodes(&self, pk: &str, version: u64, ids: &[NodeId]) -> HashMap<NodeId, Node> {
        let contents = self.contents();
        let Some((_, nodes)) = contents.nodes.get(pk).filter(|(known, _)| *known == version) else {
            return HashMap::new();
        };
        ids.iter().filter_map(|id| Some((*id, nodes.get(id)?.clone()))).collect()
    }

    pub(super) fn keep_node(&self, pk: &str, version: u64, id: NodeId, node: &Node) {
        let mut contents = self.contents();
        if contents.nodes.len() >= MAX_COLLECTIONS && !contents.nodes.contains_key(pk) {
            contents.nodes.clear();
        }
        let (known, nodes) = contents.nodes.entry(pk.to_owned()).or_default();
        if *known != version || nodes.len() >= MAX_NODES {
            *known = version;
            nodes.clear();
        }
        nodes.insert(id, node.clone());
    }
}
