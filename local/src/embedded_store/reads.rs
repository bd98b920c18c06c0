//! Reads by key, past the engine: it has one connection for everybody, prepares each statement anew and takes every item
//! apart and puts it together again. SQLite lets others read beside a writer, and an item stands in its row as it is
//! answered. What is asked in any other way is the engine's.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde::Deserialize;

use crate::template::Table;

/// Longest keys, in bytes (DynamoDB's limits).
const MAX_KEYS: (usize, usize) = (2048, 1024);
/// Keys of one `BatchGetItem`.
const BATCH: usize = 100;
/// Bytes of an answer to it; DynamoDB leaves out what is more than 16 MB.
const MAX_BATCH: usize = 8 * 1024 * 1024;
/// Connections that are kept.
const KEPT: usize = 8;

/// Reads of one store's file.
#[derive(Debug)]
pub(super) struct Reads {
    file: PathBuf,
    /// What selects an item of each table.
    statements: HashMap<String, String>,
    idle: Mutex<Vec<Connection>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetItem<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow)]
    key: Key<'a>,
    #[serde(default, rename = "ConsistentRead")]
    _consistent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BatchGetItem<'a> {
    #[serde(borrow)]
    request_items: HashMap<Cow<'a, str>, Keys<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Keys<'a> {
    #[serde(borrow)]
    keys: Vec<Key<'a>>,
    #[serde(default, rename = "ConsistentRead")]
    _consistent: bool,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Key<'a> {
    #[serde(borrow)]
    pk: Text<'a>,
    #[serde(borrow)]
    sk: Text<'a>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(rename = "S", borrow)]
    text: Cow<'a, str>,
}

impl Key<'_> {
    fn is_plain(&self) -> bool {
        let fits = |text: &Text<'_>, most| (1..=most).contains(&text.text.len());
        fits(&self.pk, MAX_KEYS.0) && fits(&self.sk, MAX_KEYS.1)
    }
}

impl Reads {
    /// Reads of `tables` in `file`.
    pub(super) fn new(file: &Path, tables: &[Table]) -> Self {
        let tables = tables.iter().filter(|table| table.keys == ["pk", "sk"]);
        let statement =
            |name: &str| format!(r#"SELECT item_json FROM "{}" WHERE pk = ?1 AND sk = ?2"#, name.replace('"', "\"\""));
        let statements = tables.map(|table| (table.name.clone(), statement(&table.name))).collect();
        Self { file: file.to_owned(), statements, idle: Mutex::default() }
    }

    /// The answer to a request; `None` when it is the engine's to answer, or to refuse.
    pub(super) fn answer(&self, operation: &str, body: &[u8]) -> Option<String> {
        match operation {
            "GetItem" => self.one(&serde_json::from_slice(body).ok()?),
            "BatchGetItem" => self.batch(&serde_json::from_slice(body).ok()?),
            _ => None,
        }
    }

    fn one(&self, asked: &GetItem<'_>) -> Option<String> {
        let statement = self.statements.get(asked.table_name.as_ref())?;
        if !asked.key.is_plain() {
            return None;
        }
        self.reading(|connection| {
            let mut answer = String::from(r#"{"Item":"#);
            if append(connection, statement, &asked.key, &mut answer)? {
                answer.push('}');
                Ok(answer)
            } else {
                Ok("{}".to_owned())
            }
        })
    }

    fn batch(&self, asked: &BatchGetItem<'_>) -> Option<String> {
        let mut tables = asked.request_items.iter();
        let ((name, Keys { keys, .. }), None) = (tables.next()?, tables.next()) else { return None };
        let statement = self.statements.get(name.as_ref())?;
        let mut sorted: Vec<_> = keys.iter().collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
        if twice || !(1..=BATCH).contains(&keys.len()) || !keys.iter().all(Key::is_plain) {
            return None;
        }
        let answer = self.reading(|connection| {
            let mut answer = format!(r#"{{"Responses":{{{}:["#, serde_json::Value::from(name.as_ref()));
            let mut comma = false;
            for key in sorted {
                let end = answer.len();
                if comma {
                    answer.push(',');
                }
                if append(connection, statement, key, &mut answer)? {
                    comma = true;
                } else {
                    answer.truncate(end);
                }
            }
            answer.push_str(r#"]},"UnprocessedKeys":{}}"#);
            Ok(answer)
        })?;
        (answer.len() <= MAX_BATCH).then_some(answer)
    }

    /// Lends a connection. What fails is left to the engine, which says why.
    fn reading<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().inspect_err(|error| tracing::warn!(cause = %error, "store not opened to read")).ok()?,
        };
        let read = read(&connection).inspect_err(|error| tracing::warn!(cause = %error, "store not read")).ok()?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Some(read)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(
            &self.file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }
}

/// The version of the schema that a store's file names. It is read past the engine, also while one runs on it.
#[must_use]
pub fn schema_in(file: &Path) -> Option<u64> {
    let table = Table {
        name: "main".to_owned(),
        keys: vec!["pk".to_owned(), "sk".to_owned()],
        stream: None,
        time_to_live: None,
    };
    let key = serde_json::json!({"pk": {"S": "SCHEMA"}, "sk": {"S": "VERSION"}});
    let asked = serde_json::json!({"TableName": table.name, "Key": key}).to_string();
    let answer = Reads::new(file, &[table]).answer("GetItem", asked.as_bytes())?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    answer.pointer("/Item/schema/N")?.as_str()?.parse().ok()
}

/// Appends the item of a key; whether there is one.
fn append(connection: &Connection, statement: &str, key: &Key<'_>, answer: &mut String) -> rusqlite::Result<bool> {
    // as the engine writes keys that are strings
    let stored = |text: &Text<'_>| format!("S:{}", text.text);
    let mut statement = connection.prepare_cached(statement)?;
    let found = statement.query_row([stored(&key.pk), stored(&key.sk)], |row| {
        answer.push_str(row.get_ref(0)?.as_str()?);
        Ok(())
    });
    Ok(found.optional()?.is_some())
}

#[cfg(test)]
mod tests {
    use dynoxide::Database;
    use serde_json::{Value, json};

    use super::*;

    /// An engine over a new file, with a table and three items, and reads past it.
    fn store() -> (Database, Reads, PathBuf) {
        let folder = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("store.db");
        let database = Database::new(file.to_str().unwrap()).unwrap();
        let asked = json!({
            "TableName": "main", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        });
        database.create_table(serde_json::from_value(asked).unwrap()).unwrap();
        for (sk, more) in
            [("1", json!({"N": "1.50"})), ("\u{fc}\"", json!({"NS": ["3", "20", "1"]})), ("3", json!({"B": "AAE="}))]
        {
            let item =
                json!({"pk": {"S": "a"}, "sk": {"S": sk}, "more": more, "deep": {"M": {"x": {"L": [{"NULL": true}]}}}});
            let asked = json!({"TableName": "main", "Item": item});
            database.put_item(serde_json::from_value(asked).unwrap()).unwrap();
        }
        let table = |name: &str, keys: [&str; 2]| Table {
            name: name.to_owned(),
            keys: keys.map(str::to_owned).to_vec(),
            stream: None,
            time_to_live: None,
        };
        let reads = Reads::new(&file, &[table("main", ["pk", "sk"]), table("other", ["a", "b"])]);
        (database, reads, folder)
    }

    fn key(sk: &str) -> Value {
        json!({"pk": {"S": "a"}, "sk": {"S": sk}})
    }

    #[test]
    fn an_item_is_what_the_engine_answers() {
        let (database, reads, folder) = store();
        for sk in ["1", "\u{fc}\"", "3", "missing"] {
            let asked = json!({"TableName": "main", "Key": key(sk), "ConsistentRead": true});
            let engine = database.get_item(serde_json::from_value(asked.clone()).unwrap()).unwrap();
            let read = reads.answer("GetItem", asked.to_string().as_bytes()).unwrap();
            let read: Value = serde_json::from_str(&read).unwrap();
            assert_eq!(read, serde_json::to_value(engine).unwrap(), "{sk}");
        }
        let asked =
            json!({"RequestItems": {"main": {"Keys": [key("3"), key("1"), key("missing")], "ConsistentRead": true}}});
        let read: Value =
            serde_json::from_str(&reads.answer("BatchGetItem", asked.to_string().as_bytes()).unwrap()).unwrap();
        let found: Vec<_> =
            read["Responses"]["main"].as_array().unwrap().iter().map(|item| item["sk"]["S"].clone()).collect();
        assert_eq!((found, &read["UnprocessedKeys"]), (vec![json!("1"), json!("3")], &json!({})));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn anything_else_is_the_engine_s() {
        let (_database, reads, folder) = store();
        let long = "x".repeat(2_000);
        for asked in [
            json!({"TableName": "main", "Key": {"pk": {"S": "a"}}}),
            json!({"TableName": "main", "Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}}),
            json!({"TableName": "main", "Key": key("")}),
            json!({"TableName": "main", "Key": key(&long)}),
            json!({"TableName": "other", "Key": key("1")}),
            json!({"TableName": "_tables", "Key": key("1")}),
            json!({"TableName": "main", "Key": key("1"), "ProjectionExpression": "pk"}),
            json!({"TableName": "main", "Key": key("1"), "ReturnConsumedCapacity": "TOTAL"}),
        ] {
            assert_eq!(reads.answer("GetItem", asked.to_string().as_bytes()), None, "{asked}");
        }
        let many: Vec<_> = (0..=BATCH).map(|number| key(&number.to_string())).collect();
        for keys in [json!([]), json!([key("1"), key("1")]), json!(many)] {
            let asked = json!({"RequestItems": {"main": {"Keys": keys}}});
            assert_eq!(reads.answer("BatchGetItem", asked.to_string().as_bytes()), None, "{asked}");
        }
        assert_eq!(reads.answer("Query", b"{}"), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
