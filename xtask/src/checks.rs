//! Checks that take under two minutes: what is worth running before each commit.

use std::{path::Path, process::Command};

use crate::house;

/// Formatting, the house, templates, documents and sample events.
///
/// # Errors
/// Says what does not hold.
pub(crate) fn check(root: &Path) -> Result<String, String> {
    run(root, "cargo", &["fmt", "--all", "--check"])?;
    let wrong = house::check(root).map_err(|error| error.to_string())?;
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    run(root, "checks/run", &[])?;
    Ok("all checks passed".to_owned())
}

/// Writes the YAML form of the golden API documents.
///
/// # Errors
/// When the script fails.
pub(crate) fn openapi(root: &Path) -> Result<String, String> {
    run(root, "python3", &["openapi/render.py"])?;
    Ok("openapi/*.yaml are written from openapi/*.json".to_owned())
}

fn run(root: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = [&[program], arguments].concat().join(" ");
    let program = if program.contains('/') { root.join(program) } else { program.into() };
    let status = Command::new(program).args(arguments).current_dir(root).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}
