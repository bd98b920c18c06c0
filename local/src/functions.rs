//! The functions that the local system links: one for each crate under `functions/`.

use shared::serve::Function;

/// All functions.
pub const ALL: [Function; 22] = [
    background_work::FUNCTION,
    outsend_api_keys_create::FUNCTION,
    outsend_api_keys_delete::FUNCTION,
    outsend_api_keys_list::FUNCTION,
    outsend_auth_export::FUNCTION,
    outsend_auth_login::FUNCTION,
    outsend_auth_logout::FUNCTION,
    outsend_auth_me::FUNCTION,
    outsend_auth_password_change::FUNCTION,
    outsend_auth_password_reset::FUNCTION,
    outsend_auth_password_reset_request::FUNCTION,
    outsend_auth_resend_verification::FUNCTION,
    outsend_auth_signup::FUNCTION,
    outsend_auth_verify_email::FUNCTION,
    outsend_fallback::FUNCTION,
    outset_fallback::FUNCTION,
    outset_participant_complete::FUNCTION,
    outset_participant_start::FUNCTION,
    outset_schema_retrieve::FUNCTION,
    outset_studies_list::FUNCTION,
    outset_studies_retrieve::FUNCTION,
    outset_studies_update::FUNCTION,
];
