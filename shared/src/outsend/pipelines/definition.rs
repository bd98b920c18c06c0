//! Definitions: read and judged, all of their problems at once (outsend 14.1, 14.2).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    blocks::{Flow, block, module_of},
    parameters,
};
use crate::{model::Module, outsend::messages::Fault};

/// Most nodes.
const MAX_NODES: usize = 20;
/// Most characters of a node's id.
const MAX_ID: usize = 64;

/// What is wrong: fields with their faults.
type Faults = Vec<(String, Fault)>;

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What it runs.
    pub module: Module,
    /// Its parameters, `config` or `params`.
    pub config: Map<String, Value>,
    /// The place of the node that it follows; none of a root.
    pub from: Option<usize>,
}

/// A definition that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The nodes, in their order.
    pub nodes: Vec<Node>,
}

/// The object of a member; `null` is none.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A text that must be there.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    match member(object, name) {
        None => Err(Fault::Required),
        Some(value) => value.as_str().ok_or(Fault::Type("string")),
    }
}

/// `config`, or `params` where there is none.
fn config(node: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    match member(node, "config").or_else(|| member(node, "params")) {
        None => Ok(Map::new()),
        Some(Value::Object(config)) => Ok(config.clone()),
        Some(_) => Err(Fault::Type("object")),
    }
}

/// A node as far as it can be read, and an edge likewise.
#[derive(Default)]
struct Drawn<'a> {
    ids: Vec<Option<&'a str>>,
    modules: Vec<Option<Module>>,
    configs: Vec<Map<String, Value>>,
    /// The ends of each edge, where they are nodes.
    edges: Vec<(Option<usize>, Option<usize>)>,
    /// What is wrong with each node, and with each edge.
    of_nodes: Vec<Faults>,
    of_edges: Vec<Faults>,
}

/// Reads a definition and judges it.
///
/// # Errors
/// Everything that is wrong with it, in its own order, with paths that begin with `definition`.
pub fn judge(definition: &Value) -> Result<Definition, Faults> {
    let Value::Object(members) = definition else {
        return Err(vec![("definition".to_owned(), Fault::Type("object"))]);
    };
    let mut lists = [Vec::new(), Vec::new()];
    let mut parts = [None, None];
    for (place, name) in ["nodes", "edges"].into_iter().enumerate() {
        let fault = match member(members, name) {
            None => Some(Fault::Required),
            Some(Value::Array(entries)) => {
                parts[place] = Some(entries.as_slice());
                let sized = name == "edges" || (1..=MAX_NODES).contains(&entries.len());
                (!sized).then_some(Fault::Entries(1, MAX_NODES))
            }
            Some(_) => Some(Fault::Type("list")),
        };
        lists[place].extend(fault.map(|fault| (format!("definition.{name}"), fault)));
    }
    let [nodes, edges] = parts.map(Option::unwrap_or_default);
    let mut drawn = Drawn::default();
    nodes.iter().enumerate().for_each(|(index, node)| drawn.read_node(index, node));
    if parts[0].is_some() {
        edges.iter().enumerate().for_each(|(index, edge)| drawn.read_edge(index, edge));
    }
    if parts.iter().all(Option::is_some) {
        drawn.judge_graph();
    }
    let [mut first, mut second] = lists;
    first.extend(std::mem::take(&mut drawn.of_nodes).into_iter().flatten());
    second.extend(std::mem::take(&mut drawn.of_edges).into_iter().flatten());
    let place = |name: &str| members.keys().position(|key| key == name);
    if place("edges").is_some_and(|edges| place("nodes").is_some_and(|nodes| edges < nodes)) {
        std::mem::swap(&mut first, &mut second);
    }
    first.append(&mut second);
    let mut faults: Faults = Vec::new();
    for (field, fault) in first {
        if faults.iter().all(|(known, _)| *known != field) {
            faults.push((field, fault));
        }
    }
    if faults.is_empty() {
        drawn.finished().ok_or_else(|| vec![("definition".to_owned(), Fault::Format)])
    } else {
        Err(faults)
    }
}

/// A stored definition, which was judged before it was stored; `None` when it is none.
#[must_use]
pub fn read(text: &str) -> Option<Definition> {
    judge(&serde_json::from_str(text).ok()?).ok()
}

impl<'a> Drawn<'a> {
    fn read_node(&mut self, index: usize, node: &'a Value) {
        let path = |name: &str| format!("definition.nodes.{index}{name}");
        let mut faults = Vec::new();
        let (mut id, mut module, mut own) = (None, None, Map::new());
        if let Value::Object(node) = node {
            match text(node, "id") {
                Ok(text) if !(1..=MAX_ID).contains(&text.chars().count()) => {
                    faults.push((path(".id"), Fault::Characters(1, MAX_ID)));
                }
                Ok(text) if self.ids.contains(&Some(text)) => faults.push((path(".id"), Fault::DuplicateNode)),
                Ok(text) => id = Some(text),
                Err(fault) => faults.push((path(".id"), fault)),
            }
            match text(node, "type").map(module_of) {
                Ok(Some(known)) => module = Some(known),
                Ok(None) => faults.push((path(".type"), Fault::UnknownBlock)),
                Err(fault) => faults.push((path(".type"), fault)),
            }
            match config(node) {
                Ok(config) => {
                    let judged = module.map(|module| parameters::judge(module, &config)).unwrap_or_default();
                    faults.extend(judged.into_iter().map(|(key, fault)| (path(&format!(".config.{key}")), fault)));
                    own = config;
                }
                Err(fault) => faults.push((path(".config"), fault)),
            }
        } else {
            faults.push((path(""), Fault::Type("object")));
        }
        self.ids.push(id);
        self.modules.push(module);
        self.configs.push(own);
        self.of_nodes.push(faults);
    }

    fn read_edge(&mut self, index: usize, edge: &Value) {
        let mut faults = Vec::new();
        let mut ends = [None, None];
        if let Value::Object(edge) = edge {
            for (end, name) in ends.iter_mut().zip(["from", "to"]) {
                let fault = match text(edge, name) {
                    Ok(id) => {
                        *end = self.ids.iter().position(|known| *known == Some(id));
                        end.is_none().then_some(Fault::UnknownNode)
                    }
                    Err(fault) => Some(fault),
                };
                faults.extend(fault.map(|fault| (format!("definition.edges.{index}.{name}"), fault)));
            }
        } else {
            faults.push((format!("definition.edges.{index}"), Fault::Type("object")));
        }
        self.edges.push((ends[0], ends[1]));
        self.of_edges.push(faults);
    }

    /// What is wrong with how the nodes are tied together.
    fn judge_graph(&mut self) {
        // the first edge into a node is its input, unless it closes a cycle
        let mut inputs: HashMap<usize, usize> = HashMap::new();
        let mut into = vec![0_usize; self.ids.len()];
        let mut open: Vec<(usize, usize, usize)> = Vec::new();
        for index in 0..self.edges.len() {
            let (from, to) = self.edges.get(index).copied().unwrap_or_default();
            let Some(to) = to else { continue };
            let path = format!("definition.edges.{index}");
            let mut faults = Vec::new();
            if self.modules.get(to).copied().flatten().is_some_and(|module| block(module).is_root()) {
                faults.push((format!("{path}.to"), Fault::NoInput));
            }
            if from.is_some_and(|from| leads(&open, to, from)) {
                faults.push((path.clone(), Fault::Cycle));
            } else if let Some(from) = from {
                open.push((from, to, index));
            }
            if let Some(count) = into.get_mut(to) {
                *count += 1;
                if *count > 1 {
                    faults.push((path, Fault::OneInput));
                }
            }
            if let Some(from) = from.filter(|_| !faults.iter().any(|(_, fault)| *fault == Fault::Cycle)) {
                inputs.entry(to).or_insert(from);
            }
            if let Some(known) = self.of_edges.get_mut(index) {
                known.extend(faults);
            }
        }
        self.judge_types(&inputs, &open);
        for (index, (module, count)) in self.modules.iter().zip(&into).enumerate() {
            let alone = module.is_some_and(|module| !block(module).is_root()) && *count == 0;
            if let Some(faults) = self.of_nodes.get_mut(index).filter(|_| alone) {
                faults.insert(0, (format!("definition.nodes.{index}"), Fault::NeedsInput));
            }
        }
        self.judge_modes(&inputs);
    }

    /// What comes out of a node; `None` when that is not known.
    fn flow(&self, node: usize, inputs: &HashMap<usize, usize>) -> Option<Flow> {
        let mut node = node;
        // the inputs are without cycles
        for _ in 0..=self.ids.len() {
            match block(self.modules.get(node).copied().flatten()?).gives() {
                Some(flow) => return Some(flow),
                None => node = *inputs.get(&node)?,
            }
        }
        None
    }

    fn judge_types(&mut self, inputs: &HashMap<usize, usize>, edges: &[(usize, usize, usize)]) {
        for (from, to, index) in edges {
            let module = |node: &usize| self.modules.get(*node).copied().flatten();
            let (Some(before), Some(after)) = (module(from), module(to)) else { continue };
            let (before, after) = (block(before), block(after));
            let Some(flow) = self.flow(*from, inputs).filter(|_| !after.is_root()) else { continue };
            if !after.takes(flow)
                && let Some(faults) = self.of_edges.get_mut(*index)
            {
                faults.push((format!("definition.edges.{index}"), Fault::CannotFollow(after.name, before.name)));
            }
        }
    }

    /// Emails in deep mode go on where emails in normal mode came from, with nothing but filters and sorts between.
    fn judge_modes(&mut self, inputs: &HashMap<usize, usize>) {
        for index in 0..self.ids.len() {
            if !self.is_deep(index) {
                continue;
            }
            let mut before = inputs.get(&index).copied();
            while let Some(node) = before
                && matches!(self.modules.get(node).copied().flatten(), Some(Module::Filter | Module::Sort))
            {
                before = inputs.get(&node).copied();
            }
            let normal = before.is_some_and(|node| {
                self.modules.get(node).copied().flatten() == Some(Module::Emails) && !self.is_deep(node)
            });
            if let Some(faults) = self.of_nodes.get_mut(index).filter(|_| !normal) {
                faults.push((format!("definition.nodes.{index}.config.mode"), Fault::OneOf("normal")));
            }
        }
    }

    fn is_deep(&self, node: usize) -> bool {
        let mode = self.configs.get(node).and_then(|config| config.get("mode")).and_then(Value::as_str);
        self.modules.get(node).copied().flatten() == Some(Module::Emails) && mode == Some("deep")
    }

    /// The definition, of which nothing is wrong.
    fn finished(self) -> Option<Definition> {
        let mut nodes = Vec::with_capacity(self.ids.len());
        let read = self.ids.into_iter().zip(self.modules).zip(self.configs).enumerate();
        for (index, ((id, module), config)) in read {
            let from = self.edges.iter().find(|(_, to)| *to == Some(index)).and_then(|(from, _)| *from);
            nodes.push(Node { id: id?.to_owned(), module: module?, config, from });
        }
        Some(Definition { nodes })
    }
}

/// Whether edges lead from a node to another one.
fn leads(edges: &[(usize, usize, usize)], from: usize, to: usize) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(node) = seen.get(next).copied() {
        if node == to {
            return true;
        }
        for (_, after, _) in edges.iter().filter(|(before, ..)| *before == node) {
            if !seen.contains(after) {
                seen.push(*after);
            }
        }
        next += 1;
    }
    false
}
