use csv::{ReaderBuilder, WriterBuilder};
use encoding_rs::WINDOWS_1252;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Row, export::Format};

type Rows = Vec<Vec<String>>;

struct Found {
    names: Vec<String>,
    rows: Rows,
    told: Told,
    separator: Option<char>,
    encoding: Encoding,
}

fn found(bytes: &[u8]) -> Result<Found, Unreadable> {
    let text = Text::read(bytes.to_vec())?;
    let (names, rows, told) = drained(&text)?;
    let again = Text::read(text.kept())?;
    assert_eq!(drained(&again).map(|again| (again.0, again.1)), Ok((names.clone(), rows.clone())), "as it is kept");
    Ok(Found { names, rows, told, separator: text.separator(), encoding: text.encoding() })
}

fn drained(text: &Text) -> Result<(Vec<String>, Rows, Told), Unreadable> {
    let mut table = Table::of(text)?;
    let mut rows = Vec::new();
    while let Some(cells) = table.next_row() {
        rows.push(cells.into_iter().map(std::borrow::Cow::into_owned).collect());
    }
    Ok((table.header().names.clone(), rows, table.told()))
}

fn read(bytes: &[u8]) -> Found {
    found(bytes).unwrap()
}

/// Reads a table that nothing is left out of.
fn whole(bytes: &[u8], names: &[&str], rows: &[&[&str]]) {
    let found = read(bytes);
    assert_eq!(found.names, names);
    assert_eq!(found.rows, rows);
    assert_eq!(found.told, Told::default());
}

fn at(number: u64, lines: &[u64]) -> Places {
    Places { number, lines: lines.to_vec() }
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn tables_of_every_separator() {
    let rows: Vec<String> = (1..8)
        .map(|n| format!("Workshop {n};{n} rue du Port, bat. B, floor {n}, 29200 Brest, France;w{n}@one.test\n"))
        .collect();
    let found = read(format!("nom;adresse;email\n{}", rows.concat()).as_bytes());
    assert_eq!((found.separator, found.rows.len(), found.told), (Some(';'), 7, Told::default()));
    assert_eq!(found.rows[6][1], "7 rue du Port, bat. B, floor 7, 29200 Brest, France");
    whole(
        b"nom;texte;email\n\"Shop\";\"line one\nline, two, a, b\n\nend\";\"b@one.test\"\n\"B\";\"x\";\"o@one.test\"\n",
        &["nom", "texte", "email"],
        &[&["Shop", "line one\nline, two, a, b\n\nend", "b@one.test"], &["B", "x", "o@one.test"]],
    );
    let rows: &[&[&str]] = &[&["A", "a@one.test"], &["B", "b@one.test"]];
    let names = &["nom", "email"];
    whole(b"nom|email\nA|a@one.test\nB|b@one.test\n", names, rows);
    whole(b"sep=;\r\nnom;email\r\nA;a@one.test\r\nB;b@one.test\r\n", names, rows);
    whole(b"Nom;Email\nA;a@one.test\nB;b@one.test\n", names, rows);
    whole(b"Nom\rA\rB\r", &["nom"], &[&["A"], &["B"]]);
    let found = read("nom;nb_avis;note\nA;1,234;4,5\nB;1 234;4.5\nC;1.234;\"4,0\"\nD;1,234,567;4\n".as_bytes());
    assert_eq!(
        (found.separator, found.names),
        (Some(';'), vec!["nom".into(), "reviews_count".into(), "rating".into()])
    );
    assert_eq!(found.rows[3], ["D", "1,234,567", "4"]);
    let found = read(b"adresse\n1 rue A, Brest\n2 rue B, Brest\n");
    assert_eq!(found.separator, None);
    assert_eq!(found.rows, [["1 rue A, Brest"], ["2 rue B, Brest"]]);
}

#[test]
fn headers_of_other_programs_and_none() {
    whole(
        b"\"First Name\",\"E-mail Address\",\"Business Phone\"\n\"Ada\",\"ada@one.test\",\"+33 1 45 31 00 00\"\n",
        &["First Name", "email", "telephone"],
        &[&["Ada", "ada@one.test", "+33 1 45 31 00 00"]],
    );
    whole(
        b"companyName,emailAddress,websiteUrl\nEngines,e@one.test,engines.test\n",
        &["nom", "email", "site_web"],
        &[&["Engines", "e@one.test", "engines.test"]],
    );
    whole(
        b"Workshop One,0612345671,a@one.test\nWorkshop Two,0612345672,b@one.test\n",
        &["nom", "telephone", "email"],
        &[&["Workshop One", "0612345671", "a@one.test"], &["Workshop Two", "0612345672", "b@one.test"]],
    );
    // the apostrophe of a spreadsheet's text is no guard of ours
    whole(b"id;tel\n1;'0612345678\n2;=+336\n", &["id", "telephone"], &[&["1", "'0612345678"], &["2", "=+336"]]);
}

#[test]
fn titles_and_notes_stand_above_a_table() {
    for text in [
        "Customers of 2026\n\nnom;email\nA;a@one.test\n",
        "Customers\r\n\r\nNom;Email\r\nA;a@one.test\r\n",
        "sep=;\nCustomers;\nnom;email\nA;a@one.test\n",
    ] {
        let found = read(text.as_bytes());
        assert_eq!(
            (found.names, found.rows),
            (vec!["nom".into(), "email".into()], vec![vec!["A".into(), "a@one.test".into()]])
        );
        let line = if text.starts_with("sep") { 2 } else { 1 };
        assert_eq!(found.told.notes, at(1, &[line]), "{text}");
    }
    let found = read(b"Export;12/03/2026;;\n\"a note, of\ntwo lines\"\n\nRef;Nom;Email;CP\n1;A;a@one.test;29200\n");
    assert_eq!(
        (found.names, found.rows.len()),
        (["Ref", "nom", "email", "code_postal"].map(str::to_owned).to_vec(), 1)
    );
    assert_eq!(found.told.sentences(), ["ignored 1 blank line, 2 notes above the header (in lines 1 and 2)"]);
    let found = read(b"Ventes\nRegion,2024,2025,2026\nNord,12.5,13,14\nSud,1200,900,\n");
    assert_eq!(
        (found.names, found.told.notes),
        (["Region", "2024", "2025", "2026"].map(str::to_owned).to_vec(), at(1, &[1]))
    );
    whole(b"Region,2025,2026\nNord,12,13\n", &["Region", "2025", "2026"], &[&["Nord", "12", "13"]]);
    let found = read(b"Customers\nA,a@one.test\nB,b@one.test\n");
    assert_eq!((found.names, found.rows.len()), (["nom", "email"].map(str::to_owned).to_vec(), 2));
}

#[test]
fn lines_end_in_many_ways() {
    let rows: &[&[&str]] = &[&["A", "a@one.test"], &["B", "b@one.test"]];
    for end in ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"] {
        let text = ["nom;email", "A;a@one.test", "B;b@one.test", ""].join(end);
        whole(text.as_bytes(), &["nom", "email"], rows);
        let bytes = utf_16(&text, u16::to_le_bytes);
        whole(&[b"\xff\xfe", bytes.as_slice()].concat(), &["nom", "email"], rows);
    }
    whole("nom;x\nA\u{2028}B;\u{85}\n".as_bytes(), &["nom", "x"], &[&["A\u{2028}B", "\u{85}"]]);
}

#[test]
fn tables_of_every_encoding() {
    let text = "nom\tEmail\tVille\r\nChez Zoé €\ta@one.test\tŁódź\r\n";
    let marked = format!("\u{feff}{text}");
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (marked.as_bytes().to_vec(), Encoding::Utf8),
        (utf_16(&marked, u16::to_le_bytes), Encoding::Utf16Le),
        (utf_16(&marked, u16::to_be_bytes), Encoding::Utf16Be),
        (utf_16(text, u16::to_le_bytes), Encoding::Utf16Le),
        (utf_16(text, u16::to_be_bytes), Encoding::Utf16Be),
    ] {
        whole(&bytes, &["nom", "email", "ville"], &[&["Chez Zoé €", "a@one.test", "Łódź"]]);
        assert_eq!(read(&bytes).encoding, encoding);
    }
    let found = read(b"Nom;Email\r\nZo\xc3\xa9;a@one.test\r\nAndr\xe9;b@one.test\r\n");
    assert_eq!((found.encoding, found.told.replaced.number), (Encoding::Utf8, 1));
    assert_eq!(found.rows, [["Zoé", "a@one.test"], ["Andr\u{fffd}", "b@one.test"]]);
    assert_eq!(found.told.sentences(), ["1 place could not be read in this encoding, in line 3: it became \u{fffd}"]);
    whole(b"Soci\xe9t\xe9;Ville\n\x8cuvre;Orl\xe9ans\n", &["nom", "ville"], &[&["Œuvre", "Orléans"]]);
}

#[test]
fn quotes_that_other_programs_write() {
    let found = read(b"nom,email\n\"The North,n@one.test\nSouth,s@one.test\n\"West\",w@one.test\n");
    assert_eq!(
        found.rows,
        [["\"The North", "n@one.test"], ["South", "s@one.test"], ["West", "w@one.test"]],
        "a quote that is never closed takes no row"
    );
    assert_eq!(found.told.unclosed_quotes, at(1, &[2]));
    let told = "1 quote is never closed, in line 2: it stays in its cell";
    assert_eq!(found.told.sentences(), [told]);
    let found = read(b"sep=,\nnom,email\n\"A,n@one.test\n");
    assert_eq!((found.rows.len(), found.told.unclosed_quotes), (1, at(1, &[3])));
    let found = read(b"nom,email\n\"Le \\\"Nord\\\"\",q@one.test\nSud,s@one.test\n  \"Est\", \"e@one.test\"\n");
    assert_eq!(found.rows, [["Le \"Nord\"", "q@one.test"], ["Sud", "s@one.test"], ["Est", "e@one.test"]]);
    assert_eq!(found.told.sentences(), ["3 cells have quotes of another kind, in lines 2 and 4: they were mended"]);
}

#[test]
fn what_is_left_out_is_told() {
    let long = "x".repeat(40_000);
    let text = format!("\nnom;x\r\n\r\nA;1\n ; \n{long};1\nB;2;3\nC;\"\n\n\";;\n\n\n");
    let found = read(text.as_bytes());
    assert_eq!(found.rows, [["A", "1"], ["B", "2"], ["C", "\n\n"]]);
    let told = Told { blank_lines: 5, long_rows: at(1, &[6]), cut_rows: at(1, &[7]), ..Told::default() };
    assert_eq!(found.told, told);
    assert!(!told.is_whole() && Told { blank_lines: 5, ..Told::default() }.is_whole());
    assert_eq!(Value::from(told.numbers()), json!({"blank_lines": 5, "long_rows": 1, "cut_rows": 1}));
    assert_eq!(
        told.sentences(),
        ["ignored 5 blank lines, 1 row of more than 32 KiB (in line 6), 1 row's cells beyond the columns (in line 7)"]
    );
    let names: Vec<String> = (0..205).map(|column| format!("c{column}")).collect();
    let found = read(format!("{}\n{}\n", names.join(","), vec!["1"; 205].join(",")).as_bytes());
    assert_eq!((found.names.len(), found.told.surplus_columns, found.told.cut_rows.number), (COLUMNS, 5, 0));
    let found = read(format!("nom\n{}", "x\n".repeat(200_007)).as_bytes());
    assert_eq!((found.rows.len() as u64, found.told.surplus_rows), (ROWS, 7));
}

#[test]
fn what_is_no_table() {
    for (bytes, cause) in [
        (b"".to_vec(), Unreadable::Empty),
        (b"\xef\xbb\xbf\n , \n".to_vec(), Unreadable::Empty),
        (b"sep=;\n".to_vec(), Unreadable::Empty),
        (vec![b'x'; 40_000], Unreadable::Long),
        (b"PK\x03\x04abc".to_vec(), Unreadable::Spreadsheet),
    ] {
        assert_eq!(found(&bytes).map(|found| found.rows).unwrap_err(), cause);
    }
}

fn download(columns: &[String], rows: &[Vec<String>]) -> String {
    let rows: Vec<Row> = rows.iter().map(|row| row.iter().map(|cell| Value::from(cell.as_str())).collect()).collect();
    let mut encoder = Format::Csv.encoder(columns);
    let pieces = [encoder.begin(), encoder.rows(&rows), encoder.end()].concat();
    String::from_utf8(pieces).unwrap()
}

#[test]
fn a_file_of_ours_gives_the_cells_that_were_sent() {
    let text = "\u{feff}nom;email;telephone;rating;tag;formule;vide;list;n;multi\r\n\
                \"Caf\u{e9} \"\"Le; Nord\"\"\";ada@one.test;'+33 6 12 34 56 78;'-5% promo;'@handle;'=1+1;;a | b;4.0;\"l1\nl2\"\r\n";
    whole(
        text.as_bytes(),
        &["nom", "email", "telephone", "rating", "tag", "formule", "vide", "list", "n", "multi"],
        &[&[
            "Caf\u{e9} \"Le; Nord\"",
            "ada@one.test",
            "+33 6 12 34 56 78",
            "-5% promo",
            "@handle",
            "=1+1",
            "",
            "a | b",
            "4.0",
            "l1\nl2",
        ]],
    );
}

#[test]
fn numbers_and_telephones_as_people_write_them() {
    let rows = "A;1,234;4,5\nB;1 234;4.5\nC;1\u{a0}234;4,5/5\nD;1.234;4.5 \u{2605}\nE;(128);5\nF;128 avis;\"4,0\"\nG;12k;3\nH;99;2,9\n\
                I;;\nJ;1\u{202f}500;4\nK;2,000;4\nL;1,234,567;4\nM;0;0\n";
    let found = read(format!("nom;nb_avis;note\n{rows}").as_bytes());
    let number = |row: &Vec<String>| {
        (crate::values::count(&row[1].as_str().into()), crate::values::number(&row[2].as_str().into()))
    };
    let numbers: Vec<_> = found.rows.iter().map(number).collect();
    let (four, half) = (Some(4.0), Some(4.5));
    let counted = [Some(1234.0), Some(1234.0), Some(1234.0), Some(1234.0), Some(128.0), Some(128.0)];
    assert_eq!(numbers.iter().map(|(count, _)| *count).take(6).collect::<Vec<_>>(), counted);
    assert_eq!(numbers[..4].iter().map(|(_, note)| *note).collect::<Vec<_>>(), [half; 4]);
    let rest = [(Some(1500.0), four), (Some(2000.0), four), (Some(1_234_567.0), four), (Some(0.0), Some(0.0))];
    assert_eq!(numbers[9..], rest);
    assert_eq!((numbers[5].1, numbers[8]), (four, (None, None)));
    let found = read(b"id;telephone\n1;'0612345678\n2;33612345678\n3;+33(0)612345678\n4;0033612345678\n");
    let phones: Vec<_> = found.rows.iter().map(|row| crate::values::phone(&row[1], None)).collect();
    assert!(phones.iter().all(|phone| phone.as_deref() == Some("+33612345678")), "{phones:?}");
}

/// The same table as another program writes it.
fn rewritten(text: &str, separator: u8) -> Vec<u8> {
    let mut reader = ReaderBuilder::new().has_headers(false).delimiter(b';').from_reader(text.as_bytes());
    let mut writer = WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    for record in reader.records() {
        writer.write_record(&record.unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

proptest! {
    #[test]
    fn our_own_files_come_back(
        rows in prop::collection::vec(prop::collection::vec("[;,|\t\"'=+@\n\r \\\\a-cé€\u{1F600}-]{0,6}", 4), 1..24),
    ) {
        let names: Vec<String> = ["nom", "=x y", "d'e \"f\"", "e|f"].map(str::to_owned).to_vec();
        let rows: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
        let marked = download(&names, &rows);
        let text = marked.strip_prefix('\u{feff}').unwrap();
        let mut files = vec![
            marked.as_bytes().to_vec(),
            text.as_bytes().to_vec(),
            utf_16(&marked, u16::to_le_bytes),
            utf_16(&marked, u16::to_be_bytes),
            [b"sep=;\r\n", text.as_bytes()].concat(),
        ];
        files.extend([b',', b';', b'\t', b'|'].map(|separator| rewritten(text, separator)));
        let (narrow, _, unmapped) = WINDOWS_1252.encode(text);
        // a euro sign is by chance a byte that goes on a character of UTF-8
        if !unmapped && !text.contains('€') {
            files.push(narrow.into_owned());
        }
        for file in files {
            let found = read(&file);
            prop_assert_eq!(&found.names, &names);
            prop_assert_eq!(&found.rows, &rows);
            prop_assert_eq!(found.told, Told::default());
        }
    }
}
