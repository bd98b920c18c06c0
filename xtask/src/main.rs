//! `cargo xtask`: what developers of outscout have done for them.

mod checks;
mod endpoint;
mod house;
mod schemas;

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

const USAGE: &str = "\
cargo xtask new-endpoint <api> <operation> <METHOD> <path>
    Makes an endpoint that answers 501: its crate, template entry, sample event, operation, wire test and golden rows.
    <api> is outsend or openscouter; <path> is written as in the template, e.g. /api/jobs/{id}/launch.
cargo xtask check
    What must hold before a commit and takes under two minutes: formatting, the house, templates, documents, events.
cargo xtask test
    All tests: those of `cargo test`, and the unit tests of the functions that have some.
cargo xtask openapi
    Writes the YAML form of the golden API documents from their JSON.
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["new-endpoint", api, operation, method, path] => {
            let made = endpoint::create(root, endpoint::Endpoint { api, operation, method, path });
            made.map(|text| match checks::openapi(root) {
                Ok(_) => text,
                Err(error) => format!("{text} Write the document's YAML with `cargo xtask openapi`, too ({error})."),
            })
        }
        ["check"] => checks::check(root),
        ["test"] => checks::test(root),
        ["openapi"] => checks::openapi(root),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(text) => {
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}
