//! The embedded store's port.
