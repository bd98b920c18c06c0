//! The own profile and erasure (openscouter 18).

use serde_json::{Map, Value, json};
use time::Duration;

use super::{
    access::{ANY_ROLE, Access, TESTERS},
    endpoint::answer,
    envelope::{Problem, success},
    fields::{Fields, as_text},
    format::timestamp,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Account, Action, ErasureId},
    store::Erasure,
};

/// How long after a request an account is erased.
const ERASURE_DELAY: Duration = Duration::days(30);
/// Attempts of a change that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 5;
/// Categories of neurodivergence, in the contract's order (openscouter 6.1).
pub const ND_CATEGORIES: [&str; 13] = [
    "adhd",
    "autism",
    "dyslexia",
    "dyscalculia",
    "dyspraxia",
    "anxiety",
    "tourette",
    "ocd",
    "dysgraphia",
    "sensory_processing",
    "bipolar",
    "acquired_brain_injury",
    "intellectual_disability",
];
pub const COUNTRIES: &str = include_str!("../iso-3166.txt");
pub const LANGUAGES: &str = include_str!("../iso-639.txt");
const TIME_ZONES: &str = include_str!("../time-zones.txt");

pub const PERSON: Access = ANY_ROLE;

/// `GET /api/me/profile`
#[must_use]
pub fn get_profile(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let account = cx.caller(TESTERS).await?.account;
            let (store, user) = (cx.context.store(), account.user.id);
            let ((profile, _), special) =
                futures_util::future::try_join(store.profile(user), store.special_categories(user)).await?;
            Ok(success(200, &profile_object(&account, &profile, &special)))
        })
    })
}

/// The name that others see: the first one and the first letter of the last (openscouter 17).
fn display_name(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, .., last] => {
            format!("{first} {}.", last.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default())
        }
    }
}

fn profile_object(account: &Account, profile: &Map<String, Value>, special: &[String]) -> Value {
    let member = |name: &str, default: Value| profile.get(name).cloned().unwrap_or(default);
    json!({
        "testerId": account.user.id.wire(),
        "displayName": display_name(&account.user.name),
        "country": member("country", Value::Null),
        "birthYear": member("birthYear", Value::Null),
        "devices": member("devices", json!([])),
        "languages": member("languages", json!([])),
        "ndCategories": special,
        "assistiveTech": member("assistiveTech", json!([])),
        "bio": member("bio", Value::Null),
        "timezone": member("timezone", Value::Null),
        "available": member("available", json!(true)),
        "cameraOptOut": member("cameraOptOut", json!(false)),
        "capacityVerified": account.user.qualified,
        "capacityScore": account.user.capacity_score,
        "telegramConnected": false,
        "payoutsEnabled": false,
    })
}

/// `PATCH /api/me/profile`
#[must_use]
pub fn update_profile(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(update_profile_now(cx)))
}

async fn update_profile_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(TESTERS).await?.account;
    let fields = Fields::read(&cx.request)?;
    let mut changes = profile_changes(&fields, cx.now.year())?;
    let store = cx.context.store();
    let user = account.user.id;
    // kept apart from the profile, under a consent of its own (openscouter 21)
    let special = changes.iter().position(|(name, _)| *name == "ndCategories").map(|place| changes.remove(place).1);
    let special: Option<Vec<String>> = special.and_then(|names| serde_json::from_value(names).ok());
    if let Some(names) = &special
        && !store.put_special_categories(user, names, &cx.context.settings().openscouter.consent_version).await?
    {
        return Err(Problem::invalid("ndCategories", "requires special_category consent"));
    }
    let special = match special {
        Some(names) => names,
        None => store.special_categories(user).await?,
    };
    for _ in 0..MAX_ATTEMPTS {
        let (mut profile, version) = store.profile(account.user.id).await?;
        let before = profile.clone();
        for (name, value) in &changes {
            if value.is_null() {
                profile.remove(*name);
            } else {
                profile.insert((*name).to_owned(), value.clone());
            }
        }
        if profile == before || store.put_profile(account.user.id, &profile, version).await? {
            return Ok(success(200, &profile_object(&account, &profile, &special)));
        }
    }
    Err(Problem::Crash("the profile kept changing".to_owned()))
}

/// The fields that a PATCH sets, in the contract's order; `null` clears one that may be empty.
fn profile_changes(fields: &Fields, year: i32) -> Result<Vec<(&'static str, Value)>, Problem> {
    let mut changes = Vec::new();
    let known = |list: &str, text: &str| list.lines().any(|line| line == text);
    // what `null` clears, and what it does not
    let sent = |name: &str, nullable: bool| match (fields.has(name), fields.optional(name)) {
        (true, None) if !nullable => Err(Problem::invalid(name, "must not be null")),
        (sent, value) => Ok(sent.then(|| value.cloned().unwrap_or_default())),
    };
    if let Some(value) = sent("country", true)? {
        if !value.is_null() && !known(COUNTRIES, as_text("country", &value)?) {
            return Err(Problem::invalid("country", "must be an ISO 3166-1 alpha-2 code"));
        }
        changes.push(("country", value));
    }
    if let Some(value) = sent("birthYear", true)? {
        if !value.is_null() {
            let number = value.as_i64().ok_or_else(|| Problem::invalid("birthYear", "must be an integer"))?;
            if number < 1900 {
                return Err(Problem::invalid("birthYear", "must be at least 1900"));
            }
            if number > i64::from(year) {
                return Err(Problem::invalid("birthYear", &format!("must be at most {year}")));
            }
        }
        changes.push(("birthYear", value));
    }
    let list = |name: &str, most: usize, check: &dyn Fn(&str, &str) -> Result<String, Problem>| {
        if sent(name, false)?.is_none() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for (position, value) in fields.array(name, 0, most)?.iter().enumerate() {
            let field = format!("{name}[{position}]");
            let text = check(&field, as_text(&field, value)?.trim())?;
            if entries.contains(&text) {
                return Err(Problem::invalid(name, "must not contain duplicates"));
            }
            entries.push(text);
        }
        Ok::<_, Problem>(Some(json!(entries)))
    };
    let device = |field: &str, text: &str| {
        let fits = ["desktop", "mobile", "tablet"].contains(&text);
        fits.then(|| text.to_owned()).ok_or_else(|| Problem::invalid(field, "must be one of: desktop, mobile, tablet"))
    };
    let language = |field: &str, text: &str| {
        let fits = known(LANGUAGES, text);
        fits.then(|| text.to_owned()).ok_or_else(|| Problem::invalid(field, "must be an ISO 639-1 code"))
    };
    let technology = |field: &str, text: &str| match text.chars().count() {
        0 => Err(Problem::invalid(field, "must not be empty")),
        81.. => Err(Problem::invalid(field, "must be at most 80 characters")),
        _ if text.chars().any(char::is_control) => Err(Problem::invalid(field, "must not contain control characters")),
        _ => Ok(text.to_owned()),
    };
    if let Some(value) = list("devices", 3, &device)? {
        changes.push(("devices", value));
    }
    if let Some(value) = list("languages", 200, &language)? {
        changes.push(("languages", value));
    }
    if sent("ndCategories", false)?.is_some() {
        let reason = format!("must be one of: {}", ND_CATEGORIES.join(", "));
        let names = fields.names("ndCategories", (0, 13), |name| ND_CATEGORIES.contains(&name), &reason)?;
        changes.push(("ndCategories", json!(names)));
    }
    if let Some(value) = list("assistiveTech", 20, &technology)? {
        changes.push(("assistiveTech", value));
    }
    if let Some(value) = sent("bio", true)? {
        changes.push(("bio", if value.is_null() { value } else { json!(fields.text("bio", 0, 1_000)?) }));
    }
    if let Some(value) = sent("timezone", true)? {
        if !value.is_null() && !known(TIME_ZONES, as_text("timezone", &value)?) {
            return Err(Problem::invalid("timezone", "must be an IANA time zone"));
        }
        changes.push(("timezone", value));
    }
    for name in ["available", "cameraOptOut"] {
        if sent(name, false)?.is_some() {
            changes.push((name, json!(fields.flag(name)?)));
        }
    }
    Ok(changes)
}

pub fn erasure_object(erasure: &Erasure) -> Value {
    json!({
        "erasureId": erasure.id.wire(),
        "status": "acknowledged",
        "acknowledgedAt": timestamp(erasure.acknowledged_at),
        "dueAt": timestamp(erasure.due_at),
    })
}

/// `POST /api/me/erasure`
#[must_use]
pub fn request_erasure(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(request_erasure_now(cx)))
}

async fn request_erasure_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(PERSON).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        if fields.text("confirm", 1, usize::MAX)? != "ERASE" {
            return Err(Problem::invalid("confirm", "must be ERASE"));
        }
        let user = &caller.account.user;
        let id = ErasureId::at(cx.now);
        let erasure = Erasure { id, acknowledged_at: cx.now, due_at: cx.now + ERASURE_DELAY };
        let audit = cx.record(Action::ErasureRequested, Some(user), Some(id.wire()), json!({}));
        let erasure = cx.context.store().request_erasure(user.id, &erasure, &audit).await?;
        Ok(success(202, &erasure_object(&erasure)))
    })
    .await
}

/// `GET /api/me/erasure`
#[must_use]
pub fn get_erasure(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(PERSON).await?;
            let erasure = cx.context.store().erasure_of(caller.account.user.id).await?;
            let erasure = erasure.ok_or_else(|| Problem::not_found("Erasure request"))?;
            let mut object = erasure_object(&erasure);
            // whoever can still ask has not been erased
            object["completedAt"] = Value::Null;
            Ok(success(200, &object))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_see() {
        for (name, shown) in [("Alex Roe", "Alex R."), ("Alex", "Alex"), ("Alex van der roe", "Alex R."), ("", "")] {
            assert_eq!(display_name(name), shown);
        }
    }

    #[test]
    fn lists() {
        assert_eq!((COUNTRIES.lines().count(), LANGUAGES.lines().count()), (249, 183));
        assert!(TIME_ZONES.lines().any(|zone| zone == "Europe/Berlin") && TIME_ZONES.lines().any(|zone| zone == "UTC"));
    }
}
