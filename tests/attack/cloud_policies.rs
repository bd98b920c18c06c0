//! What the templates allow.
