//! Grids that are golden files beside their tests.

/// The methods that grids ask about.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE"];

/// Compares a grid with the golden file of a name under `tests/wire/`, or writes it when `OUTSCOUT_REFRESH` is set.
///
/// # Panics
/// When they differ.
pub fn golden(name: &str, grid: &str) {
    let file = format!("{}/wire/{name}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("OUTSCOUT_REFRESH").is_ok() {
        std::fs::write(&file, grid).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let only = |one: &str, other: &str| -> Vec<String> {
        let known: std::collections::HashSet<_> = other.lines().collect();
        one.lines().filter(|line| !known.contains(line)).map(str::to_owned).collect()
    };
    let (new, old) = (only(grid, &expected), only(&expected, grid));
    assert!(
        grid == expected,
        "{name} differs; if the change is meant, run with OUTSCOUT_REFRESH=1:\nnow {new:#?}\nbefore {old:#?}"
    );
}

/// Compares tables with those of a document, which stand between `<!-- measured: name -->` and `<!-- end -->`, or writes
/// them when `OUTSCOUT_REFRESH` is set. Numbers may differ a little: by 8 % and a tenth: what the background joins to one write depends on its races.
///
/// # Panics
/// When they differ by more.
pub fn measured(document: &str, tables: &[(&str, String)]) {
    let file = format!("{}/../{document}", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&file).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let refresh = std::env::var("OUTSCOUT_REFRESH").is_ok();
    let mut differing = Vec::new();
    for (name, table) in tables {
        let open = format!("<!-- measured: {name} -->\n");
        let start = text.find(&open).unwrap_or_else(|| panic!("{document} has no table {name}")) + open.len();
        let end = start + text[start..].find("<!-- end -->").unwrap();
        if refresh {
            text.replace_range(start..end, table);
        } else if !alike(&text[start..end], table) {
            differing.push(format!("{name}:\n{table}"));
        }
    }
    if refresh {
        std::fs::write(&file, text).unwrap();
    }
    let told = differing.join("\n");
    assert!(told.is_empty(), "{document} differs; if the change is meant, run with OUTSCOUT_REFRESH=1:\n{told}");
}

/// Whether two tables say the same, numbers but for a little.
fn alike(one: &str, other: &str) -> bool {
    let words = |text: &'_ str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let number = |word: &str| word.trim_start_matches('$').trim_end_matches('%').replace(',', "").parse::<f64>().ok();
    let (one, other) = (words(one), words(other));
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| match (number(one), number(other)) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.1 + 0.08 * a.abs().max(b.abs()),
            _ => one == other,
        })
}
