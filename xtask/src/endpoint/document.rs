//! The operation of a new endpoint in its API's golden document: what its access and its method answer, around a success that
//! says nothing yet.

use serde::Serialize as _;
use serde_json::{Map, Value, json, ser::PrettyFormatter};

use super::{Edit, Endpoint, capitalized};

/// The document with the operation, written as `openapi/render.py` writes it.
///
/// # Errors
/// When the document is not as that program leaves it, or has the operation's name already.
pub(super) fn with_operation(endpoint: &Endpoint<'_>, file: Edit) -> Result<Edit, String> {
    let told = |cause: &str| format!("{}: {cause}", file.file.display());
    let mut document: Value = serde_json::from_str(&file.text).map_err(|error| told(&error.to_string()))?;
    if written(&document) != file.text {
        return Err(told("not as `cargo xtask openapi` writes it"));
    }
    let name = endpoint.operation.replace('-', "_");
    if operations(&document).any(|(_, operation)| operation["operationId"] == *name) {
        return Err(told(&format!("there is an operation {name} already")));
    }
    let tag = tag(endpoint, &document);
    let operation = operation(endpoint, &name, &tag, model(endpoint, &document).ok_or_else(|| told("no model"))?);
    let tags = document["tags"].as_array_mut().ok_or_else(|| told("no tags"))?;
    if tags.iter().all(|known| known["name"] != *tag) {
        tags.push(json!({"name": tag, "description": sentence(&tag)}));
    }
    let paths = document["paths"].as_object_mut().ok_or_else(|| told("no paths"))?;
    let method = endpoint.method.to_ascii_lowercase();
    match paths.get_mut(endpoint.path).and_then(Value::as_object_mut) {
        Some(methods) => {
            methods.insert(method, operation);
        }
        None => *paths = with_path(std::mem::take(paths), endpoint.path, json!({method: operation})),
    }
    let text = written(&document);
    Ok(Edit { text, ..file })
}

/// JSON as `openapi/render.py` writes it.
pub(super) fn written(document: &Value) -> String {
    let mut bytes = Vec::new();
    let mut to = serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    // a value of JSON is always written into memory
    let _ = document.serialize(&mut to);
    String::from_utf8(bytes).unwrap_or_default() + "\n"
}

/// Paths and operations.
pub(super) fn operations(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| methods.as_object().into_iter().flatten().map(|(_, one)| (path.as_str(), one)))
}

/// An operation with the same access: its credentials and refusals are the new one's.
fn model<'a>(endpoint: &Endpoint<'_>, document: &'a Value) -> Option<&'a Value> {
    let (path, method) = match (endpoint.api, endpoint.method) {
        ("outsend", "GET") => ("/api/auth/me", "get"),
        ("outsend", _) => ("/api/jobs/{job}/cancel", "post"),
        (_, "GET") => ("/api/sessions", "get"),
        _ => ("/api/jobs/{id}/launch", "post"),
    };
    document["paths"].get(path)?.get(method)
}

/// The tag of the paths that begin alike; else the word itself, which then is a new one.
fn tag(endpoint: &Endpoint<'_>, document: &Value) -> String {
    let group = |path: &str| path.split('/').take(3).collect::<Vec<_>>().join("/");
    let alike = |(path, _): &(&str, &Value)| path.starts_with("/api/") && group(path) == group(endpoint.path);
    match operations(document).find(alike).and_then(|(_, operation)| operation["tags"][0].as_str()) {
        Some(tag) => tag.to_owned(),
        None if endpoint.path.starts_with("/api/") => endpoint.path.split('/').nth(2).unwrap_or_default().to_owned(),
        None => "pages".to_owned(),
    }
}

/// `sessions-archive` as a summary: what is done comes first.
fn summary(operation: &str) -> String {
    match operation.rsplit_once('-') {
        Some((what, done)) => sentence(&format!("{done} {what}")),
        None => sentence(operation),
    }
}

fn sentence(name: &str) -> String {
    capitalized(&name.replace('-', " "))
}

fn operation(endpoint: &Endpoint<'_>, name: &str, tag: &str, model: &Value) -> Value {
    let refusal = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    let mut made = Map::new();
    made.insert("operationId".into(), name.into());
    made.insert("summary".into(), summary(endpoint.operation).into());
    made.insert("description".into(), "Not written yet.".into());
    made.insert("tags".into(), json!([tag]));
    let variables = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> = variables
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if !parameters.is_empty() {
        made.insert("parameters".into(), parameters.into());
    }
    if !matches!(endpoint.method, "GET" | "DELETE") {
        let body = json!({"required": false, "content": {"application/json": {"schema": {"type": "object"}}}});
        made.insert("requestBody".into(), body);
    }
    made.insert("security".into(), model["security"].clone());
    let success = json!({"application/json": {"schema": {"type": "object", "additionalProperties": {}}}});
    let mut responses = Map::new();
    responses.insert("200".into(), json!({"description": "Success", "content": success}));
    let refusals = model["responses"].as_object().into_iter().flatten();
    for (status, response) in refusals.filter(|(status, _)| !status.starts_with('2')) {
        responses.insert(status.clone(), response.clone());
    }
    responses.insert("501".into(), json!({"description": "Not written yet", "content": refusal}));
    made.insert("responses".into(), responses.into());
    made.into()
}

/// The paths with one more, before the first one of its kind that comes behind it in the alphabet.
fn with_path(paths: Map<String, Value>, path: &str, methods: Value) -> Map<String, Value> {
    let of_programs = |path: &str| path.starts_with("/api/");
    let behind = |known: &String| of_programs(known) == of_programs(path) && known.as_str() > path;
    let index = paths.keys().position(behind).unwrap_or(paths.len());
    let mut all: Vec<_> = paths.into_iter().collect();
    all.insert(index, (path.to_owned(), methods));
    all.into_iter().collect()
}
