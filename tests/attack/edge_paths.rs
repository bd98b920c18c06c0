//! Paths of nowhere.
