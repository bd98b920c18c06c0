//! Reading studies from files.

use std::{collections::HashSet, path::Path};

use csv::StringRecord;
use engine::table::{self, Places, Records, Told, decode};
use serde::Deserialize;
use serde_json::Value;
use shared::{
    model::{OrganizationId, Status, Study, StudyId, Task},
    outset::{datetime, text::Text, url},
};
use time::OffsetDateTime;

use crate::{faults, log::harmless};

/// One study of a file; what is missing gets a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: Option<String>,
    name: String,
    status: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    completion_url: Option<String>,
    target_url: Option<String>,
    #[serde(default)]
    tasks: Value,
}

/// Reads the studies of a `.json` file (an array, or an object with `studies`) or a `.csv` file (with a
/// header line; tasks separated by `|`).
///
/// # Errors
/// What is wrong with the file, and where.
pub fn read(file: &Path, organization: OrganizationId, now: OffsetDateTime) -> Result<Vec<Study>, String> {
    // what is told of a file holds parts of it
    studies(file, organization, now).map_err(|cause| harmless(&format!("{}: {cause}", file.display())))
}

fn studies(file: &Path, organization: OrganizationId, now: OffsetDateTime) -> Result<Vec<Study>, String> {
    let bytes = || std::fs::read(file).map_err(|error| error.to_string());
    let rows = match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => read_json(&decode(bytes()?).text)?,
        Some("csv") => read_csv(bytes()?)?,
        _ => return Err("the file's name must end in .json or .csv".to_owned()),
    };
    if rows.is_empty() {
        return Err("there is no row in it".to_owned());
    }
    let mut known = HashSet::new();
    let studies = rows.into_iter().enumerate();
    studies
        .map(|(position, row)| {
            let study = study(row, organization, now);
            let study = study.and_then(|study| {
                let new = known.insert(study.id);
                new.then_some(study.clone()).ok_or_else(|| format!("{} stands in the file twice", study.id))
            });
            study.map_err(|cause| format!("study {}: {cause}", position + 1))
        })
        .collect()
}

fn read_json(text: &str) -> Result<Vec<Row>, String> {
    let mut value = shared::json::parse(text.as_bytes()).map_err(|_| faults::no_json(text.as_bytes()))?;
    if let Some(studies) = value.get_mut("studies") {
        value = studies.take();
    }
    let Value::Array(studies) = value else {
        return Err("it is no list of studies: write [{…}, {…}]".to_owned());
    };
    let row =
        |(position, study)| serde_json::from_value(study).map_err(|error| format!("study {}: {error}", position + 1));
    studies.into_iter().enumerate().map(row).collect()
}

/// Studies are few and made by hand, so nothing of the file is left out or changed but blank lines and odd quotes.
fn read_csv(bytes: Vec<u8>) -> Result<Vec<Row>, String> {
    let mut records = Records::new(&table::Text::read(bytes).map_err(|cause| cause.to_string())?);
    let header = StringRecord::from(records.next_row().unwrap_or_default());
    let mut rows = Vec::new();
    while let Some(mut cells) = records.next_row() {
        let position = rows.len() + 1;
        if cells.len() > header.len() {
            return Err(format!("study {position}: it has {} cells, the header {}", cells.len(), header.len()));
        }
        cells.resize(header.len(), String::new());
        let row = StringRecord::from(cells).deserialize(Some(&header));
        rows.push(row.map_err(|error| format!("study {position}: {error}"))?);
    }
    let told = Told { blank_lines: 0, mended_quotes: Places::default(), ..records.told() }.sentences();
    if told.is_empty() { Ok(rows) } else { Err(told.join("; ")) }
}

/// Reads one study; the text says what is wrong with it.
fn study(row: Row, organization: OrganizationId, now: OffsetDateTime) -> Result<Study, String> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let time = |text: Option<String>, name: &str| match given(text) {
        None => Ok(None),
        Some(text) => datetime::parse_filter(&text).map(Some).ok_or_else(|| format!("{name} is not a date-time")),
    };
    let link = |text: Option<String>, name: &str| match text {
        None => Ok(None),
        Some(text) => url::check(&Text::from(text.as_str())).map_err(|_| format!("{name} is not a URL")),
    };
    let status = given(row.status).unwrap_or_else(|| "draft".to_owned());
    let status = Status::parse(&status).ok_or_else(|| format!("{status} is not a status"))?;
    let created_at = time(row.created_at, "created_at")?.unwrap_or(now);
    if row.name.is_empty() || row.name.chars().count() > 255 {
        return Err("name must have 1 to 255 characters".to_owned());
    }
    Ok(Study {
        id: match given(row.id) {
            None => StudyId::generate(),
            Some(id) => StudyId::parse(&id).ok_or_else(|| format!("{id} is not a study id"))?,
        },
        organization,
        name: row.name,
        status,
        paused_from: (status == Status::Paused).then_some(Status::Open),
        completion_url: link(row.completion_url, "completion_url")?,
        target_url: link(row.target_url, "target_url")?,
        tasks: tasks(&row.tasks)?,
        details: shared::model::Details::default(),
        created_at,
        updated_at: time(row.updated_at, "updated_at")?.unwrap_or(created_at),
        version: 1,
    })
}

/// Tasks are objects with a title, or titles; in CSV one text with `|` between titles.
fn tasks(value: &Value) -> Result<Vec<Task>, String> {
    let title = |value: &Value| {
        let title = value.as_str().or_else(|| value.get("title")?.as_str()).map(str::to_owned);
        title.map(Task::titled).ok_or_else(|| "a task is neither a text nor an object with a title".to_owned())
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(tasks) => tasks.iter().map(title).collect(),
        Value::String(text) => {
            let titles = text.split('|').map(str::trim).filter(|title| !title.is_empty());
            Ok(titles.map(Task::titled).collect())
        }
        Value::Number(number) => Ok(vec![Task::titled(number.to_string())]),
        _ => Err("tasks is not a list".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, text: &str) -> std::path::PathBuf {
        let file = std::env::temp_dir().join(format!("outscout-{}-{name}", uuid::Uuid::new_v4()));
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn json_and_csv_read_alike() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let organization = OrganizationId::generate();
        let id = "0b5e7c1a-4d2f-4e8c-9a6b-000000000001";
        let json = format!(
            r#"[{{"id":"{id}","name":"A","status":"open","created_at":"2025-07-01T12:00:00Z","tasks":["x","y"]}}]"#
        );
        let csv = format!("id,name,status,created_at,tasks\n{id},A,open,2025-07-01T12:00:00Z,x|y\n");
        let read = |file: std::path::PathBuf| read(&file, organization, now).unwrap();
        assert_eq!(read(write("a.json", &json)), read(write("a.csv", &csv)));
        let excel = format!(
            "\u{feff}sep=;\r\nid;name;status;created_at;tasks\r\n\r\n{id};A;open;2025-07-01T12:00:00Z;\"x|y\"\r\n"
        );
        assert_eq!(read(write("c.csv", &excel)), read(write("a.json", &json)));
        for (text, cause) in [
            ("name\nA,B\n\"C\n", "1 quote is never closed, in line 3: it stays in its cell"),
            ("name,status\nA,draft,x\n", "study 1: it has 3 cells, the header 2"),
            ("name,nonsense\nA,draft\n", "study 1: CSV deserialize error"),
            ("name,non\u{1b}[2Jsense\nA,draft\n", "study 1: CSV deserialize error"),
            ("name\n", "there is no row in it"),
            ("", "there is no row in it"),
        ] {
            refused(&write("d.csv", text), cause);
        }
        for (text, cause) in [
            (r#"[{"name":"A","status":"lost"}]"#, "study 1: lost is not a status"),
            (r#"[{"name":"A"},{}]"#, "study 2: missing field `name`"),
            (r#"{"name":"A"}"#, "it is no list of studies: write [{…}, {…}]"),
            ("[{\n]", "it is no JSON: it breaks in line 2, column 1"),
            ("[]", "there is no row in it"),
        ] {
            refused(&write("b.json", text), cause);
        }
        refused(Path::new("/nowhere/at/all.csv"), "No such file or directory");
        refused(Path::new("studies.xlsx"), "the file's name must end in .json or .csv");
    }

    /// What is said of a file that is refused names it, and leaves the terminal alone.
    fn refused(file: &Path, cause: &str) {
        let told = read(file, OrganizationId::generate(), OffsetDateTime::UNIX_EPOCH).unwrap_err();
        assert!(told.starts_with(&format!("{}: {cause}", file.display())) && !told.contains('\u{1b}'), "{told}");
    }
}
