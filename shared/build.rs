//! Makes the dialects' tables of paths from the APIs' templates, where each path and its methods are declared once.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use yaml_serde::Value;

/// The dialects that look paths up in a table; Outset's resources know their own methods.
const APIS: [&str; 2] = ["outsend", "openscouter"];

/// A path's methods. A parameter's name does not tell paths apart, and a literal goes before it, as at the gateway.
type Routes = BTreeMap<Vec<Segment>, BTreeSet<String>>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no output folder")?);
    for api in APIS {
        let template = format!("../functions/{api}/template.yaml");
        println!("cargo::rerun-if-changed={template}");
        let routes = routes(&yaml_serde::from_str(&fs::read_to_string(template)?)?)?;
        fs::write(out.join(format!("{api}_routes.rs")), table(&routes)?)?;
    }
    Ok(())
}

/// The paths and methods of a template's functions. What the fallback takes is what the API does not have.
fn routes(template: &Value) -> Result<Routes, Box<dyn Error>> {
    let mut routes = Routes::new();
    let resources = template.get("Resources").and_then(Value::as_mapping).ok_or("a template without resources")?;
    for properties in resources.values().filter_map(|resource| resource.get("Properties")) {
        let Some(code) = properties.get("CodeUri").and_then(Value::as_str) else { continue };
        if code.ends_with("-fallback") {
            continue;
        }
        let events = properties.get("Events").and_then(Value::as_mapping).ok_or(format!("{code} has no events"))?;
        for event in events.values().filter_map(|event| event.get("Properties")) {
            let part = |name: &str| event.get(name).and_then(Value::as_str).ok_or(format!("{code}: an event's {name}"));
            let segments = part("Path")?.split('/').map(segment).collect();
            routes.entry(segments).or_default().insert(part("Method")?.to_uppercase());
        }
    }
    Ok(routes)
}

fn segment(text: &str) -> Segment {
    if text.starts_with('{') { Segment::Parameter } else { Segment::Literal(text.to_owned()) }
}

/// The table in Rust, as `http::routes` reads it.
fn table(routes: &Routes) -> Result<String, std::fmt::Error> {
    let mut table = String::from("/// Paths and their methods, as the API's template declares them.\n");
    table.push_str("pub const ROUTES: &[Row] = &[\n");
    for (segments, methods) in routes {
        let segments: Vec<_> = segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text,
                Segment::Parameter => "*",
            })
            .collect();
        let methods: Vec<_> = methods.iter().collect();
        writeln!(table, "    ({:?}, &{methods:?}),", segments.join("/"))?;
    }
    table.push_str("];\n");
    let roots: BTreeSet<_> = routes.keys().filter_map(|segments| segments.get(1)).collect();
    let roots = roots.into_iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(format!("/{text}")),
        Segment::Parameter => None,
    });
    table.push_str("/// How paths of this API begin.\n");
    writeln!(table, "pub const ROOTS: &[&str] = &{:?};", roots.collect::<Vec<_>>())?;
    Ok(table)
}
