//! The csv form (outsend 9): a byte order mark, `;`, CRLF and the formula guard.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::encoder::Encoder;
use crate::{
    Row,
    values::{GUARD, cell_text, is_formula},
};

pub(super) struct Csv {
    columns: Vec<String>,
}

impl Csv {
    pub(super) fn new(columns: &[String]) -> Self {
        Self { columns: columns.to_vec() }
    }
}

impl Encoder for Csv {
    fn begin(&mut self) -> Bytes {
        let mut out = String::from('\u{feff}');
        line(&mut out, self.columns.iter().map(String::as_str));
        out.into()
    }

    fn rows(&mut self, rows: &[Row]) -> Bytes {
        let mut out = String::new();
        for row in rows {
            line(&mut out, (0..self.columns.len()).map(|index| cell_text(row.get(index).unwrap_or(&Value::Null))));
        }
        out.into()
    }

    fn end(&mut self) -> Bytes {
        Bytes::new()
    }
}

fn line(out: &mut String, cells: impl Iterator<Item = impl AsRef<str>>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(';');
        }
        field(out, cell.as_ref());
    }
    out.push_str("\r\n");
}

/// One field, guarded and quoted where it must be. The `csv` crate quotes by another rule: here whatever anybody takes
/// for a separator is quoted, since a spreadsheet asks its user for one, or guesses.
fn field(out: &mut String, cell: &str) {
    // programs end a cell, or a file, where a NUL stands
    let seen: Cow<'_, str> = if cell.contains('\0') { cell.replace('\0', "").into() } else { cell.into() };
    let cell = seen.as_ref();
    let guard = is_formula(cell);
    let quoted =
        cell.contains([';', ',', '\t', '"', '\r', '\n']) || (!guard && cell.starts_with(' ')) || cell.ends_with(' ');
    if quoted {
        out.push('"');
    }
    if guard {
        out.push(GUARD);
    }
    if quoted {
        for (index, part) in cell.split('"').enumerate() {
            if index > 0 {
                out.push_str("\"\"");
            }
            out.push_str(part);
        }
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{format::Format, testing::whole};
    use super::*;
    use serde_json::json;

    fn file(columns: &[&str], rows: &[Row], slice: usize) -> String {
        String::from_utf8(whole(Format::Csv, columns, rows, slice)).unwrap()
    }

    #[test]
    fn every_type_has_its_text() {
        let rows =
            vec![vec![json!("Café"), json!(null), json!(true), json!(-1.5), json!(["a", "b;c"]), json!({"k": "v"})]];
        assert_eq!(
            file(&["nom", "x", "ok", "n", "liste", "objet"], &rows, 1),
            "\u{feff}nom;x;ok;n;liste;objet\r\nCafé;;true;-1.5;\"a | b;c\";\"{\"\"k\"\":\"\"v\"\"}\"\r\n"
        );
    }

    #[test]
    fn no_rows_are_the_header_alone() {
        assert_eq!(file(&["a", "=b"], &[], 1), "\u{feff}a;'=b\r\n");
    }

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+33612345678", "+33612345678"),
            ("+33 6 12 34 56 78", "'+33 6 12 34 56 78"),
            ("-1.5", "-1.5"),
            ("-1,5e-3", "\"-1,5e-3\""),
            ("-1.", "'-1."),
            ("-", "'-"),
            ("--1", "'--1"),
            ("+e5", "'+e5"),
            ("-1e", "'-1e"),
            ("-1e5e5", "'-1e5e5"),
            ("@ada", "'@ada"),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("=a;b", "\"'=a;b\""),
            ("= ", "\"'= \""),
            (" =1", "' =1"),
            (" x", "\" x\""),
            ("\n=1", "\"'\n=1\""),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("'=1", "''=1"),
            ("a,b", "\"a,b\""),
            ("a\tb", "\"a\tb\""),
            ("a=1", "a=1"),
            ("a\nb", "\"a\nb\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("x ", "\"x \""),
            ("'x", "'x"),
            ("\0=\u{0}1", "'=1"),
            ("a\0b", "ab"),
            ("\0", ""),
            ("", ""),
        ] {
            let mut out = String::new();
            field(&mut out, cell);
            assert_eq!(out, written, "{cell:?}");
        }
    }

    #[test]
    fn slices_do_not_show_and_short_rows_are_padded() {
        let rows: Vec<Row> = (0..7).map(|n| vec![json!(n)]).collect();
        assert_eq!(file(&["a", "b"], &rows, 1), file(&["a", "b"], &rows, 4));
        assert!(file(&["a", "b"], &rows, 3).ends_with("6;\r\n"));
    }
}
