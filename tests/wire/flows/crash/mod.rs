//! Servers that are killed.
#![cfg(unix)]

mod jobs;
mod sessions;
mod studies;
