//! A store that misbehaves.

mod decisions;
mod dialects;
mod jobs;
mod outset;
mod studies;
