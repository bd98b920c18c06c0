//! The functions, by their names and by the routes that the gateway finds.

use std::sync::OnceLock;

use local::template::{Route, Templates};
use serde_json::{Map, Value};
use shared::lambda::Function;

/// A public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `/v1`.
    Outset,
    /// `/api` of the first party's own pages.
    Outsend,
    /// `/api` of research.
    OpenScouter,
}

/// What the templates say of an API's routes.
#[must_use]
pub fn routes(api: Api) -> &'static [Route] {
    static ROUTES: OnceLock<[Vec<Route>; 3]> = OnceLock::new();
    let all = ROUTES.get_or_init(|| {
        let templates = Templates::embedded().unwrap();
        [templates.outset.routes, templates.outsend.routes, templates.openscouter.routes]
    });
    &all[api as usize]
}

/// The resources of an API, in their order.
#[must_use]
pub fn resources(api: Api) -> Vec<&'static str> {
    let mut resources: Vec<_> = routes(api).iter().map(|route| route.resource.as_str()).collect();
    resources.sort_unstable();
    resources.dedup();
    resources
}

/// The function with a name.
#[must_use]
pub fn named(name: &str) -> &'static dyn Function {
    local::functions::ALL.into_iter().find(|known| known.name() == name).unwrap_or_else(|| panic!("no function {name}"))
}

/// The function that the gateway routes a request to.
#[must_use]
pub fn routed(api: Api, method: &str, path: &str) -> &'static dyn Function {
    let path = path.split('?').next().unwrap_or_default();
    named(local::routing::find(routes(api), method, path).unwrap().function)
}

/// The parameters that the gateway finds in a path of a function's routes.
pub(crate) fn path_parameters(function: &str, method: &str, path: &str) -> Map<String, Value> {
    let all = [Api::Outset, Api::Outsend, Api::OpenScouter].into_iter().flat_map(routes);
    let own: Vec<_> = all.filter(|route| route.function == function).cloned().collect();
    local::routing::find(&own, method, path).map(|found| found.parameters).unwrap_or_default()
}
