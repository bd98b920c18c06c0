//! What sites say of themselves in JSON-LD.

use serde_json::Value;

use super::page::Page;

/// The texts that stand under a name, in document order, wherever in the page's JSON-LD.
pub(super) fn texts(page: &Page, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    values(page).for_each(|value| walk(&value, name, &mut found));
    found
}

/// The addresses of the images that stand under a name, in document order: each is a text, or an object with one.
pub(super) fn images(page: &Page, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    values(page).for_each(|value| walk_images(&value, name, &mut found));
    found
}

fn values(page: &Page) -> impl Iterator<Item = Value> {
    // others' JSON is often wrong; what lies deeper than 128 is refused by the reader
    page.parts.json.iter().filter_map(|text| serde_json::from_str(text.trim()).ok().or_else(|| mended(text)))
}

/// JSON with what editors leave in it: a CDATA section around it, line breaks within texts.
fn mended(text: &str) -> Option<Value> {
    let bare = text.replace("//<![CDATA[", "").replace("<![CDATA[", "").replace("//]]>", "").replace("]]>", "");
    let plain = bare.replace(|letter: char| letter.is_control(), " ");
    serde_json::from_str(plain.trim()).ok()
}

fn walk(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == name => found.push(text.clone()),
                    Value::Array(entries) if key == name => {
                        found.extend(entries.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                walk(member, name, found);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| walk(entry, name, found)),
        _ => {}
    }
}

fn walk_images(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if key == name {
                    found.extend(image(member));
                }
                walk_images(member, name, found);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| walk_images(entry, name, found)),
        _ => {}
    }
}

fn image(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(members) => members.get("url").or_else(|| members.get("contentUrl")).and_then(image),
        Value::Array(entries) => entries.iter().find_map(image),
        _ => None,
    }
}
