//! A PATCH laid over the study that is there (openscouter 9.4).

use serde_json::{Map, Value, json};

use shared::{
    model::Study,
    openscouter::{envelope::Problem, fields::Fields, studies::view::BodyView},
};

/// A PATCH laid over the study as it is shown: objects merge by member, arrays replace whole (openscouter 9.4). What is
/// sent as it is shown changes nothing and is left out, since a study that was made elsewhere can lack what a body must
/// have.
pub(super) fn merged(fields: &Fields, current: &Study) -> Result<Fields, Problem> {
    let shown = serde_json::to_value(BodyView::of(current)).map_err(|error| Problem::Crash(error.to_string()))?;
    let mut object = Map::new();
    for (name, sent) in fields.members() {
        let known = shown.get(name);
        if known != Some(sent) {
            object.insert(name.clone(), merge(known, sent));
        }
    }
    let none = &current.details.targeting.countries;
    if let Some(Value::Object(targeting)) = object.get_mut("targeting")
        && none.is_empty()
        && targeting.get("countries") == Some(&json!(none))
    {
        targeting.remove("countries");
    }
    Ok(Fields::patch(object))
}

fn merge(known: Option<&Value>, sent: &Value) -> Value {
    let (Some(Value::Object(known)), Value::Object(sent)) = (known, sent) else { return sent.clone() };
    let mut merged = known.clone();
    for (name, value) in sent {
        let value = merge(known.get(name), value);
        merged.insert(name.clone(), value);
    }
    Value::Object(merged)
}
