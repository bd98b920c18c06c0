//! The xlsx form (outsend 9), written as a zip stream: what it holds is the current deflate window.
//!
//! A cell is a number, a boolean or an inline string, so nothing can become a formula and no table of strings has to
//! be kept. The parts that name the sheets come last, when it is known how many there are.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde_json::Value;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::encoder::Encoder;
use crate::{Row, values::cell_text};

/// Data rows of a sheet: what Excel takes, less the header.
const SHEET_ROWS: u64 = 1_048_575;

/// Excel's limit for the text of a cell, in UTF-16 units.
const CELL_UNITS: usize = 32_767;

/// Bytes after which a sheet is closed before its last row. A larger part would have to be a Zip64 entry, announced
/// before its size is known, and LibreOffice does not open an archive that is streamed in that form.
const SHEET_BYTES: u64 = 3 << 30;

/// Above this an integer loses digits, in Excel as in a double.
const EXACT: u64 = 1_000_000_000_000_000;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const DOCUMENT: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// Where the zip writer writes to; emptied at each call.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Xlsx {
    columns: Vec<String>,
    /// `A`, `B`, ...
    letters: Vec<String>,
    sheet_rows: u64,
    sheet_bytes: u64,
    buffer: Buffer,
    /// None when the archive is finished, or when it could not be written and stays cut off.
    zip: Option<ZipWriter<StreamWriter<Buffer>>>,
    /// The sheet that is being written, from 1.
    sheet: u64,
    /// Data rows in it.
    filled: u64,
    /// Bytes in it.
    written: u64,
}

impl Xlsx {
    pub(super) fn new(columns: &[String]) -> Self {
        Self::with_sheets_of(SHEET_ROWS, SHEET_BYTES, columns)
    }

    fn with_sheets_of(sheet_rows: u64, sheet_bytes: u64, columns: &[String]) -> Self {
        let buffer = Buffer::default();
        Self {
            columns: columns.to_vec(),
            letters: (0..columns.len()).map(letters).collect(),
            sheet_rows,
            sheet_bytes,
            zip: Some(ZipWriter::new_stream(buffer.clone())),
            buffer,
            sheet: 0,
            filled: 0,
            written: 0,
        }
    }

    /// Writes to the archive. Memory cannot refuse to be written to; should it, the file ends there, without the
    /// directory that would make it look whole.
    fn write(&mut self, what: impl FnOnce(&mut ZipWriter<StreamWriter<Buffer>>) -> io::Result<()>) {
        if self.zip.as_mut().is_some_and(|zip| what(zip).is_err()) {
            self.zip = None;
        }
    }

    fn part(&mut self, name: &str, content: &str) {
        self.write(|zip| {
            zip.start_file(name, options())?;
            zip.write_all(content.as_bytes())
        });
    }

    fn open_sheet(&mut self) {
        self.sheet += 1;
        self.filled = 0;
        let mut out = format!("{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetData><row r=\"1\">");
        for (column, letters) in self.columns.iter().zip(&self.letters) {
            string(&mut out, letters, 1, column);
        }
        out.push_str("</row>");
        let name = format!("xl/worksheets/sheet{}.xml", self.sheet);
        self.written = out.len() as u64;
        self.write(|zip| {
            zip.start_file(name, options())?;
            zip.write_all(out.as_bytes())
        });
    }

    fn flush(&mut self, out: &mut String) {
        self.write(|zip| zip.write_all(out.as_bytes()));
        out.clear();
    }

    fn close_sheet(&mut self) {
        self.write(|zip| zip.write_all(b"</sheetData></worksheet>"));
    }

    /// The parts that say what the archive holds.
    fn close_book(&mut self) {
        let (mut types, mut sheets, mut relations) = (String::new(), String::new(), String::new());
        for n in 1..=self.sheet {
            let name = if n == 1 { "results".to_owned() } else { format!("results_{n}") };
            // writing to a string cannot fail
            let _ = write!(
                types,
                "<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{TYPE}.worksheet+xml\"/>"
            );
            let _ = write!(sheets, "<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>");
            let _ = write!(
                relations,
                "<Relationship Id=\"rId{n}\" Type=\"{DOCUMENT}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"
            );
        }
        self.part(
            "[Content_Types].xml",
            &format!(
                "{DECLARATION}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
                 <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPE}.sheet.main+xml\"/>{types}</Types>"
            ),
        );
        self.part(
            "_rels/.rels",
            &format!(
                "{DECLARATION}<Relationships xmlns=\"{RELATIONS}\">\
                 <Relationship Id=\"rId1\" Type=\"{DOCUMENT}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        );
        self.part(
            "xl/workbook.xml",
            &format!(
                "{DECLARATION}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{DOCUMENT}\"><sheets>{sheets}</sheets></workbook>"
            ),
        );
        self.part(
            "xl/_rels/workbook.xml.rels",
            &format!("{DECLARATION}<Relationships xmlns=\"{RELATIONS}\">{relations}</Relationships>"),
        );
    }

    fn next_sheet(&mut self) {
        self.close_sheet();
        self.open_sheet();
    }
}

impl Encoder for Xlsx {
    fn begin(&mut self) -> Bytes {
        self.open_sheet();
        self.buffer.take()
    }

    fn rows(&mut self, rows: &[Row]) -> Bytes {
        let mut out = String::new();
        for row in rows {
            if self.filled == self.sheet_rows || self.written >= self.sheet_bytes {
                self.flush(&mut out);
                self.next_sheet();
            }
            self.filled += 1;
            let (number, before) = (self.filled + 1, out.len());
            let _ = write!(out, "<row r=\"{number}\">");
            for (value, letters) in row.iter().zip(&self.letters) {
                cell(&mut out, letters, number, value);
            }
            out.push_str("</row>");
            self.written += (out.len() - before) as u64;
        }
        self.flush(&mut out);
        self.buffer.take()
    }

    fn end(&mut self) -> Bytes {
        self.close_sheet();
        self.close_book();
        if let Some(zip) = self.zip.take() {
            let _ = zip.finish();
        }
        self.buffer.take()
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(1))
}

/// The letters of a column, from 0: `A` to `Z`, `AA`, ...
fn letters(column: usize) -> String {
    let (mut rest, mut name) = (column + 1, Vec::new());
    while rest > 0 {
        rest -= 1;
        // the remainder is below 26
        name.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    name.iter().rev().collect()
}

fn cell(out: &mut String, letters: &str, row: u64, value: &Value) {
    // writing to a string cannot fail
    let _ = match value {
        Value::Null => Ok(()),
        Value::Bool(value) => write!(out, "<c r=\"{letters}{row}\" t=\"b\"><v>{}</v></c>", u8::from(*value)),
        Value::Number(number)
            if number.is_f64() || number.as_i64().is_some_and(|integer| integer.unsigned_abs() < EXACT) =>
        {
            write!(out, "<c r=\"{letters}{row}\"><v>{number}</v></c>")
        }
        _ => {
            string(out, letters, row, &cell_text(value));
            Ok(())
        }
    };
}

fn string(out: &mut String, letters: &str, row: u64, text: &str) {
    let start = out.len();
    let _ = write!(out, "<c r=\"{letters}{row}\" t=\"inlineStr\"><is><t>");
    let content = out.len();
    let mut units = 0;
    let mut blank = false;
    // what is taken out first makes no escape of what stood around it
    let text = clean(text);
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        units += character.len_utf16();
        if units > CELL_UNITS {
            break;
        }
        blank |= character.is_whitespace();
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // `_x0041_` would be read as an escaped `A`
            '_' if escape(rest.as_str()) => out.push_str("_x005F_"),
            _ => out.push(character),
        }
    }
    if blank {
        let written = out.split_off(content);
        out.truncate(start);
        let _ = write!(out, "<c r=\"{letters}{row}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{written}");
    }
    out.push_str("</t></is></c>");
}

/// A text without control characters, but for line feeds; a tab is a blank.
fn clean(text: &str) -> Cow<'_, str> {
    let odd = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let seen = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    Cow::Owned(seen.chars().filter(|c| !odd(*c)).collect())
}

fn escape(rest: &str) -> bool {
    let rest = rest.as_bytes();
    rest.first() == Some(&b'x')
        && rest.get(5) == Some(&b'_')
        && rest.get(1..5).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use serde_json::json;
    use zip::ZipArchive;

    use super::{
        super::{format::Format, testing::whole},
        *,
    };

    fn part(file: &[u8], name: &str) -> String {
        let mut archive = ZipArchive::new(Cursor::new(file)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn one(value: &Value) -> String {
        let mut out = String::new();
        cell(&mut out, "B", 7, value);
        out
    }

    #[test]
    fn a_workbook_has_its_parts_and_typed_cells() {
        let rows = vec![
            vec![json!("Dupont & fils"), json!(4.5), json!(true)],
            vec![json!(null), json!("=1+1"), json!(["a", "b"])],
        ];
        let file = whole(Format::Xlsx, &["nom", "n<1", "ok"], &rows, 1);
        assert_eq!(
            part(&file, "xl/worksheets/sheet1.xml"),
            format!(
                "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetData><row r=\"1\">\
                 <c r=\"A1\" t=\"inlineStr\"><is><t>nom</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>n&lt;1</t></is></c>\
                 <c r=\"C1\" t=\"inlineStr\"><is><t>ok</t></is></c></row><row r=\"2\">\
                 <c r=\"A2\" t=\"inlineStr\"><is><t xml:space=\"preserve\">Dupont &amp; fils</t></is></c>\
                 <c r=\"B2\"><v>4.5</v></c><c r=\"C2\" t=\"b\"><v>1</v></c></row><row r=\"3\">\
                 <c r=\"B3\" t=\"inlineStr\"><is><t>=1+1</t></is></c>\
                 <c r=\"C3\" t=\"inlineStr\"><is><t xml:space=\"preserve\">a | b</t></is></c></row></sheetData></worksheet>"
            )
        );
        assert!(
            part(&file, "xl/workbook.xml").contains("<sheet name=\"results\" sheetId=\"1\" r:id=\"rId1\"/></sheets>")
        );
        assert!(part(&file, "[Content_Types].xml").contains("/xl/worksheets/sheet1.xml"));
        assert!(part(&file, "_rels/.rels").contains("xl/workbook.xml"));
        assert!(part(&file, "xl/_rels/workbook.xml.rels").contains("worksheets/sheet1.xml"));
    }

    #[test]
    fn no_rows_are_one_sheet_with_its_header() {
        let file = whole(Format::Xlsx, &["a"], &[], 1);
        assert!(part(&file, "xl/worksheets/sheet1.xml").ends_with("<t>a</t></is></c></row></sheetData></worksheet>"));
    }

    #[test]
    fn a_full_sheet_is_followed_by_another_with_its_header() {
        let rows: Vec<Row> = (0..7).map(|n| vec![json!(n)]).collect();
        for slice in [1, 2, 7] {
            let mut encoder = Xlsx::with_sheets_of(3, SHEET_BYTES, &["n".to_owned()]);
            let mut file = encoder.begin().to_vec();
            for rows in rows.chunks(slice) {
                file.extend_from_slice(&encoder.rows(rows));
            }
            file.extend_from_slice(&encoder.end());
            assert!(part(&file, "xl/workbook.xml").contains("results_3"));
            assert!(!part(&file, "xl/workbook.xml").contains("results_4"));
            let sheet = part(&file, "xl/worksheets/sheet2.xml");
            assert!(sheet.contains("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>n</t></is></c></row>"));
            assert!(sheet.contains("<row r=\"4\"><c r=\"A4\"><v>5</v></c></row></sheetData>"), "{sheet}");
            assert!(part(&file, "xl/worksheets/sheet3.xml").contains("<c r=\"A2\"><v>6</v></c></row></sheetData>"));
        }
    }

    #[test]
    fn a_sheet_that_grows_too_large_is_followed_by_another_and_no_part_is_zip64() {
        let row: Row = (0..30).map(|n| json!(format!("valeur {n}"))).collect();
        let columns: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
        let mut encoder = Xlsx::with_sheets_of(SHEET_ROWS, 2_000_000, &columns);
        let mut file = encoder.begin().to_vec();
        let mut pieces = 0;
        for _ in 0..20 {
            let piece = encoder.rows(&vec![row.clone(); 100]);
            pieces += usize::from(!piece.is_empty());
            file.extend_from_slice(&piece);
        }
        file.extend_from_slice(&encoder.end());
        assert!(pieces > 1);
        let rows = |sheet: u32| part(&file, &format!("xl/worksheets/sheet{sheet}.xml")).matches("<row ").count() - 1;
        assert_eq!((1..=3).map(rows).sum::<usize>(), 2_000);
        assert!(part(&file, "xl/workbook.xml").contains("results_3"));
        // the extra field of Zip64: LibreOffice does not open it in a stream
        assert!(!file.windows(4).any(|bytes| bytes == [1, 0, 16, 0]));
    }

    #[test]
    fn only_exact_numbers_are_numbers() {
        assert_eq!(one(&json!(-12)), "<c r=\"B7\"><v>-12</v></c>");
        assert_eq!(one(&json!(999_999_999_999_999_i64)), "<c r=\"B7\"><v>999999999999999</v></c>");
        let long = "<c r=\"B7\" t=\"inlineStr\"><is><t>1000000000000001</t></is></c>";
        assert_eq!(one(&json!(1_000_000_000_000_001_i64)), long);
        assert!(one(&json!(u64::MAX)).contains("<t>18446744073709551615</t>"));
        assert_eq!(one(&json!(null)), "");
    }

    #[test]
    fn texts_are_cut_cleaned_and_escaped() {
        assert!(one(&json!("a\u{0}\u{1b}b\u{85}\u{ffff}c")).contains("<t>abc</t>"));
        assert!(one(&json!("a\r\nb\rc\td")).contains("<t xml:space=\"preserve\">a\nb\nc d</t>"));
        assert!(one(&json!("_x0041_ _x00_")).contains(">_x005F_x0041_ _x00_</t>"));
        assert!(one(&json!("x".repeat(CELL_UNITS + 1))).contains(&format!("<t>{}</t>", "x".repeat(CELL_UNITS))));
        for (text, written) in [
            ("_x00\u{1}41_", "_x005F_x0041_"),
            ("SKU_x0041\u{2}_", "SKU_x005F_x0041_"),
            ("_x0041\r\n_", "_x0041\n_"),
            ("_x0041\t_", "_x0041 _"),
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
            ("val_xa100_ev", "val_x005F_xa100_ev"),
            ("foo_x12345.txt", "foo_x12345.txt"),
        ] {
            assert!(one(&json!(text)).contains(&format!(">{written}</t>")), "{text:?}: {}", one(&json!(text)));
        }
        // a character of two units is not halved
        let text = format!("{}😀b", "x".repeat(CELL_UNITS - 1));
        assert!(one(&json!(text)).contains(&format!("<t>{}</t>", "x".repeat(CELL_UNITS - 1))));
    }

    #[test]
    fn columns_have_letters() {
        for (column, name) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(letters(column), name);
        }
    }
}
