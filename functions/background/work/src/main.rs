//! The Lambda binary.

use std::{io::Write as _, path::Path, process::ExitCode};

use shared::config::Settings;

fn main() -> ExitCode {
    let folder = Settings::variable("OUTSCOUT_DATA_FOLDER").filter(|folder| !folder.is_empty());
    if let Err(why) = background_work::add_data(folder.as_deref().map(Path::new)) {
        let _ = writeln!(std::io::stderr(), "{why}");
        return ExitCode::FAILURE;
    }
    shared::lambda::run(&background_work::FUNCTION)
}
