//! A stub of Stripe. It holds every call against an excerpt of Stripe's published OpenAPI document (`stripe.json`, MIT, as
//! APIs.guru publishes it; without prose): path, method, names, types and lengths of what is said, at every depth. Idempotency keys
//! work as Stripe says they do.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::{Map, Value, json};
use shared::http::query::Query;

/// What our calls carry.
pub const KEY: &str = "sk_test_of_ours";
/// What the stub's events are signed with.
pub const SECRET: &str = "whsec_of_ours";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("stripe.json")).unwrap());

/// A call that the stub took.
#[derive(Clone, Debug)]
pub struct Call {
    /// As in `/v1/transfers`.
    pub path: String,
    /// What it said, nested.
    pub said: Value,
    /// Its idempotency key; empty for what only looks.
    pub key: String,
    /// The account that it was done for.
    pub account: String,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<Call>,
    /// What was wrong with calls.
    wrong: Vec<String>,
    /// Answers by idempotency key, with what was said.
    answered: HashMap<String, (Value, StatusCode, Value)>,
    /// What was made, by its path.
    made: Vec<(String, String, Value)>,
    /// Refusals to come, by path: status and error.
    refusals: Vec<(String, u16, Value)>,
}

/// The stub.
#[derive(Clone, Debug, Default)]
pub struct Stripe(Arc<Mutex<Inner>>);

impl Stripe {
    /// Starts one; the variables that lead to it.
    pub async fn start() -> (Self, Vec<(&'static str, String)>) {
        let stub = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let variables = vec![
            ("OUTSCOUT_STRIPE_BASE_URL", url),
            ("OUTSCOUT_STRIPE_SECRET_KEY", KEY.to_owned()),
            ("OUTSCOUT_STRIPE_WEBHOOK_SECRET", format!("whsec_of_another_endpoint,{SECRET}")),
            ("OUTSCOUT_CRON_SECRET", "of-the-scheduler".to_owned()),
        ];
        (stub, variables)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls of a path so far. Nothing was wrong with any call.
    #[must_use]
    pub fn calls(&self, path: &str) -> Vec<Call> {
        let inner = self.lock();
        assert_eq!(inner.wrong, [""; 0], "calls that are none of Stripe's");
        inner.calls.iter().filter(|call| call.path == format!("/v1/{path}")).cloned().collect()
    }

    /// What was made at a path.
    #[must_use]
    pub fn made(&self, path: &str) -> Vec<Value> {
        let inner = self.lock();
        assert_eq!(inner.wrong, [""; 0], "calls that are none of Stripe's");
        let of_path = inner.made.iter().filter(|(known, _, _)| *known == format!("/v1/{path}"));
        of_path.map(|(_, _, made)| made.clone()).collect()
    }

    /// The next call of a path is refused.
    pub fn refuse(&self, path: &str, status: u16, kind: &str, code: &str) {
        let error = json!({"error": {"type": kind, "code": code, "message": format!("{code} of {path}")}});
        self.lock().refusals.push((format!("/v1/{path}"), status, error));
    }

    /// Stripe forgets the keys of calls, as it does after a day.
    pub fn forget_keys(&self) {
        self.lock().answered.clear();
    }
}

async fn answer(
    State(stub): State<Stripe>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut inner = stub.lock();
    let path = uri.path().to_owned();
    let Some(operation) = DOCUMENT["paths"][template(&path)].get(method.as_str().to_lowercase()) else {
        inner.wrong.push(format!("{method} {path}"));
        return (StatusCode::NOT_FOUND, Json(json!({"error": {"type": "invalid_request_error"}})));
    };
    if header("authorization") != format!("Bearer {KEY}") || header("stripe-version").is_empty() {
        inner.wrong.push(format!("{path}: no key or version"));
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": {"type": "invalid_request_error"}})));
    }
    let (text, schema) = match operation.get("form") {
        Some(form) => (String::from_utf8_lossy(&body).into_owned(), form.clone()),
        None => {
            let properties = operation["query"].clone();
            (uri.query().unwrap_or_default().to_owned(), json!({"properties": properties, "type": "object"}))
        }
    };
    let said = match read(&text, &schema) {
        Ok(said) => said,
        Err(wrong) => {
            inner.wrong.push(format!("{path}: {wrong}"));
            return (StatusCode::BAD_REQUEST, Json(json!({"error": {"type": "invalid_request_error"}})));
        }
    };
    let (key, account) = (header("idempotency-key"), header("stripe-account"));
    inner.calls.push(Call { path: path.clone(), said: said.clone(), key: key.clone(), account: account.clone() });
    if method == Method::GET {
        let group = said["transfer_group"].clone();
        let of = |(known, owner, made): &&(String, String, Value)| {
            *known == path && *owner == account && (group.is_null() || made["transfer_group"] == group)
        };
        let limit = usize::try_from(said["limit"].as_u64().unwrap_or(10)).unwrap();
        let rows: Vec<_> = inner.made.iter().rev().filter(of).map(|(_, _, made)| made.clone()).take(limit).collect();
        let list = json!({"object": "list", "data": rows, "has_more": false, "url": path});
        return (StatusCode::OK, Json(list));
    }
    if key.is_empty() {
        inner.wrong.push(format!("{path}: no idempotency key"));
    }
    // keys are each account's own
    let key = format!("{account} {key}");
    if let Some((before, status, answer)) = inner.answered.get(&key) {
        if *before != said {
            return (StatusCode::BAD_REQUEST, Json(json!({"error": {"type": "idempotency_error"}})));
        }
        return (*status, Json(answer.clone()));
    }
    let refusal = inner.refusals.iter().position(|(refused, _, _)| *refused == path);
    let (status, answer) = match refusal {
        Some(position) => {
            let (_, status, error) = inner.refusals.remove(position);
            (StatusCode::from_u16(status).unwrap(), error)
        }
        None => {
            let done = match session_of(&path) {
                Some(session) => expire(&mut inner.made, session),
                None => {
                    let made = make(&path, &said, inner.made.len());
                    inner.made.push((path, account, made.clone()));
                    Some(made)
                }
            };
            let not_open = || json!({"error": {"type": "invalid_request_error", "message": "not open"}});
            let status = if done.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            (status, done.unwrap_or_else(not_open))
        }
    };
    inner.answered.insert(key, (said, status, answer.clone()));
    (status, Json(answer))
}

/// The checkout session that a path ends.
fn session_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/checkout/sessions/")?.strip_suffix("/expire")
}

/// A path as the document writes it.
fn template(path: &str) -> &str {
    session_of(path).map_or(path, |_| "/v1/checkout/sessions/{session}/expire")
}

/// Ends a checkout session, if it is open.
fn expire(made: &mut [(String, String, Value)], session: &str) -> Option<Value> {
    let (_, _, open) = made.iter_mut().find(|(_, _, made)| made["id"] == session && made["status"] == "open")?;
    open["status"] = json!("expired");
    Some(open.clone())
}

/// What is made of a call: what was said, and what the document requires.
fn make(path: &str, said: &Value, number: usize) -> Value {
    let (prefix, schema) = match path {
        "/v1/checkout/sessions" => ("cs_test_", "checkout.session"),
        "/v1/accounts" => ("acct_", "account"),
        "/v1/account_links" => ("", "account_link"),
        "/v1/transfers" => ("tr_", "transfer"),
        _ => ("po_", "payout"),
    };
    let schema = &DOCUMENT["schemas"][schema];
    let mut made = Map::new();
    for name in schema["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let property = &schema["properties"][name];
        let value = match property["type"].as_str() {
            Some("integer") => json!(0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("string") => property["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
            _ => json!({}),
        };
        made.insert(name.to_owned(), value);
    }
    let known = |name: &String| schema["properties"].get(name).is_some();
    made.extend(said.as_object().unwrap().iter().filter(|(name, _)| known(name)).map(|(k, v)| (k.clone(), v.clone())));
    if !prefix.is_empty() {
        made.insert("id".to_owned(), json!(format!("{prefix}{number:06}")));
    }
    match path {
        "/v1/checkout/sessions" => {
            made.insert("url".to_owned(), json!(format!("https://checkout.stripe.test/{number}")));
            made.insert("status".to_owned(), json!("open"));
        }
        "/v1/account_links" => {
            made.insert("url".to_owned(), json!(format!("https://connect.stripe.test/{number}")));
            made.insert("expires_at".to_owned(), json!(1_773_651_900));
        }
        _ => {}
    }
    Value::Object(made)
}

/// A form with nested names as an object, each value of the type that the document gives it.
fn read(text: &str, schema: &Value) -> Result<Value, String> {
    let mut said = Map::new();
    for (name, value) in Query::parse(text).pairs() {
        let (first, rest) = name.split_once('[').unwrap_or((name, ""));
        let parts: Vec<_> =
            rest.split('[').map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()).collect();
        let mut place = said.entry(first.to_owned()).or_insert(Value::Null);
        for part in parts {
            if place.is_null() {
                *place = json!({});
            }
            let object = place.as_object_mut().ok_or_else(|| format!("{name}: two kinds of value"))?;
            place = object.entry(part.to_owned()).or_insert(Value::Null);
        }
        if !place.is_null() {
            return Err(format!("{name}: said twice"));
        }
        *place = json!(value);
    }
    typed(&Value::Object(said), schema, "")
}

fn typed(value: &Value, schema: &Value, path: &str) -> Result<Value, String> {
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut fits = choices.iter().filter_map(|choice| typed(value, choice, path).ok());
        return fits.next().ok_or_else(|| format!("{path}: none of the choices"));
    }
    match (schema["type"].as_str().unwrap_or("object"), value) {
        ("object", Value::Object(members)) => {
            let properties = schema["properties"].as_object();
            let missing = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            if let Some(name) = missing.into_iter().find(|name| !members.contains_key(*name)) {
                return Err(format!("{path}.{name}: missing"));
            }
            let mut object = Map::new();
            for (name, member) in members {
                let own = properties.and_then(|properties| properties.get(name));
                let any = schema.get("additionalProperties").filter(|any| any.is_object());
                let Some(schema) = own.or(any) else { return Err(format!("{path}.{name}: unknown")) };
                object.insert(name.clone(), typed(member, schema, &format!("{path}.{name}"))?);
            }
            Ok(Value::Object(object))
        }
        ("array", Value::Object(members)) => {
            let items = members.values().map(|item| typed(item, &schema["items"], path));
            items.collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        ("integer", Value::String(text)) => {
            text.parse::<i64>().map(Value::from).map_err(|_| format!("{path}: no integer: {text}"))
        }
        ("boolean", Value::String(text)) => {
            text.parse::<bool>().map(Value::from).map_err(|_| format!("{path}: no boolean: {text}"))
        }
        ("string", Value::String(text)) => {
            let short = schema["maxLength"].as_u64().is_none_or(|most| text.chars().count() as u64 <= most);
            let listed = schema["enum"].as_array().is_none_or(|listed| listed.contains(value));
            if short && listed { Ok(value.clone()) } else { Err(format!("{path}: not allowed: {text}")) }
        }
        (kind, _) => Err(format!("{path}: no {kind}")),
    }
}
