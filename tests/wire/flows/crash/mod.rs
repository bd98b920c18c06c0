//! Servers that are killed.
#![cfg(unix)]

mod jobs;
mod pipelines;
mod sessions;
mod studies;
mod world;
