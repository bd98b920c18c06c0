//! Cells that a spreadsheet takes for formulas.

use engine::Module;
use harness::outsend::jobs::World;
use serde_json::{Value, json};

/// What a spreadsheet may take for a formula, or for the begin of a cell of its own, in whatever disguise.
const HOSTILE: &[&str] = &[
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\nx",
    "\r\n=1",
    " =1",
    " \t=1",
    "\u{a0}=1",
    "\u{3000}@x",
    "\u{200b}=1",
    "\u{2060}=1",
    "\u{ad}=1",
    "\u{200e}=1",
    "\u{feff}=1",
    "\u{7f}=1",
    "\u{1}=1",
    "\"=1",
    "'=1",
    "''@x",
    "\u{ff1d}1+1",
    "\u{ff0b}1+1",
    "\u{ff0d}1+1",
    "\u{ff20}SUM(A1)",
    " \u{ff1d}1",
    "\u{fe66}1",
    "\u{fe62}1",
    "\u{fe63}1",
    "\u{fe6b}x",
    "\u{2212}1+1",
    "\u{207a}1",
    "-1,5,=1",
    "+33 6 12 34 56 78",
];

/// What stays as it is.
const HARMLESS: &[&str] =
    &["-1.5", "+33612345678", "-1,5e-3", "a=1", "x", "'x", " x ", "12 rue X, Paris", "a\tb", "3-4"];

/// The fields of a file, as RFC 4180 has them.
fn parsed(file: &str, separator: char) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = file.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            c if c == separator && !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    records
}

/// A job over these cells, and the file that comes of it.
async fn downloaded(world: &World, cells: &[&str], format: &str) -> Vec<u8> {
    let rows = cells.iter().enumerate();
    let items: Vec<Value> =
        rows.map(|(row, cell)| json!({"email": format!("u{row}@one.test"), "x": cell, "y": [cell, "b"]})).collect();
    let made = world.post("/api/jobs/verify-emails", &json!({"items": items})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    world.get(&format!("/api/jobs/{id}/download?format={format}")).await.bytes
}

#[tokio::test]
async fn no_cell_of_a_csv_file_begins_a_formula() {
    let world = World::start().await;
    let file = String::from_utf8(downloaded(&world, HOSTILE, "csv").await).unwrap();
    let records = parsed(&file, ';');
    assert_eq!(records.len(), HOSTILE.len() + 1);
    for (cell, record) in HOSTILE.iter().zip(&records[1..]) {
        assert_eq!(record[1], format!("'{cell}"), "a cell");
        assert_eq!(record[2], format!("'{cell} | b"), "a list");
    }
    let file = String::from_utf8(downloaded(&world, HARMLESS, "csv").await).unwrap();
    for (cell, record) in HARMLESS.iter().zip(&parsed(&file, ';')[1..]) {
        assert_eq!(record[1], *cell, "nothing is done to what is harmless");
    }
}

#[tokio::test]
async fn a_header_is_a_cell_too() {
    let world = World::start().await;
    let items = json!([{"email": "a@one.test", "\u{ff1d}1": 1, " @x": 2, "\n=y": 3, "a,b": 4}]);
    let made = world.post("/api/jobs/verify-emails", &json!({"items": items})).await.json();
    world.settle().await;
    let file = world.get(&format!("/api/jobs/{}/download?format=csv", made["id"].as_str().unwrap())).await.body;
    let header = &parsed(&file, ';')[0];
    assert_eq!(header[1..5], ["'\u{ff1d}1", "' @x", "'\n=y", "a,b"]);
    assert!(file.contains(";\"a,b\";"), "{file}");
}

#[tokio::test]
async fn whatever_separates_is_quoted() {
    let world = World::start().await;
    let cells = ["a,=1", "a;=1", "a\t=1", "a\n=1", "a\r=1", "a\"=1", "-1,5"];
    let file = String::from_utf8(downloaded(&world, &cells, "csv").await).unwrap();
    for cell in cells {
        let quoted = format!("\"{}\"", cell.replace('"', "\"\""));
        assert!(file.contains(&format!(";{quoted};")), "{cell:?} is not quoted in {file}");
    }
}

#[tokio::test]
async fn a_file_that_is_read_again_gives_the_same_cells() {
    let world = World::start().await;
    for cells in [HOSTILE, HARMLESS] {
        let file = String::from_utf8(downloaded(&world, cells, "csv").await).unwrap();
        let job = world.create(Module::Import, json!({"source": "paste", "text": file}), None).await;
        world.settle().await;
        let rows = world.rows(&job.id.to_string()).await;
        assert_eq!(rows.len(), cells.len());
        for (cell, row) in cells.iter().zip(&rows) {
            assert_eq!(row["x"], *cell);
        }
    }
}

#[tokio::test]
async fn cells_of_a_workbook_are_texts() {
    let world = World::start().await;
    let file = downloaded(&world, HOSTILE, "xlsx").await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).unwrap();
    let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    assert!(sheet.contains("<t>=1+1</t>"), "{sheet}");
    assert!(!sheet.contains("<f>") && !sheet.contains("t=\"str\""), "{sheet}");
}
