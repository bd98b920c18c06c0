//! The paths that this API has (outsend 1): `build.rs` makes the table from the template.

use crate::http::routes::Row;

include!(concat!(env!("OUT_DIR"), "/outsend_routes.rs"));
