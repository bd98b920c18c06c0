//! `create_draft_study` (openscouter 19.2): the body of a study in other words, under the same rules (openscouter 9.1).

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use shared::openscouter::{
    access::{Caller, CredentialKind, Viewer},
    envelope::Problem,
    fields::Fields,
    request_context::RequestContext,
    studies::{body::Changes, empty_draft, keep_draft, missing},
};
use url::Url;

use crate::arguments::json as result;

/// Most characters of a task's title.
const MAX_TITLE: usize = 200;
/// Arguments by the members of a study's body that they stand for.
const NAMES: [(&str, &str); 4] = [
    ("prototypeUrl", "target_url"),
    ("targeting.testerCount", "max_testers"),
    ("targeting.ndCategories", "required_nd_categories"),
    ("compensation.amount", "pay_per_session"),
];
/// Hosts of prototypes by the types that they stand for.
const HOSTS: [(&str, &str); 3] = [("figma.com", "figma"), ("invisionapp.com", "invision"), ("marvelapp.com", "marvel")];

#[derive(Serialize)]
struct Draft {
    study_id: String,
    status: &'static str,
    dashboard_url: String,
}

pub(crate) async fn create(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    if !matches!(caller.credential, CredentialKind::Connection(_, true)) {
        return Err(Problem::forbidden("Missing scope: draft"));
    }
    let Viewer::Owner(organization) = caller.viewer() else { return Err(missing()) };
    let mut study = empty_draft(cx, organization);
    let changes = Changes::read(&Fields::new(body(fields)), Some(&study)).map_err(renamed)?;
    changes.apply(&mut study, cx.now);
    keep_draft(cx, &study).await?;
    result(&Draft { study_id: study.id.wire(), status: study.status.as_str(), dashboard_url: cx.dashboard_url(&study) })
}

/// The body of a study that the arguments stand for. What is missing stays empty until launch, but for what every study has.
fn body(fields: &Fields) -> Map<String, Value> {
    let sent = |name: &str| fields.optional(name).cloned();
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("title", Some(sent("title").unwrap_or_default()));
    set("description", sent("description"));
    set("prototypeUrl", Some(sent("target_url").unwrap_or_default()));
    set("prototypeType", sent("target_url").as_ref().and_then(Value::as_str).map(|url| json!(prototype_type(url))));
    set("tasks", sent("tasks").filter(|tasks| tasks.as_array().is_none_or(|tasks| !tasks.is_empty())).map(tasks));
    let targeting = [("testerCount", sent("max_testers")), ("ndCategories", sent("required_nd_categories"))];
    let targeting: Map<_, _> =
        targeting.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    set("targeting", (!targeting.is_empty()).then_some(Value::Object(targeting)));
    set("compensation", sent("pay_per_session").map(|amount| json!({"amount": amount})));
    body
}

/// The type of a prototype, by its host.
fn prototype_type(url: &str) -> &'static str {
    let url = Url::parse(url.trim()).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let within = |site: &str| host.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.into_iter().find(|(site, _)| within(site)).map_or("url", |(_, kind)| kind)
}

/// Tasks, of which a text says all: its first line is the title, as far as a title goes.
fn tasks(mut tasks: Value) -> Value {
    for task in tasks.as_array_mut().into_iter().flatten() {
        if let Some(text) = task.as_str() {
            let title: String = text.trim().lines().next().unwrap_or_default().chars().take(MAX_TITLE).collect();
            *task = json!({"title": title, "description": text});
        } else if let Some(members) = task.as_object_mut() {
            members.retain(|name, _| matches!(&**name, "title" | "description"));
        }
    }
    tasks
}

/// A refusal that names the argument in place of the member.
fn renamed(problem: Problem) -> Problem {
    let Problem::Refused(status, text) = problem else { return problem };
    let own = NAMES.into_iter().find_map(|(member, argument)| {
        let rest = text.strip_prefix(member)?;
        Some(format!("{argument}{rest}"))
    });
    Problem::Refused(status, own.unwrap_or(text))
}
