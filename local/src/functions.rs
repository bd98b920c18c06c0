//! The functions that the local system links. The build script makes the list of the folders under `functions/`.

use shared::lambda::Function;

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
