//! What sites say of themselves in JSON-LD.

use serde_json::Value;

use crate::web::Page;

/// The texts that stand under a name, in document order, wherever in the page's JSON-LD.
pub(super) fn texts(page: &Page, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for text in &page.parts.json {
        // others' JSON is often wrong; what lies deeper than 128 is refused by the reader
        if let Some(value) = serde_json::from_str::<Value>(text.trim()).ok().or_else(|| mended(text)) {
            walk(&value, name, &mut found);
        }
    }
    found
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
