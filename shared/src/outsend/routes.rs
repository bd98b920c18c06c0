//! The paths that this API has (outsend 1).

use crate::http::routes::Row;

/// The paths and their methods; `*` stands for one segment.
pub const ROUTES: [Row; 23] = [
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
    ("/api/jobs", &["GET", "POST"]),
    ("/api/jobs/resume", &["POST"]),
    ("/api/jobs/*", &["DELETE", "GET", "POST"]),
    ("/api/jobs/*/stream", &["GET"]),
    ("/api/jobs/*/download", &["GET"]),
    ("/api/jobs/*/items", &["GET"]),
    ("/api/jobs/*/report", &["GET"]),
    ("/api/jobs/*/cancel", &["POST"]),
    ("/api/modules-registry", &["GET"]),
    ("/api/modules-registry/*/interest", &["POST"]),
];
