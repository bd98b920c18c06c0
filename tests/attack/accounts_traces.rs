//! What is kept of attempts, and what is not.
