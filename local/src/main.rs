//! The `outscout` command.

fn main() {}
