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
    assert!(grid == expected, "{name} differs; if the change is meant, run with OUTSCOUT_REFRESH=1:\n{grid}");
}
