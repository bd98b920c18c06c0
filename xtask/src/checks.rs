//! Checks that take under two minutes: what is worth running before each commit.

use std::{fs, io, path::Path, process::Command};

use crate::{house, schemas};

/// Formatting, the house, views beside the documents, templates, documents and sample events.
///
/// # Errors
/// Says what does not hold.
pub(crate) fn check(root: &Path) -> Result<String, String> {
    run(root, "cargo", &["fmt", "--all", "--check"])?;
    let mut wrong = house::check(root).map_err(|error| error.to_string())?;
    wrong.extend(schemas::check(root).map_err(|error| error.to_string())?);
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    run(root, "checks/run", &[])?;
    Ok("all checks passed".to_owned())
}

/// All tests: those of a plain `cargo test`, then the unit tests of the functions that have some.
///
/// # Errors
/// When one fails.
pub(crate) fn test(root: &Path) -> Result<String, String> {
    run(root, "cargo", &["test"])?;
    let with_tests = functions_with_tests(root).map_err(|error| error.to_string())?;
    // beside a system that is built, the features of its packages stay those that it was built with
    let mut arguments = vec!["test", "--lib", "-p", "outscout", "-p", "outscout-tests"];
    arguments.extend(with_tests.iter().flat_map(|name| ["-p", name]));
    run(root, "cargo", &arguments)?;
    Ok("all tests passed".to_owned())
}

fn functions_with_tests(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for api in ["background", "openscouter", "outsend", "outset"] {
        for entry in fs::read_dir(root.join("functions").join(api))? {
            let entry = entry?;
            if has_tests(&entry.path().join("src"))? {
                found.push(format!("{api}-{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn has_tests(folder: &Path) -> io::Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let has = if path.is_dir() { has_tests(&path)? } else { fs::read_to_string(&path)?.contains("#[test]") };
        if has {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes the YAML form of the golden API documents.
///
/// # Errors
/// When the script fails.
pub(crate) fn openapi(root: &Path) -> Result<String, String> {
    run(root, "python3", &["openapi/render.py"])?;
    Ok("openapi/*.json have their examples, and openapi/*.yaml are written from them".to_owned())
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
