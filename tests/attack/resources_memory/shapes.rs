//! Bodies that cost a parser much for their length.

/// A text of about `length` bytes: `open`, as many units as fit, and `close`.
fn filled(length: usize, open: &str, separator: &str, unit: impl Fn(usize) -> String, close: &str) -> Vec<u8> {
    let mut text = open.to_owned();
    for number in 0.. {
        let unit = unit(number);
        let separator = if number == 0 { "" } else { separator };
        if text.len() + separator.len() + unit.len() + close.len() > length {
            break;
        }
        text.push_str(separator);
        text.push_str(&unit);
    }
    text.push_str(close);
    text.into_bytes()
}

/// Objects in JSON of at most `length` bytes, with the costly part in the member `field`.
pub(super) fn json(field: &str, length: usize) -> Vec<(&'static str, Vec<u8>)> {
    let list = format!("{{\"{field}\":[");
    let array = |unit: &'static str| filled(length, &list, ",", |_| unit.to_owned(), "]}");
    let deep = format!("{}0{}", "{\"\":".repeat(100), "}".repeat(100));
    vec![
        ("numbers", array("0")),
        ("arrays", array("[]")),
        ("objects", array("{\"\":0}")),
        ("members", filled(length, "{", ",", |number| format!("\"{number:x}\":0"), "}")),
        ("nested", filled(length, &list, ",", |_| deep.clone(), "]}")),
        ("escapes", filled(length, &format!("{{\"{field}\":\""), "", |_| "\\u00e9".to_owned(), "\"}")),
    ]
}

/// Forms of at most `length` bytes.
pub(super) fn form(field: &str, length: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("names", filled(length, "", "&", |number| format!("{number:x}"), "")),
        ("blanks", filled(length, "", "&", |_| "a".to_owned(), "")),
        ("escapes", filled(length, &format!("{field}="), "", |_| "%41".to_owned(), "")),
    ]
}
