//! A consent that was withdrawn, and items that have expired.
