//! The gateway's control plane, as far as organizations' own keys need it: keys are made, put into usage plans, taken out and
//! removed, at the rates that AWS allows an account. It keeps nothing itself: at the start it is told the store's keys.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, epoch_millis},
    config::ExposeSecret as _,
    store::OwnKey,
};

use crate::usage_plans::UsagePlans;

/// Calls a second and at once: of any kind, and of those that make or remove a key.
const CALLS: (f64, f64) = (10.0, 40.0);
const KEYS: (f64, f64) = (5.0, 5.0);
/// Keys of an account.
const MOST: usize = 10_000;
/// The shortest value of a key.
const SHORTEST: usize = 20;

/// The control plane; clones share it.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    plans: Vec<UsagePlans>,
    clock: Clock,
    state: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// By id: name and value.
    keys: HashMap<String, (String, String)>,
    made: u64,
    refused: u64,
    /// Tokens, and when they were filled: of all calls, of keys made, of keys removed.
    buckets: [Option<(f64, i64)>; 3],
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ControlPlane").finish_non_exhaustive()
    }
}

type Refusal = (StatusCode, Json<Value>);

fn refusal(status: StatusCode, message: &str) -> Refusal {
    (status, Json(json!({"message": message})))
}

fn no_key() -> Refusal {
    refusal(StatusCode::NOT_FOUND, "Invalid API Key identifier specified")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    key_id: String,
    key_type: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    name: String,
}

impl Keys {
    /// Takes a token of a bucket at a time in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds between two calls")]
    fn take(&mut self, number: usize, (rate, burst): (f64, f64), now: i64) -> bool {
        let Some(bucket) = self.buckets.get_mut(number) else { return true };
        let (tokens, filled) = bucket.unwrap_or((burst, now));
        let tokens = (now.saturating_sub(filled).max(0) as f64 / 1_000.0).mul_add(rate, tokens).min(burst);
        let has = tokens >= 1.0;
        *bucket = Some((if has { tokens - 1.0 } else { tokens }, now.max(filled)));
        has
    }
}

impl ControlPlane {
    /// A control plane over the usage plans of all APIs.
    #[must_use]
    pub fn new(plans: Vec<UsagePlans>, clock: Clock) -> Self {
        Self(Arc::new(Inner { plans, clock, state: Mutex::default() }))
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what the store says that it made earlier.
    pub fn restore(&self, keys: &[OwnKey]) {
        for key in keys {
            let Some(id) = &key.id else { continue };
            let (name, value) = (format!("outscout-{}", key.organization), key.value.expose_secret());
            for plans in &self.0.plans {
                if let Some(tier) = key.plan {
                    plans.add_own(value, tier, &key.organization.to_string());
                }
            }
            self.keys().keys.insert(id.clone(), (name, value.to_owned()));
        }
    }

    /// How many keys there are, how many were ever made, and how many calls were refused for their number.
    #[must_use]
    pub fn counts(&self) -> (usize, u64, u64) {
        let keys = self.keys();
        (keys.keys.len(), keys.made, keys.refused)
    }

    /// The HTTP service.
    pub fn router(self) -> Router {
        Router::new()
            .route("/apikeys", post(create).get(list))
            .route("/apikeys/{id}", delete(remove))
            .route("/usageplans/{plan}/keys", post(enter))
            .route("/usageplans/{plan}/keys/{id}", delete(leave).get(member))
            .layer(middleware::from_fn_with_state(self.clone(), paced))
            .with_state(self)
    }

    /// The usage plans that a plan's id is of, and the plan's name there.
    fn plan(&self, id: &str) -> Result<(&UsagePlans, &str), Refusal> {
        let found = self.0.plans.iter().find_map(|plans| Some((plans, plans.plan_named(id)?)));
        found.ok_or_else(|| refusal(StatusCode::NOT_FOUND, "Invalid Usage Plan ID specified"))
    }

    fn key(&self, id: &str) -> Result<(String, String), Refusal> {
        self.keys().keys.get(id).cloned().ok_or_else(no_key)
    }
}

/// Refuses what comes faster than AWS takes it.
async fn paced(State(plane): State<ControlPlane>, request: Request, next: Next) -> Response {
    let now = epoch_millis(plane.0.clock.now());
    let of_keys = request.uri().path().starts_with("/apikeys");
    let passes = {
        let mut keys = plane.keys();
        let own = match *request.method() {
            Method::POST if of_keys => keys.take(1, KEYS, now),
            Method::DELETE if of_keys => keys.take(2, KEYS, now),
            _ => true,
        };
        let passes = own && keys.take(0, CALLS, now);
        keys.refused += u64::from(!passes);
        passes
    };
    if passes {
        next.run(request).await
    } else {
        refusal(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests").into_response()
    }
}

async fn create(State(plane): State<ControlPlane>, Json(asked): Json<NewKey>) -> Result<impl IntoResponse, Refusal> {
    if asked.value.len() < SHORTEST {
        return Err(refusal(StatusCode::BAD_REQUEST, "API Key value should be at least 20 characters"));
    }
    let mut keys = plane.keys();
    if keys.keys.values().any(|(_, value)| *value == asked.value) {
        return Err(refusal(StatusCode::CONFLICT, "API Key already exists"));
    }
    if keys.keys.len() >= MOST {
        return Err(refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "Maximum number of API keys for this account has been reached",
        ));
    }
    keys.made += 1;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let shown = json!({"id": id, "name": asked.name, "value": asked.value, "enabled": true, "stageKeys": []});
    keys.keys.insert(id, (asked.name, asked.value));
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn list(State(plane): State<ControlPlane>, Query(asked): Query<Asked>) -> Json<Value> {
    let keys = plane.keys();
    let named = keys.keys.iter().filter(|(_, (name, _))| name.starts_with(&asked.name));
    let named: Vec<_> = named.map(|(id, (name, _))| json!({"id": id, "name": name, "enabled": true})).collect();
    Json(json!({"item": named}))
}

async fn remove(State(plane): State<ControlPlane>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let (_, value) = plane.keys().keys.remove(&id).ok_or_else(no_key)?;
    plane.0.plans.iter().for_each(|plans| plans.leave(&value));
    Ok(StatusCode::ACCEPTED)
}

async fn enter(
    State(plane): State<ControlPlane>,
    Path(plan): Path<String>,
    Json(asked): Json<Member>,
) -> Result<impl IntoResponse, Refusal> {
    if asked.key_type != "API_KEY" {
        return Err(refusal(StatusCode::BAD_REQUEST, "Invalid key type"));
    }
    let ((plans, plan), (name, value)) = (plane.plan(&plan)?, plane.key(&asked.key_id)?);
    if plans.plan_of_key(&value).is_some() {
        // an API's stage knows one plan of a key
        return Err(refusal(StatusCode::CONFLICT, "The key is in a usage plan of the stage already"));
    }
    plans.enter(&value, plan, &name);
    Ok((StatusCode::CREATED, Json(json!({"id": asked.key_id, "name": name, "type": "API_KEY"}))))
}

async fn member(
    State(plane): State<ControlPlane>,
    Path((plan, id)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let ((plans, plan), (name, value)) = (plane.plan(&plan)?, plane.key(&id)?);
    let found = plans.plan_of_key(&value).is_some_and(|known| known == plan);
    if found { Ok(Json(json!({"id": id, "name": name, "type": "API_KEY"}))) } else { Err(no_key()) }
}

async fn leave(
    State(plane): State<ControlPlane>,
    Path((plan, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let ((plans, plan), (_, value)) = (plane.plan(&plan)?, plane.key(&id)?);
    if plans.plan_of_key(&value).is_none_or(|known| known != plan) {
        return Err(no_key());
    }
    plans.leave(&value);
    Ok(StatusCode::ACCEPTED)
}
