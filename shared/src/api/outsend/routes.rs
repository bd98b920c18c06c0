//! The paths that this API has, for the 404 and 405 of everything else (outsend 1).

/// A path pattern and its methods; `*` stands for one segment.
const ROUTES: [(&str, &[&str]); 12] = [
    ("/api/auth/signup", &["POST"]),
    ("/api/auth/login", &["POST"]),
    ("/api/auth/logout", &["POST"]),
    ("/api/auth/me", &["GET"]),
    ("/api/auth/export", &["GET"]),
    ("/api/auth/password/change", &["POST"]),
    ("/api/auth/password/reset-request", &["POST"]),
    ("/api/auth/password/reset", &["POST"]),
    ("/api/auth/verify-email", &["POST"]),
    ("/api/auth/resend-verification", &["POST"]),
    ("/api/api-keys", &["GET", "POST"]),
    ("/api/api-keys/*", &["DELETE"]),
];

/// The methods of a path, in the alphabet's order; `None` when there is no such path.
pub(super) fn methods(path: &str) -> Option<&'static [&'static str]> {
    let segments: Vec<_> = path.split('/').collect();
    ROUTES.iter().find_map(|(pattern, methods)| {
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
        assert_eq!(methods("/api/api-keys"), Some(["GET", "POST"].as_slice()));
        assert_eq!(methods("/api/api-keys/x"), Some(["DELETE"].as_slice()));
        for unknown in ["/api", "/api/", "/api/auth/me/", "/api/api-keys/", "/api/api-keys/x/y", "/auth/me"] {
            assert_eq!(methods(unknown), None, "{unknown}");
        }
    }
}
