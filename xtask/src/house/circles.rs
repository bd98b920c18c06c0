//! No module of a crate is in a circle with another one.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Names, Source};

/// The circles of a crate: each is the modules that reach one another.
pub(super) fn circles(source: &Source) -> Vec<Vec<Names>> {
    let edges: BTreeMap<&Names, BTreeSet<Names>> =
        source.modules.keys().map(|module| (module, imports(source, module))).collect();
    let reach: BTreeMap<&Names, BTreeSet<&Names>> =
        edges.keys().map(|module| (*module, reached(&edges, module))).collect();
    let mut circles: Vec<Vec<Names>> = Vec::new();
    for (module, reached) in &reach {
        let circle: Vec<Names> = reached
            .iter()
            .filter(|other| reach.get(**other).is_some_and(|back| back.contains(*module)))
            .map(|other| (*other).clone())
            .collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// The modules that a module's code names, without itself.
pub(super) fn imports(source: &Source, module: &Names) -> BTreeSet<Names> {
    let references = source.references(module, None).into_iter();
    references.map(|(target, _)| target).filter(|target| target != module).collect()
}

fn reached<'a>(edges: &'a BTreeMap<&'a Names, BTreeSet<Names>>, from: &'a Names) -> BTreeSet<&'a Names> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for next in edges.get(module).into_iter().flatten() {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}
