//! Whether views and documents say the same: the members of a component schema are those of the struct that answers them.

mod views;

use std::{collections::BTreeMap, fs, io, path::Path};

use serde_json::Value;

use self::views::{Kind, Views};

/// Which view answers which schema.
const TABLE: &str = include_str!("../schemas.txt");
const APIS: [&str; 3] = ["outset", "outsend", "openscouter"];

/// What does not hold of the tree at `root`, a line each.
///
/// # Errors
/// When a file cannot be read, or is not what its name says.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let views = Views::read(root)?;
    let mut wrong = Vec::new();
    let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        if let [api, schema, said @ ..] = &*line.split(' ').collect::<Vec<_>>() {
            told.insert(format!("{api} {schema}"), said.to_vec());
        }
    }
    for api in APIS {
        let text = fs::read_to_string(root.join(format!("openapi/{api}.json")))?;
        let document: Value = serde_json::from_str(&text)?;
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            let name = format!("{api} {name}");
            match told.remove(&name).as_deref() {
                Some(["-", _, ..]) => {}
                Some([file, view, forms @ ..]) => {
                    let forms = forms.iter().map(|form| (*form).to_owned()).collect();
                    let compared = Compared { document: &document, views: &views, forms };
                    compared.object(&name, schema, (file, view, &[]), &mut wrong);
                }
                _ => wrong.push(format!("xtask/schemas.txt says nothing of {name}")),
            }
        }
    }
    wrong.extend(told.keys().map(|name| format!("xtask/schemas.txt: there is no schema {name}")));
    Ok(wrong)
}

/// A struct: its file, its name, and what its parameter stands for.
type View<'a> = (&'a str, &'a str, &'a [String]);

/// What a comparison needs beside the two sides.
struct Compared<'a> {
    document: &'a Value,
    views: &'a Views,
    /// In which form the view is shown.
    forms: Vec<String>,
}

impl Compared<'_> {
    fn object(&self, place: &str, schema: &Value, (file, view, own): View<'_>, wrong: &mut Vec<String>) {
        let forms = [own, &self.forms].concat();
        let members = match self.views.members(file, view, &forms) {
            Ok(members) => members,
            Err(cause) => return wrong.push(format!("{place}: {cause}")),
        };
        let Some(properties) = schema["properties"].as_object() else {
            wrong.push(format!("{place}: the document says no members"));
            return;
        };
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let wider = |name: &str| self.forms.iter().any(|form| form.strip_prefix('~') == Some(name));
        let alone = |name: &&String| members.iter().all(|member| member.name != **name) && !wider(name);
        for name in properties.keys().filter(alone) {
            wrong.push(format!("{place}.{name}: in the document alone"));
        }
        for member in &members {
            let place = format!("{place}.{}", member.name);
            let Some(property) = properties.get(&member.name) else {
                wrong.push(format!("{place}: in the view alone"));
                continue;
            };
            let wider = wider(&member.name);
            if !wider && required.contains(&&*member.name) == member.optional {
                let said = if member.optional { "can be left out" } else { "is always there" };
                wrong.push(format!("{place}: {said} in the view, not so in the document"));
            }
            self.value(&place, property, (!wider).then_some(member.nullable), &member.kind, wrong);
        }
    }

    fn value(&self, place: &str, property: &Value, nullable: Option<bool>, kind: &Kind, wrong: &mut Vec<String>) {
        let (property, can_be_null) = self.resolved(property);
        if nullable.is_some_and(|nullable| nullable != can_be_null) {
            let said = if nullable == Some(true) { "can be null" } else { "is never null" };
            wrong.push(format!("{place}: {said} in the view, not so in the document"));
        }
        let Some(declared) = property["type"].as_str() else { return };
        let expected = match kind {
            Kind::Any => return,
            Kind::Scalar(name) => *name,
            Kind::List(_) => "array",
            Kind::Struct(..) => "object",
        };
        if declared != expected {
            wrong.push(format!("{place}: {expected} in the view, {declared} in the document"));
            return;
        }
        match kind {
            Kind::List(item) if property["items"].is_object() => {
                self.value(&format!("{place}[]"), &property["items"], Some(false), item, wrong);
            }
            Kind::Struct(file, view, forms) if property["properties"].is_object() => {
                self.object(place, property, (file, view, forms), wrong);
            }
            _ => {}
        }
    }

    /// A schema without the references around it, and whether it may be null.
    fn resolved<'a>(&'a self, mut schema: &'a Value) -> (&'a Value, bool) {
        let mut nullable = false;
        loop {
            nullable |= schema["nullable"] == true;
            let one = schema["allOf"].as_array().filter(|all| all.len() == 1).and_then(|all| all.first());
            let inner = schema["$ref"].as_str().and_then(|path| self.document.pointer(path.trim_start_matches('#')));
            match one.or(inner) {
                Some(next) => schema = next,
                None => return (schema, nullable),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_and_documents_say_the_same() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let wrong = check(root).unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
