//! What a command reads: a file, or standard input.

use std::{
    io::{self, Read as _},
    path::Path,
};

use super::{output::Failed, remote::usage};

/// The bytes of a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| usage(&format!("{}: {error}", file.display())))?;
    Ok(bytes)
}
