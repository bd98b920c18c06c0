//! The json form (outsend 9): one array, one row object per line, keys in column order.

use bytes::Bytes;
use serde_json::Value;

use super::encoder::Encoder;
use crate::Row;

pub(super) struct Json {
    /// Each column's name as it is written before its value.
    keys: Vec<String>,
    empty: bool,
}

impl Json {
    pub(super) fn new(columns: &[String]) -> Self {
        let keys = columns.iter().map(|column| format!("{}:", Value::from(column.as_str()))).collect();
        Self { keys, empty: true }
    }
}

impl Encoder for Json {
    fn begin(&mut self) -> Bytes {
        Bytes::from_static(b"[")
    }

    fn rows(&mut self, rows: &[Row]) -> Bytes {
        use std::fmt::Write as _;

        let mut out = String::new();
        for row in rows {
            out.push_str(if self.empty { "\n{" } else { ",\n{" });
            self.empty = false;
            for (index, key) in self.keys.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(key);
                // writing to a string cannot fail
                let _ = write!(out, "{}", row.get(index).unwrap_or(&Value::Null));
            }
            out.push('}');
        }
        out.into()
    }

    fn end(&mut self) -> Bytes {
        Bytes::from_static(if self.empty { b"]" } else { b"\n]" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{format::Format, testing::whole};
    use super::*;
    use serde_json::json;

    fn file(columns: &[&str], rows: &[Row], slice: usize) -> String {
        String::from_utf8(whole(Format::Json, columns, rows, slice)).unwrap()
    }

    #[test]
    fn rows_keep_their_types_and_the_order_of_the_columns() {
        let rows = vec![vec![json!("x\"\n"), json!(1.5), json!(["a"])], vec![json!(null), json!(true)]];
        let text = file(&["z", "a\"b", "c"], &rows, 1);
        assert_eq!(
            text,
            "[\n{\"z\":\"x\\\"\\n\",\"a\\\"b\":1.5,\"c\":[\"a\"]},\n{\"z\":null,\"a\\\"b\":true,\"c\":null}\n]"
        );
        assert_eq!(file(&["z", "a\"b", "c"], &rows, 2), text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()[1]["a\"b"], json!(true));
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        assert_eq!(file(&["a"], &[], 1), "[]");
    }
}
