//! The parameters of each module, as a node's `config` has them (outsend 12, 14.1): one table that judges them and tells
//! what they are.

use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::{model::Module, outsend::messages::Fault};

/// Most bytes of a pasted table (outsend 12.2).
const MAX_TEXT: usize = 2 * 1024 * 1024;
/// Most rows of anything.
const MAX_ROWS: i64 = 2_000_000;

/// What a value may be.
#[derive(Clone, Copy)]
enum Kind {
    Text(usize, usize),
    Flag,
    Integer(i64, i64),
    Number(f64, f64),
    OneOf(&'static [&'static str], &'static str),
    /// Texts: how many, and how long each is.
    Texts((usize, usize), (usize, usize)),
    Object(&'static [Parameter]),
}

/// A parameter.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    kind: Kind,
    needed: bool,
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, needed: false }
}

const fn needed(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, needed: true }
}

const COLUMN: Parameter = optional("column", Kind::Text(0, 200));
const WORDS: Kind = Kind::Texts((0, 1_000), (0, 200));

const SCRAP: &[Parameter] = &[
    needed("queries", Kind::Texts((1, 20), (1, 200))),
    needed("zones", Kind::Texts((1, 50), (1, 120))),
    optional("include_reviews", Kind::Flag),
    optional("country", Kind::Text(3, 3)),
    optional("stop_at", Kind::Integer(0, MAX_ROWS)),
    optional("scrap_mode", Kind::OneOf(&["fast", "normal", "ultra"], "fast, normal, ultra")),
];
/// Beside them one of `text`, `url` and `from_job_id` is needed, which `source` names.
const IMPORT: &[Parameter] = &[optional("source", Kind::OneOf(&["paste", "url", "from_job"], "paste, url, from_job"))];
const EMAILS: &[Parameter] = &[optional("mode", Kind::OneOf(&["normal", "deep"], "normal, deep"))];
const BRAND_ASSETS: &[Parameter] = &[optional("capture_screenshot", Kind::Flag)];
const SORT: &[Parameter] = &[
    optional(
        "sort_by",
        Kind::OneOf(
            &["completeness", "note", "nb_avis", "email_quality"],
            "completeness, note, nb_avis, email_quality",
        ),
    ),
    optional("direction", Kind::OneOf(&["asc", "desc"], "asc, desc")),
    optional("top_n", Kind::Integer(1, MAX_ROWS)),
];
const FILTER: &[Parameter] = &[
    optional("require_phone", Kind::Flag),
    optional("require_site", Kind::Flag),
    optional("require_email", Kind::Flag),
    optional("exclude_aggregators", Kind::Flag),
    optional("alive_only", Kind::Flag),
    optional("has_personal_email", Kind::Flag),
    optional("rating_min", Kind::Number(f64::MIN, f64::MAX)),
    optional("reviews_min", Kind::Integer(i64::MIN, i64::MAX)),
    optional(
        "phone_prefix",
        Kind::Object(&[COLUMN, needed("prefixes", WORDS), optional("prefix_unparseable_keep", Kind::Flag)]),
    ),
    optional(
        "email_domain",
        Kind::Object(&[
            COLUMN,
            optional("include", WORDS),
            optional("exclude", WORDS),
            optional("reject_disposable", Kind::Flag),
        ]),
    ),
    optional("category", Kind::Object(&[COLUMN, needed("values", WORDS)])),
    optional("dedup_column", Kind::Text(0, 200)),
    optional("sample_type", Kind::OneOf(&["n", "pct", ""], "n, pct, \"\"")),
    optional("sample_n", Kind::Integer(1, MAX_ROWS)),
    optional("sample_pct", Kind::Number(0.0, 100.0)),
    optional("sample_seed", Kind::Integer(i64::MIN, i64::MAX)),
];

const fn table(module: Module) -> &'static [Parameter] {
    match module {
        Module::Scrap => SCRAP,
        Module::Import => IMPORT,
        Module::Emails => EMAILS,
        Module::BrandAssets => BRAND_ASSETS,
        Module::Sort => SORT,
        Module::Filter => FILTER,
        _ => &[],
    }
}

/// The parameter that an import's `source` asks for.
fn of_source(config: &Map<String, Value>) -> Option<Parameter> {
    match config.get("source").and_then(Value::as_str).unwrap_or("paste") {
        "paste" => Some(needed("text", Kind::Text(1, MAX_TEXT))),
        "url" => Some(needed("url", Kind::Text(1, 2_048))),
        "from_job" => Some(needed("from_job_id", Kind::Text(1, 64))),
        _ => None,
    }
}

/// What is wrong with the `config` of a node: each parameter's path in it, and the fault.
#[must_use]
pub fn judge(module: Module, config: &Map<String, Value>) -> Vec<(String, Fault)> {
    let mut faults = Vec::new();
    judge_members(table(module), config, "", &mut faults);
    if module == Module::Import
        && let Some(parameter) = of_source(config)
    {
        judge_members(&[parameter], config, "", &mut faults);
        if faults.is_empty()
            && parameter.name == "url"
            && !config.get("url").and_then(Value::as_str).is_some_and(is_address)
        {
            faults.push(("url".to_owned(), Fault::Format));
        }
    }
    // in the body's order; what is lacking keeps its place in the table, behind
    let place = |(name, _): &(String, Fault)| {
        let first = name.split('.').next().unwrap_or_default();
        let sent = config.keys().position(|key| key == first);
        (sent.is_none(), sent)
    };
    faults.sort_by_key(place);
    faults
}

/// Whether a table may be fetched there, by the form of the URL alone: https, or http of this machine, whose addresses
/// only those of `CRAWL_ALLOW_HOSTS` are ever connected to (outsend 11.5, 12.2).
fn is_address(text: &str) -> bool {
    let is_loopback = |url: &Url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    Url::parse(text.trim()).is_ok_and(|url| match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(&url),
        _ => false,
    })
}

fn judge_members(table: &[Parameter], given: &Map<String, Value>, path: &str, faults: &mut Vec<(String, Fault)>) {
    for parameter in table {
        let path = format!("{path}{}", parameter.name);
        match given.get(parameter.name).filter(|value| !value.is_null()) {
            Some(value) => judge_value(parameter.kind, value, path, faults),
            None if parameter.needed => faults.push((path, Fault::Required)),
            None => {}
        }
    }
}

fn judge_value(kind: Kind, value: &Value, path: String, faults: &mut Vec<(String, Fault)>) {
    let fault = match (kind, value) {
        (Kind::Text(min, max), Value::String(text)) => {
            // so long a text is counted as it is sent
            let length = if max == MAX_TEXT { text.len() } else { text.chars().count() };
            // in a table what stands for half a surrogate pair is one place that cannot be read
            let half = max != MAX_TEXT && text.contains('\0');
            if half {
                Some(Fault::Format)
            } else {
                (!(min..=max).contains(&length)).then_some(Fault::Characters(min, max))
            }
        }
        (Kind::Text(..) | Kind::OneOf(..), other) if !other.is_string() => Some(Fault::Type("string")),
        (Kind::OneOf(names, shown), other) => {
            let known = other.as_str().is_some_and(|text| names.contains(&text));
            (!known).then_some(Fault::OneOf(shown))
        }
        (Kind::Flag, other) => (!other.is_boolean()).then_some(Fault::Type("boolean")),
        (Kind::Integer(min, max), other) => match other.as_i64() {
            Some(number) => (!(min..=max).contains(&number)).then_some(Fault::Between(min, max)),
            None if other.is_u64() => Some(Fault::Between(min, max)),
            None => Some(Fault::Type("integer")),
        },
        (Kind::Number(min, max), other) => match other.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "bounds are small and whole where they are told")]
            Some(number) => (!(min..=max).contains(&number)).then_some(Fault::Between(min as i64, max as i64)),
            None => Some(Fault::Type("number")),
        },
        (Kind::Texts(entries, lengths), Value::Array(values)) => {
            if (entries.0..=entries.1).contains(&values.len()) {
                for (index, value) in values.iter().enumerate() {
                    judge_entry(lengths, value, format!("{path}.{index}"), faults);
                }
                None
            } else {
                Some(Fault::Entries(entries.0, entries.1))
            }
        }
        (Kind::Texts(..), _) => Some(Fault::Type("list")),
        (Kind::Object(members), Value::Object(given)) => {
            judge_members(members, given, &format!("{path}."), faults);
            None
        }
        (Kind::Object(_), _) => Some(Fault::Type("object")),
        (Kind::Text(..), _) => None,
    };
    faults.extend(fault.map(|fault| (path, fault)));
}

fn judge_entry((min, max): (usize, usize), value: &Value, path: String, faults: &mut Vec<(String, Fault)>) {
    match value.as_str() {
        Some(text) if text.contains('\0') => faults.push((path, Fault::Format)),
        Some(text) if (min..=max).contains(&text.trim().chars().count()) => {}
        Some(_) => faults.push((path, Fault::Characters(min, max))),
        None => faults.push((path, Fault::Type("string"))),
    }
}

/// The JSON Schema of a module's `config` (outsend 14.5).
#[must_use]
pub fn schema(module: Module) -> Value {
    let mut schema = schema_of(table(module));
    if module == Module::Import {
        let sources = [("text", MAX_TEXT), ("url", 2_048), ("from_job_id", 64)];
        for (name, max) in sources {
            schema["properties"][name] = json!({"type": "string", "minLength": 1, "maxLength": max});
        }
    }
    schema
}

fn schema_of(table: &[Parameter]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in table {
        properties.insert(parameter.name.to_owned(), schema_of_value(parameter.kind));
        if parameter.needed {
            required.push(parameter.name);
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn schema_of_value(kind: Kind) -> Value {
    let text = |(min, max): (usize, usize)| json!({"type": "string", "minLength": min, "maxLength": max});
    match kind {
        Kind::Text(min, max) => text((min, max)),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Integer(i64::MIN, _) => json!({"type": "integer"}),
        Kind::Integer(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Number(min, _) if min < -1e300 => json!({"type": "number"}),
        Kind::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
        Kind::OneOf(names, _) => json!({"type": "string", "enum": names}),
        Kind::Texts((min, max), lengths) => {
            json!({"type": "array", "minItems": min, "maxItems": max, "items": text(lengths)})
        }
        Kind::Object(members) => schema_of(members),
    }
}
