//! What must hold of the house: arrows that run one way, items where they are used, functions of a readable length.

mod circles;
mod lengths;
mod source;
mod users;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use self::source::{Names, Source};

/// Items of `shared` that one function crate alone uses and that stay there all the same, each with its reason.
const SINGLE_USERS: &str = include_str!("../../exceptions/single-users.txt");
/// Functions that may be longer than the rest, each with its reason.
const LONG_FUNCTIONS: &str = include_str!("../../exceptions/long-functions.txt");

/// What does not hold of the tree at `root`, a line each.
///
/// # Errors
/// When a file cannot be read, or is no Rust.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let libraries = [
        ("shared", "shared"),
        ("ranked", "shared/ranked"),
        ("engine", "engine"),
        ("engine_types", "engine/types"),
        ("local", "local"),
    ];
    let libraries: Vec<Source> = libraries
        .into_iter()
        .filter(|(_, folder)| root.join(folder).exists())
        .map(|(name, folder)| Source::read(name, &root.join(folder)))
        .collect::<io::Result<_>>()?;
    let functions = functions(root)?;
    let mut wrong = Vec::new();
    for source in libraries.iter().chain(&functions) {
        wrong.extend(told_circles(source));
    }
    wrong.extend(told_single_users(root, &libraries, &functions)?);
    wrong.extend(told_long_functions(root)?);
    Ok(wrong)
}

/// The function crates, by the names of their packages.
fn functions(root: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    for group in folders(&root.join("functions"))? {
        for folder in folders(&group)?.into_iter().filter(|folder| folder.join("Cargo.toml").exists()) {
            let name = format!("{}-{}", name_of(&group), name_of(&folder));
            found.push(Source::read(&name, &folder)?);
        }
    }
    Ok(found)
}

fn told_circles(source: &Source) -> Vec<String> {
    let told = |circle: Vec<Names>| {
        let ties = circle.iter().flat_map(|from| {
            let references = source.references(from, None).into_iter();
            references
                .filter(|(to, _)| to != from && circle.contains(to))
                .map(|(to, item)| format!("{} names {}::{item}", shown(from), shown(&to)))
                .collect::<Vec<_>>()
        });
        format!("{}: modules in a circle: {}", source.name, ties.collect::<Vec<_>>().join("; "))
    };
    circles::circles(source).into_iter().map(told).collect()
}

fn told_single_users(root: &Path, libraries: &[Source], functions: &[Source]) -> io::Result<Vec<String>> {
    let Some(shared) = libraries.iter().find(|source| source.name == "shared") else { return Ok(Vec::new()) };
    let mut others = Vec::new();
    for (name, folder) in [("local", "local"), ("harness", "tests"), ("xtask", "xtask")] {
        others.push(Source::read(name, &root.join(folder))?);
    }
    others.extend(tests(root)?);
    let mut exceptions = exceptions(SINGLE_USERS);
    let mut wrong = Vec::new();
    for ((module, item), user) in users::single_users(shared, functions, &others) {
        let name = format!("{}::{item}", shown(&module));
        if exceptions.remove(&*name).is_none() {
            wrong.push(format!("shared::{name} is used by {user} alone and belongs there"));
        }
    }
    let stale =
        |(name, _): (&str, &str)| format!("xtask/exceptions/single-users.txt: {name} needs no exception any more");
    wrong.extend(exceptions.into_iter().map(stale));
    Ok(wrong)
}

/// The files of the wire tests, each as a crate of its own.
fn tests(root: &Path) -> io::Result<Vec<Source>> {
    let mut files = Vec::new();
    for folder in ["tests/wire", "bench"] {
        rust_files(&root.join(folder), &mut files)?;
    }
    files.iter().map(|file| Source::read_file("test", file)).collect()
}

fn told_long_functions(root: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["shared/src", "engine", "local", "functions", "xtask/src"] {
        rust_files(&root.join(folder), &mut files)?;
    }
    let mut exceptions = exceptions(LONG_FUNCTIONS);
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| !is_test_file(file)) {
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        for long in lengths::long_functions(file)? {
            if exceptions.remove(&*format!("{shown}:{}", long.name)).is_none() {
                wrong.push(format!("{shown}: {} has {} lines, at most {}", long.name, long.lines, lengths::MAX_LINES));
            }
        }
    }
    let stale =
        |(name, _): (&str, &str)| format!("xtask/exceptions/long-functions.txt: {name} needs no exception any more");
    wrong.extend(exceptions.into_iter().map(stale));
    Ok(wrong)
}

/// The exceptions of a list: what is excepted, and why. Lines without a reason count for nothing.
fn exceptions(list: &str) -> BTreeMap<&str, &str> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).filter(|(_, reason)| !reason.trim().is_empty()).collect()
}

fn is_test_file(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests") || file.file_stem().is_some_and(|name| name == "tests")
}

fn shown(module: &Names) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("::") }
}

fn folders(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent)?.collect::<io::Result<Vec<_>>>()?;
    let mut folders: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

pub(crate) fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()? {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_in_order() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let wrong = check(root).unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
