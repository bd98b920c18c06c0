//! Outsend, operation by operation.

mod api_keys_create;
mod api_keys_list;
mod auth_export;
mod auth_login;
mod auth_me;
mod auth_password_change;
mod auth_signup;
mod jobs_cancel;
mod jobs_create_typed;
mod jobs_delete;
mod jobs_list;
mod jobs_resume;
mod jobs_stream;
mod modules_registry_list;
mod rules;
