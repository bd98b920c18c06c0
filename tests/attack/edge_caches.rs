//! Answers that a shared cache may keep.
