//! The paths that an API has, for the 404 and 405 of everything else.

/// A path pattern and its methods; `*` stands for one segment.
pub type Row = (&'static str, &'static [&'static str]);

/// The methods of a path; `None` when there is no such path.
#[must_use]
pub fn methods(rows: &[Row], path: &str) -> Option<&'static [&'static str]> {
    let segments: Vec<_> = path.split('/').collect();
    rows.iter().find_map(|(pattern, methods)| {
        let pattern: Vec<_> = pattern.split('/').collect();
        let fits = pattern.len() == segments.len()
            && pattern
                .iter()
                .zip(&segments)
                .all(|(known, given)| known == given || (*known == "*" && !given.is_empty()));
        fits.then_some(*methods)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let rows: [Row; 2] = [("/api/keys", &["GET", "POST"]), ("/api/keys/*", &["DELETE"])];
        assert_eq!(methods(&rows, "/api/keys"), Some(["GET", "POST"].as_slice()));
        assert_eq!(methods(&rows, "/api/keys/x"), Some(["DELETE"].as_slice()));
        for unknown in ["/api", "/api/", "/api/keys/", "/api/keys/x/y", "/keys", "/api/Keys"] {
            assert_eq!(methods(&rows, unknown), None, "{unknown}");
        }
    }
}
