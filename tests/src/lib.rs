//! Tests that cross functions.
