//! Which route a path takes, as API Gateway decides it: the most specific resource wins.

use serde_json::{Map, Value};

use crate::template::Route;

/// A route that was found.
#[derive(Debug, PartialEq)]
pub struct Match<'a> {
    /// Resource as declared.
    pub resource: &'a str,
    /// Crate name of the function.
    pub function: &'a str,
    /// Whether its answers are streamed.
    pub streams: bool,
    /// Name of the authorizer in front of it.
    pub authorizer: Option<&'a str>,
    /// Values of the resource's parameters.
    pub parameters: Map<String, Value>,
}

/// How specific a segment is: a literal before a parameter before the rest of the path.
fn weight(pattern: &str) -> u8 {
    match pattern {
        greedy if greedy.ends_with("+}") => 0,
        parameter if parameter.starts_with('{') => 1,
        _ => 2,
    }
}

fn segments(path: &str) -> Vec<&str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    // one final slash does not make another resource
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() { Vec::new() } else { inner.split('/').collect() }
}

fn name_of(pattern: &str) -> String {
    pattern.trim_matches(['{', '}', '+']).to_owned()
}

fn matches(patterns: &[&str], path: &[&str]) -> Option<Map<String, Value>> {
    let mut parameters = Map::new();
    for (position, pattern) in patterns.iter().enumerate() {
        let segment = path.get(position)?;
        match weight(pattern) {
            0 => {
                let rest = path.get(position..).unwrap_or_default().join("/");
                parameters.insert(name_of(pattern), Value::from(rest));
                return Some(parameters);
            }
            1 if segment.is_empty() => return None,
            1 => {
                parameters.insert(name_of(pattern), Value::from(*segment));
            }
            _ if pattern == segment => {}
            _ => return None,
        }
    }
    (patterns.len() == path.len()).then_some(parameters)
}

/// The methods that API Gateway knows.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The route of a request: the most specific resource of its path, then a method of its own before `ANY`. A method that
/// API Gateway does not know, which it would refuse by itself, goes where OPTIONS goes.
#[must_use]
pub fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<Match<'a>> {
    let path = segments(path);
    let method = if METHODS.contains(&method) { method } else { "OPTIONS" };
    let found = routes.iter().filter_map(|route| {
        let patterns = segments(&route.resource);
        let parameters = matches(&patterns, &path)?;
        let specific: Vec<_> = patterns.iter().map(|pattern| weight(pattern)).collect();
        Some((specific, route, parameters))
    });
    let found: Vec<_> = found.collect();
    let most_specific = found.iter().map(|(specific, ..)| specific.clone()).max()?;
    let of_resource = found.into_iter().filter(|(specific, ..)| *specific == most_specific);
    let of_method = of_resource.filter(|(_, route, _)| route.method == method || route.method == "ANY");
    let (_, route, parameters) = of_method.max_by_key(|(_, route, _)| route.method != "ANY")?;
    let (resource, authorizer) = (&*route.resource, route.authorizer.as_deref());
    Some(Match { resource, function: &route.function, streams: route.streams, authorizer, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Templates;

    #[test]
    fn the_most_specific_resource_wins() {
        let templates = Templates::embedded().unwrap();
        let function =
            |method, path| find(&templates.outset.routes, method, path).map(|found| found.function.to_owned());
        for (method, path, expected) in [
            ("GET", "/v1/studies/", "outset-studies-list"),
            ("POST", "/v1/studies", "outset-studies-list"),
            ("PATCH", "/v1/studies/x", "outset-studies-update"),
            ("PUT", "/v1/studies/x/", "outset-studies-retrieve"),
            ("OPTIONS", "/v1/studies/x/", "outset-studies-retrieve"),
            ("TRACE", "/v1/studies/x/", "outset-studies-retrieve"),
            ("GET", "/v1//studies/", "outset-fallback"),
            ("GET", "/v1/studies//", "outset-fallback"),
            ("GET", "/v1/studies/x/y/", "outset-fallback"),
            ("GET", "/", "outset-fallback"),
            ("FOO", "/nope", "outset-fallback"),
            ("GET", "/interviews/public-surveys/x/start/", "outset-participant-start"),
            ("GET", "/interviews/x/complete/", "outset-participant-complete"),
        ] {
            assert_eq!(function(method, path).as_deref(), Some(expected), "{method} {path}");
        }
        assert_eq!(find(&[], "GET", "/"), None);
        let function =
            |method, path| find(&templates.openscouter.routes, method, path).map(|found| found.function.to_owned());
        for (method, path, expected) in [
            ("GET", "/api/tokens", "openscouter-tokens-list"),
            ("POST", "/api/tokens", "openscouter-tokens-create"),
            ("PUT", "/api/tokens", "openscouter-fallback"),
            ("OPTIONS", "/api/tokens", "openscouter-fallback"),
            ("FOO", "/api/tokens", "openscouter-fallback"),
            ("GET", "/api/reports/job", "openscouter-reports-get"),
            ("POST", "/api/reports/job/x", "openscouter-reports-study-create"),
            ("GET", "/api/reports/x/page", "openscouter-reports-page"),
            ("GET", "/nope", "openscouter-fallback"),
        ] {
            assert_eq!(function(method, path).as_deref(), Some(expected), "{method} {path}");
        }
    }
}
