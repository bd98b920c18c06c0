//! The tests mirror the functions: each function has its file and, when it answers requests, its snapshot.

use std::{collections::BTreeSet, fs, path::Path};

/// The names of a folder's files that end so, with the words of operations.
fn names(folder: &Path, end: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|file| Some(file.strip_suffix(end)?.replace('_', "-"))).filter(|name| name != "mod").collect()
}

#[test]
fn each_function_has_its_file_and_its_snapshot() {
    for api in ["background", "openscouter", "outsend", "outset"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire").join(api);
        let prefix = format!("{api}-");
        let operations = local::functions::ALL.into_iter().filter_map(|known| known.name().strip_prefix(&prefix));
        let operations: BTreeSet<_> = operations.map(str::to_owned).collect();
        assert_eq!(names(&folder, ".rs"), operations, "a file in tests/wire/{api} for each function, and no other");
        if api == "background" {
            continue;
        }
        for operation in &operations {
            let file = format!("{}.rs", operation.replace('-', "_"));
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            let call = format!("snapshot!(\"{operation}\", ");
            assert_eq!(text.matches(&call).count(), 1, "tests/wire/{api}/{file} compares one answer: {call}&answer)");
        }
        let kept = names(&folder.join("snapshots"), ".snap");
        assert_eq!(kept, operations, "a snapshot for each function, and no stale one; `INSTA_UPDATE=always` writes it");
    }
}
