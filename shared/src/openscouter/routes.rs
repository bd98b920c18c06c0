//! The paths that this API has (openscouter 4): `build.rs` makes the table from the template.

use crate::http::routes::Row;

include!(concat!(env!("OUT_DIR"), "/openscouter_routes.rs"));
