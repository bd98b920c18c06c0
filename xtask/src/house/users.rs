//! An item of `shared` that exactly one function crate uses belongs into that crate.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Names, Reference, Source};

/// The public items of `shared` that nothing uses but one of `functions`, with that crate's name. `others` are the
/// crates beside the functions that link it.
pub(super) fn single_users(shared: &Source, functions: &[Source], others: &[Source]) -> BTreeMap<Reference, String> {
    let mut users: BTreeMap<Reference, BTreeSet<&str>> = BTreeMap::new();
    for function in functions {
        for reference in all_references(function, shared) {
            users.entry(reference).or_default().insert(&function.name);
        }
    }
    let elsewhere: BTreeSet<Reference> = others.iter().flat_map(|source| all_references(source, shared)).collect();
    let inside: BTreeSet<Reference> =
        shared.modules.keys().flat_map(|module| inner_references(shared, module)).collect();
    users
        .into_iter()
        .filter(|(reference, users)| {
            users.len() == 1 && !reference.1.is_empty() && !elsewhere.contains(reference) && !inside.contains(reference)
        })
        .map(|(reference, users)| (reference, users.into_iter().collect()))
        .collect()
}

fn all_references(source: &Source, shared: &Source) -> BTreeSet<Reference> {
    source.modules.keys().flat_map(|module| source.references(module, Some(shared))).collect()
}

/// What other modules of `shared` use, and what a module's own public items are made of.
fn inner_references(shared: &Source, module: &Names) -> BTreeSet<Reference> {
    shared.references(module, None)
}
