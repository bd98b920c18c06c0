//! The body as it is sent (outsend 8.3): `items` stay text until their rows are read.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use shared::{
    http::{Request, count_values},
    json,
    outsend::{
        envelope::Problem,
        fields::{Fields, check_media},
        messages::Detail,
    },
};

/// Most values of a body (outsend 8.3): of any more, one takes seven bytes and less, its key included.
const MAX_VALUES: usize = 600_000;

/// The members that are read; of several with one name the last.
#[derive(Default)]
struct Members<'a> {
    items: Option<&'a str>,
    source: Option<&'a str>,
    mode: Option<&'a str>,
    capture_screenshot: Option<&'a str>,
    /// Their names, in the order of the body.
    names: Vec<&'static str>,
}

/// The name of a member.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    Items,
    SourceJobId,
    Mode,
    CaptureScreenshot,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(name) = object.next_key()? {
                    let (name, member) = match name {
                        Name::Items => ("items", &mut members.items),
                        Name::SourceJobId => ("source_job_id", &mut members.source),
                        Name::Mode => ("mode", &mut members.mode),
                        Name::CaptureScreenshot => ("capture_screenshot", &mut members.capture_screenshot),
                        Name::Other => {
                            object.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *member = Some(object.next_value::<&RawValue>()?.get());
                    if !members.names.contains(&name) {
                        members.names.push(name);
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The refusal of a body that breaks, or is no object. As values it is not read: it can have too many.
fn unread(body: &[u8], error: &serde_json::Error) -> Detail {
    let broken = !body.trim_ascii().is_empty() && !error.is_data();
    Detail::BadJson(broken.then(|| json::place(body, error)))
}

/// Reads the body: its fields, of which `items` only say whether they are there, and the text of `items`.
///
/// # Errors
/// 400 when the body is of another type, is nested too deep, or is no object in JSON; 413 when it has too many values.
pub(crate) fn read(request: &Request) -> Result<(Fields, Option<&str>), Problem> {
    check_media(request)?;
    if count_values(&request.body) > MAX_VALUES {
        return Err(Detail::TooLarge.into());
    }
    json::check_depth(&request.body).map_err(|_| Detail::BadJson(None))?;
    let text = std::str::from_utf8(&request.body).map_err(|_| Detail::BadJson(json::broken_at(&request.body)))?;
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| unread(&request.body, &error))?;
    let mut fields = Map::new();
    for name in members.names {
        let text = match name {
            "items" => members.items,
            "mode" => members.mode,
            "capture_screenshot" => members.capture_screenshot,
            _ => members.source,
        };
        let value = match text {
            Some("null") | None => Value::Null,
            Some(text @ ("true" | "false")) => Value::Bool(text == "true"),
            // what it is when it is no string does not matter, and can be long
            Some(text) if name != "items" && text.starts_with('"') => {
                json::parse_any(text.as_bytes()).map_err(|_| Detail::BadJson(None))?
            }
            Some(_) if name == "items" => Value::Bool(true),
            Some(_) => Value::Array(Vec::new()),
        };
        fields.insert(name.to_owned(), value);
    }
    Ok((Fields::new(fields), members.items.filter(|items| *items != "null")))
}
