//! Nested bodies.
