//! The rows of the coverage test: who gets what of a new endpoint, taken from an endpoint with the same access.

use std::collections::BTreeSet;

use super::{Edit, Endpoint};

/// The methods of a grid, in its order.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE"];

/// The grid of an API.
pub(super) fn file(api: &str) -> String {
    format!("tests/wire/flows/coverage/coverage-{api}.golden")
}

/// What stands in the row of a route.
fn statuses<'a>(grid: &'a str, method: &str, path: &str) -> Result<&'a str, String> {
    let found = grid.lines().find_map(|line| {
        let (known, rest) = line.split_once(' ')?;
        let (resource, rest) = rest.trim_start().split_once(' ')?;
        (known == method && resource == path).then(|| rest.trim_start())
    });
    found.ok_or_else(|| format!("the grid has no row {method} {path}"))
}

/// Who may not is told so as before; for everybody else nothing is implemented.
fn unfinished(statuses: &str) -> String {
    let fields = statuses.split(' ').map(|field| match field.split_once('=') {
        Some((caller, status)) if !["401", "403"].contains(&status) => format!("{caller}=501"),
        _ => field.to_owned(),
    });
    fields.collect::<Vec<_>>().join(" ")
}

/// The grid with the rows of a new endpoint, and of the paths above it that were not there.
pub(super) fn with_rows(endpoint: &Endpoint<'_>, known: &BTreeSet<String>, grid: Edit) -> Result<Edit, String> {
    let (width, model) = match (endpoint.api, endpoint.method) {
        ("outsend", "GET") => (30, ("GET", "/api/auth/me")),
        ("outsend", _) => (30, ("POST", "/api/jobs/{job}/cancel")),
        (_, "GET") => (48, ("GET", "/api/sessions")),
        _ => (48, ("POST", "/api/jobs/{id}/launch")),
    };
    let text = grid.text.clone();
    let row = |method: &str, path: &str, statuses: &str| format!("{method:7} {path:width$} {statuses}");
    let own = row(endpoint.method, endpoint.path, &unfinished(statuses(&text, model.0, model.1)?));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if known.contains(endpoint.path) {
        let old = row(endpoint.method, endpoint.path, statuses(&text, endpoint.method, endpoint.path)?);
        let index = lines.iter().position(|line| *line == old);
        let index = index.ok_or_else(|| format!("the grid has no row {old}"))?;
        lines[index] = own;
        // with its first method a path is known, and the others are not allowed
        if statuses(&text, "PUT", endpoint.path)?.contains("right=404") {
            for method in METHODS.into_iter().filter(|method| *method != endpoint.method) {
                let old = row(method, endpoint.path, statuses(&text, method, endpoint.path)?);
                let new = row(method, endpoint.path, not_allowed(&text, method)?);
                lines.iter_mut().filter(|line| **line == old).for_each(|line| line.clone_from(&new));
            }
        }
        return Ok(Edit { text: lines.join("\n") + "\n", ..grid });
    }
    let mut added = Vec::new();
    for method in METHODS {
        let line = if method == endpoint.method {
            own.clone()
        } else {
            row(method, endpoint.path, not_allowed(&text, method)?)
        };
        added.push((endpoint.path.to_owned(), line));
    }
    for path in endpoint.new_parents(known) {
        for method in METHODS {
            added.push((path.clone(), row(method, &path, statuses(&text, method, "/api")?)));
        }
    }
    for (path, line) in added {
        let of = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let index = lines.iter().position(|known| of(known) > path).unwrap_or(lines.len());
        lines.insert(index, line);
    }
    Ok(Edit { text: lines.join("\n") + "\n", ..grid })
}

/// What callers get of a method that a known path does not have.
fn not_allowed<'a>(grid: &'a str, method: &str) -> Result<&'a str, String> {
    let reads = if grid.contains(" /api/auth/login ") { "/api/auth/login" } else { "/api/jobs/{id}/launch" };
    statuses(grid, method, if method == "POST" { "/api/auth/me" } else { reads })
}
