//! What a reset ends.
