//! The paths that this API has (outsend 1).

use crate::api::routes::Row;

pub(super) const ROUTES: [Row; 13] = [
    ("/api/auth/signup", &["POST"]),
    ("/api/auth/login", &["POST"]),
    ("/api/auth/logout", &["POST"]),
    ("/api/auth/me", &["GET"]),
    ("/api/auth/export", &["GET"]),
    ("/api/auth/account", &["DELETE"]),
    ("/api/auth/password/change", &["POST"]),
    ("/api/auth/password/reset-request", &["POST"]),
    ("/api/auth/password/reset", &["POST"]),
    ("/api/auth/verify-email", &["POST"]),
    ("/api/auth/resend-verification", &["POST"]),
    ("/api/api-keys", &["GET", "POST"]),
    ("/api/api-keys/*", &["DELETE"]),
];
