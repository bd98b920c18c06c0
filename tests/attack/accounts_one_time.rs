//! What works once works once.
