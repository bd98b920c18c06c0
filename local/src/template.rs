//! The deployment templates are the route table of the local system, too: what is read of them here.

use std::{collections::BTreeMap, time::Duration};

use yaml_serde::Value;

const ROOT: &str = include_str!("../../template.yaml");
const OUTSET: &str = include_str!("../../functions/outset/template.yaml");
const OUTSEND: &str = include_str!("../../functions/outsend/template.yaml");
const OPENSCOUTER: &str = include_str!("../../functions/openscouter/template.yaml");

/// All templates that this binary was built with.
pub(crate) const TEXTS: [&str; 4] = [ROOT, OUTSET, OUTSEND, OPENSCOUTER];

/// Why a template cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not YAML.
    #[error("template is not YAML: {0}")]
    Yaml(#[from] yaml_serde::Error),
    /// Something that the local system needs is missing.
    #[error("template lacks {0}")]
    Missing(String),
}

/// One method of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Resource path as declared, without a final slash.
    pub resource: String,
    /// Method, or `ANY`.
    pub method: String,
    /// Crate name of the function.
    pub function: String,
    /// Whether its answers are streamed.
    pub streams: bool,
    /// Name of the authorizer in front of it.
    pub authorizer: Option<String>,
}

/// What a usage plan allows each of its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Requests a second.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// What the gateway answers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayResponse {
    /// Status.
    pub status: u16,
    /// Headers as declared: quoted text, in which `${PublicUrl}` may stand, or a context variable.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

/// One API.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// What the stage calls it.
    pub name: String,
    /// Routes.
    pub routes: Vec<Route>,
    /// Gateway responses by type.
    pub responses: BTreeMap<String, GatewayResponse>,
    /// Stage name.
    pub stage: String,
    /// Authorizers by name, with the header that a request must have to be shown to one.
    pub authorizers: BTreeMap<String, Option<String>>,
    /// Usage plans by name.
    pub plans: BTreeMap<String, Throttle>,
    /// Values of the pool keys, as they are declared, with the names of their plans.
    pub pool_keys: BTreeMap<String, String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name on a laptop: the logical id without its ending, in lower case.
    pub name: String,
    /// Partition key, then sort key, all of them strings.
    pub keys: Vec<String>,
    /// What the stream shows, if there is one.
    pub stream: Option<String>,
    /// Attribute that says when an item ends, in seconds since the Unix epoch.
    pub time_to_live: Option<String>,
}

/// All templates.
#[derive(Clone, Debug)]
pub struct Templates {
    /// Tables.
    pub tables: Vec<Table>,
    /// The Outset API.
    pub outset: Api,
    /// The Outsend API.
    pub outsend: Api,
    /// The OpenScouter API.
    pub openscouter: Api,
    /// Crate name of the function that is every API's authorizer.
    pub authorizer: String,
    /// How long an invocation of each function may take, by crate name.
    pub time_limits: BTreeMap<String, Duration>,
}

impl Templates {
    /// The templates that this binary was built with.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn embedded() -> Result<Self, TemplateError> {
        let mut time_limits = BTreeMap::new();
        for template in TEXTS {
            time_limits.extend(limits(template)?);
        }
        let (outset, outsend, openscouter) = (api(OUTSET)?, api(OUTSEND)?, api(OPENSCOUTER)?);
        let (tables, authorizer) = (tables(ROOT)?, authorizer(ROOT)?);
        Ok(Self { tables, outset, outsend, openscouter, authorizer, time_limits })
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(*name))
}

fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mapping = value.and_then(Value::as_mapping);
    mapping.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn resources(template: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(template.get("Resources"))
        .filter_map(|(name, resource)| Some((name, text(resource, &["Type"])?, resource.get("Properties")?)))
}

fn tables(template: &str) -> Result<Vec<Table>, TemplateError> {
    let template: Value = yaml_serde::from_str(template)?;
    let tables = resources(&template).filter(|(_, kind, _)| *kind == "AWS::DynamoDB::Table");
    tables
        .map(|(name, _, properties)| {
            let keys = at(properties, &["KeySchema"]).and_then(Value::as_sequence);
            let keys: Vec<_> =
                keys.into_iter().flatten().filter_map(|key| text(key, &["AttributeName"]).map(str::to_owned)).collect();
            if keys.is_empty() {
                return Err(TemplateError::Missing(format!("{name}.KeySchema")));
            }
            Ok(Table {
                name: name.trim_end_matches("Table").to_lowercase(),
                keys,
                stream: text(properties, &["StreamSpecification", "StreamViewType"]).map(str::to_owned),
                time_to_live: text(properties, &["TimeToLiveSpecification", "AttributeName"]).map(str::to_owned),
            })
        })
        .collect()
}

/// How long a function may take when its template does not say.
const TIME_LIMIT: u64 = 3;

fn limits(template: &str) -> Result<Vec<(String, Duration)>, TemplateError> {
    let template: Value = yaml_serde::from_str(template)?;
    let seconds = |value: &Value, path: &[&str]| at(value, path).and_then(Value::as_u64);
    let usual = seconds(&template, &["Globals", "Function", "Timeout"]).unwrap_or(TIME_LIMIT);
    let functions = resources(&template).filter(|(_, kind, _)| *kind == "AWS::Serverless::Function");
    functions
        .map(|(name, _, properties)| {
            let limit = seconds(properties, &["Timeout"]).unwrap_or(usual);
            Ok((crate_name(name, properties)?.to_owned(), Duration::from_secs(limit)))
        })
        .collect()
}

/// The function that the root hands to every API as its authorizer.
fn authorizer(template: &str) -> Result<String, TemplateError> {
    let template: Value = yaml_serde::from_str(template)?;
    let mut handed =
        resources(&template).filter_map(|(_, _, properties)| match at(properties, &["Parameters", "AuthorizerArn"])? {
            Value::Tagged(attribute) => attribute.value.as_str()?.strip_suffix(".Arn"),
            _ => None,
        });
    let missing = || TemplateError::Missing("AuthorizerArn".to_owned());
    let name = handed.next().ok_or_else(missing)?;
    let properties = at(&template, &["Resources", name, "Properties"]).ok_or_else(missing)?;
    Ok(crate_name(name, properties)?.to_owned())
}

fn api(template: &str) -> Result<Api, TemplateError> {
    let template: Value = yaml_serde::from_str(template)?;
    let mut api = Api::default();
    read_plans(&template, &mut api);
    for (name, kind, properties) in resources(&template) {
        match kind {
            "AWS::Serverless::Api" => {
                text(properties, &["StageName"]).unwrap_or("prod").clone_into(&mut api.stage);
                text(properties, &["Variables", "api"]).unwrap_or_default().clone_into(&mut api.name);
                for (name, declared) in members(at(properties, &["Auth", "Authorizers"])) {
                    let header = at(declared, &["Identity", "Headers"]).and_then(|headers| headers.get(0)?.as_str());
                    api.authorizers.insert(name.to_owned(), header.map(str::to_owned));
                }
                for (kind, response) in members(properties.get("GatewayResponses")) {
                    api.responses.insert(kind.to_owned(), gateway_response(kind, response)?);
                }
                for (path, operations) in members(at(properties, &["DefinitionBody", "paths"])) {
                    for (method, operation) in members(Some(operations)) {
                        api.routes.push(defined(&template, path, method, operation)?);
                    }
                }
            }
            "AWS::Serverless::Function" => api.routes.extend(events(name, properties)?),
            _ => {}
        }
    }
    let default = resources(&template).find_map(|(_, _, properties)| text(properties, &["Auth", "DefaultAuthorizer"]));
    for route in &mut api.routes {
        // a preflight has no credential to tell by
        let named = route.authorizer.take().or_else(|| default.map(str::to_owned));
        route.authorizer = named.filter(|_| route.method != "OPTIONS");
    }
    Ok(api)
}

/// The usage plans, and the keys that the template puts into them.
fn read_plans(template: &Value, api: &mut Api) {
    let reference = |value: Option<&Value>| match value {
        Some(Value::Tagged(reference)) => reference.value.as_str().map(str::to_owned),
        _ => None,
    };
    for (name, kind, properties) in resources(template) {
        let number = |member: &str| at(properties, &["Throttle", member]).and_then(Value::as_f64);
        if kind == "AWS::ApiGateway::UsagePlan"
            && let (Some(rate), Some(burst)) = (number("RateLimit"), number("BurstLimit"))
        {
            api.plans.insert(name.to_owned(), Throttle { rate, burst });
        }
        if kind == "AWS::ApiGateway::UsagePlanKey"
            && let Some(plan) = reference(properties.get("UsagePlanId"))
            && let Some(key) = reference(properties.get("KeyId"))
            && let Some(value) = reference(at(template, &["Resources", &key, "Properties", "Value"]))
        {
            api.pool_keys.insert(value, plan);
        }
    }
}

/// The routes that a function's events declare.
fn events(name: &str, properties: &Value) -> Result<Vec<Route>, TemplateError> {
    let function = crate_name(name, properties)?;
    let events = members(properties.get("Events")).map(|(_, event)| event);
    let events = events.filter(|event| text(event, &["Type"]) == Some("Api"));
    events
        .map(|event| {
            let part = |part: &str| {
                let found = text(event, &["Properties", part]);
                found.ok_or_else(|| TemplateError::Missing(format!("{name}.Events {part}")))
            };
            Ok(Route {
                resource: part("Path")?.to_owned(),
                method: part("Method")?.to_uppercase(),
                function: function.to_owned(),
                streams: text(event, &["Properties", "ResponseTransferMode"]) == Some("RESPONSE_STREAM"),
                authorizer: text(event, &["Properties", "Auth", "Authorizer"]).map(str::to_owned),
            })
        })
        .collect()
}

/// A route of the API's own definition, whose integration names the function.
fn defined(template: &Value, path: &str, method: &str, operation: &Value) -> Result<Route, TemplateError> {
    let missing = || TemplateError::Missing(format!("a function for {method} {path}"));
    let uri = at(operation, &["x-amazon-apigateway-integration", "uri"]);
    let uri = match uri {
        Some(Value::Tagged(substituted)) => substituted.value.as_str(),
        _ => None,
    };
    let named = uri.and_then(|uri| uri.split_once("functions/${")?.1.split_once(".Arn}"));
    let (name, _) = named.ok_or_else(missing)?;
    let properties = at(template, &["Resources", name, "Properties"]).ok_or_else(missing)?;
    let method = if method == "x-amazon-apigateway-any-method" { "ANY".to_owned() } else { method.to_uppercase() };
    let function = crate_name(name, properties)?.to_owned();
    Ok(Route { resource: path.to_owned(), method, function, streams: false, authorizer: None })
}

fn crate_name<'a>(name: &str, properties: &'a Value) -> Result<&'a str, TemplateError> {
    let code = text(properties, &["CodeUri"]).and_then(|uri| uri.rsplit('/').next());
    code.ok_or_else(|| TemplateError::Missing(format!("{name}.CodeUri")))
}

fn gateway_response(kind: &str, response: &Value) -> Result<GatewayResponse, TemplateError> {
    let status = at(response, &["StatusCode"]).and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let headers = members(at(response, &["ResponseParameters", "Headers"]));
    Ok(GatewayResponse {
        status: status.ok_or_else(|| TemplateError::Missing(format!("{kind}.StatusCode")))?,
        headers: headers.filter_map(|(name, value)| Some((name.to_owned(), header_value(value)?))).collect(),
        body: text(response, &["ResponseTemplates", "application/json"]).unwrap_or_default().to_owned(),
    })
}

/// A header's text. Of two, the first: it is for who knows the public URL, as a laptop does.
fn header_value(value: &Value) -> Option<String> {
    match value {
        Value::Tagged(chosen) if chosen.tag == "If" => header_value(chosen.value.get(1)?),
        Value::Tagged(substituted) => substituted.value.as_str().map(str::to_owned),
        plain => plain.as_str().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn templates_linked_functions_and_folders_agree() {
        let templates = Templates::embedded().unwrap();
        let apis =
            [("outset", &templates.outset), ("outsend", &templates.outsend), ("openscouter", &templates.openscouter)];
        let routes = apis.iter().flat_map(|(_, api)| &api.routes);
        let routed: BTreeSet<_> = routes.map(|route| route.function.clone()).collect();
        let linked: BTreeSet<_> = crate::functions::ALL.iter().map(|function| function.name().to_owned()).collect();
        // what no request reaches is in the root, which another test reads
        let linked: BTreeSet<_> = linked.into_iter().filter(|name| !name.starts_with("background-")).collect();
        let mut folders = BTreeSet::new();
        for (name, _) in apis {
            let folder = format!("{}/../functions/{name}", env!("CARGO_MANIFEST_DIR"));
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let of_api = entries.filter(|entry| entry.path().is_dir());
            folders.extend(of_api.map(|entry| format!("{name}-{}", entry.file_name().to_string_lossy())));
        }
        assert_eq!(routed, linked);
        assert_eq!(folders, linked);
        let names: Vec<_> = templates.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["main", "hot"]);
        assert_eq!(templates.outset.responses["MISSING_AUTHENTICATION_TOKEN"].status, 404);
    }

    #[test]
    fn what_stands_in_front_of_the_routes() {
        let templates = Templates::embedded().unwrap();
        assert_eq!(templates.authorizer, "background-authorizer");
        for (name, api) in
            [("outset", &templates.outset), ("outsend", &templates.outsend), ("openscouter", &templates.openscouter)]
        {
            assert_eq!((api.name.as_str(), api.plans.len(), api.pool_keys.len()), (name, 5, 16));
            for route in &api.routes {
                let expected = match (&*route.method, &*route.function) {
                    ("OPTIONS", _) => None,
                    (_, "openscouter-mcp") => Some("Mcp"),
                    _ => Some("Gateway"),
                };
                assert_eq!(route.authorizer.as_deref(), expected, "{} {}", route.method, route.resource);
            }
            assert_eq!(api.authorizers["Gateway"], None);
        }
        assert_eq!(templates.openscouter.authorizers["Mcp"].as_deref(), Some("Authorization"));
    }
}
