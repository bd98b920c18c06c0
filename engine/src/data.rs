//! Lists and signatures that a deployment adds to the shipped ones (outsend 11.6, 12.8).

use std::{fs, io, path::Path};

use crate::{lists, web};

/// The files that may have more entries, by the names and in the formats of `engine/data`.
pub const FILES: [&str; 10] = [
    "role.txt",
    "never.txt",
    "free_mail.txt",
    "first_names.txt",
    "big_providers.txt",
    "aggregators.txt",
    "disposable.txt",
    "parking.txt",
    "typos.txt",
    "places.txt",
];
/// The file of signatures.
pub const SIGNATURES: &str = "signatures.json";

/// Adds what the files of a folder hold, for the whole process; gives how many there are. Other files are left alone,
/// but for texts and JSON, whose names may be mistyped.
///
/// # Errors
/// Names the file that cannot be read or is not in its format. What comes before it in [`FILES`] is added.
pub fn add_folder(folder: &Path) -> Result<usize, String> {
    let read = |name: &str| match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    };
    let place = |error: io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(place)? {
        let name = entry.map_err(place)?.file_name().to_string_lossy().into_owned();
        let is_data = Path::new(&name).extension().is_some_and(|ending| ending == "txt" || ending == "json");
        if is_data && name != SIGNATURES && !FILES.contains(&name.as_str()) {
            return Err(format!("{name}: there is no list of this name"));
        }
    }
    let mut count = 0;
    for file in FILES {
        if let Some(text) = read(file)? {
            lists::add(file, &text)?;
            count += 1;
        }
    }
    if let Some(text) = read(SIGNATURES)? {
        web::add_signatures(&text).map_err(|why| format!("{SIGNATURES}: {why}"))?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_adds_what_its_files_hold() {
        let folder = std::env::temp_dir().join(format!("outscout-data-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        assert_eq!(add_folder(&folder), Ok(0));
        put("free_mail.txt", "# ours\nfolder-mail.test\n");
        put("signatures.json", "[]");
        put("README.md", "not read");
        put("places.txt", "shop=candles: folder candle\n");
        assert_eq!(add_folder(&folder), Ok(3));
        assert!(lists::is_free_mail("folder-mail.test"));
        put("signatures.json", "{}");
        assert_eq!(add_folder(&folder), Err("signatures.json: the file is no JSON array".to_owned()));
        put("aggregator.txt", "a.test");
        assert_eq!(add_folder(&folder), Err("aggregator.txt: there is no list of this name".to_owned()));
        fs::remove_dir_all(&folder).unwrap();
        assert!(add_folder(&folder).is_err());
    }
}
