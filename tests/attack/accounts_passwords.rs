//! The strictest rule for passwords holds everywhere.
