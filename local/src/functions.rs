//! The functions that the local system links: one for each crate under `functions/`.

use shared::serve::Function;

/// All functions.
pub const ALL: [Function; 7] = [
    outset_fallback::FUNCTION,
    outset_participant_complete::FUNCTION,
    outset_participant_start::FUNCTION,
    outset_schema_retrieve::FUNCTION,
    outset_studies_list::FUNCTION,
    outset_studies_retrieve::FUNCTION,
    outset_studies_update::FUNCTION,
];
