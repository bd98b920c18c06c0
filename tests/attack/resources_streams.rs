//! Many streams at once.
