//! Lists the functions that the local system links: one for each crate under `functions/`, so that nobody keeps the
//! list by hand. The crates themselves are dependencies in `Cargo.toml`.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let functions = Path::new("../functions");
    println!("cargo::rerun-if-changed={}", functions.display());
    let mut crates = Vec::new();
    for group in folders(functions)? {
        println!("cargo::rerun-if-changed={}", group.display());
        for folder in folders(&group)?.into_iter().filter(|folder| folder.join("Cargo.toml").exists()) {
            crates.push(format!("{}_{}", name(&group), name(&folder)).replace('-', "_"));
        }
    }
    crates.sort();
    let mut list = String::from("/// The functions, one for each crate under `functions/`.\n");
    let _ = writeln!(list, "pub static ALL: [&dyn Function; {}] = [", crates.len());
    for name in crates {
        let _ = writeln!(list, "    &{name}::FUNCTION,");
    }
    list.push_str("];\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no output folder"))?;
    fs::write(PathBuf::from(out).join("functions.rs"), list)
}

fn folders(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
