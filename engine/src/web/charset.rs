//! The text of a page (outsend 11.5): its mark, its header, its own declaration, else a guess by its bytes.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that a declaration in the page is looked for in, as browsers do.
const PRESCAN: usize = 1024;
/// Bytes that a charset is guessed by, from the first one on that is not ASCII: more cost time and tell little.
const GUESSED_BY: usize = 4 * 1024;

/// Decodes a page. `content_type` is its header, `top` the last label of its host, which a guess takes into account.
pub(super) fn decode(bytes: &[u8], content_type: &str, top: &str) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0.into_owned();
    }
    let declared = of_type(content_type).or_else(|| of_page(bytes));
    if let Some(encoding) = declared {
        let (text, _, faults) = encoding.decode(bytes);
        // what says UTF-8 and is not was made by somebody who did not know
        if !faults || encoding != UTF_8 {
            return text.into_owned();
        }
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    detector.feed(bytes.get(first..).map_or(bytes, |rest| rest.get(..GUESSED_BY).unwrap_or(rest)), true);
    let top = top.bytes().all(|byte| byte.is_ascii_lowercase()).then_some(top.as_bytes());
    let guess = detector.guess(top.filter(|top| !top.is_empty()), Utf8Detection::Allow);
    guess.decode_without_bom_handling(bytes).0.into_owned()
}

fn of_type(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, label) = lower.split_once("charset=")?;
    let label = label.split(';').next()?.trim().trim_matches(['"', '\'']);
    Encoding::for_label(label.as_bytes())
}

/// `<meta charset=x>` or `content="…; charset=x"` among the first bytes.
fn of_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..PRESCAN.min(bytes.len()))?.to_ascii_lowercase();
    let mut rest = head.as_slice();
    while let Some(at) = find(rest, b"<meta") {
        rest = rest.get(at + 5..)?;
        let tag = rest.get(..find(rest, b">").unwrap_or(rest.len()))?;
        let Some(at) = find(tag, b"charset=") else { continue };
        let label = tag.get(at + 8..)?;
        let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
        let end = label.iter().position(|byte| b"\"'; />".contains(byte)).unwrap_or(label.len());
        if let Some(encoding) = Encoding::for_label(label.get(..end)?) {
            // a page that could be read up to here is no UTF-16
            return Some(if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding });
        }
    }
    None
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_other_charsets() {
        let latin = b"<p>Mentions l\xe9gales \x80</p>";
        for (bytes, kind, expected) in [
            (&b"\xef\xbb\xbf<p>\xc3\xa9"[..], "text/html; charset=iso-8859-1", "<p>é"),
            (b"\xff\xfe<\0p\0>\0", "text/html", "<p>"),
            (latin, "text/html; charset=ISO-8859-1", "<p>Mentions légales €</p>"),
            (latin, "text/html; charset=\"windows-1252\"; x", "<p>Mentions légales €</p>"),
            (b"<meta charset=latin1><p>\xe9", "text/html", "<meta charset=latin1><p>é"),
            (
                b"<META http-equiv=a content='text/html; charset=ISO-8859-15'>\xa4",
                "text/html",
                "<META http-equiv=a content='text/html; charset=ISO-8859-15'>€",
            ),
            (b"<meta charset=\"utf-16\">\xc3\xa9", "text/html", "<meta charset=\"utf-16\">é"),
            (
                b"<meta charset=nonsense><meta charset=koi8-r>\xc1",
                "text/html",
                "<meta charset=nonsense><meta charset=koi8-r>а",
            ),
            (b"<p>\xc3\xa9</p>", "text/html", "<p>é</p>"),
            // says UTF-8 and is not
            (
                b"<p>Soci\xe9t\xe9 \xe0 responsabilit\xe9 limit\xe9e, g\xe9rant</p>",
                "text/html; charset=utf-8",
                "<p>Société à responsabilité limitée, gérant</p>",
            ),
            (
                b"<p>Soci\xe9t\xe9 \xe0 responsabilit\xe9 limit\xe9e, g\xe9rant</p>",
                "text/html",
                "<p>Société à responsabilité limitée, gérant</p>",
            ),
            (b"", "text/html", ""),
        ] {
            assert_eq!(decode(bytes, kind, "fr"), expected);
        }
        // where the first bytes say nothing, and where there are many
        let long = [b"<p>x".repeat(20_000), b"Soci\xe9t\xe9 \xe0 responsabilit\xe9 ".repeat(2_000)].concat();
        let text = decode(&long, "text/html", "fr");
        assert!(text.ends_with("Société à responsabilité ") && !text.contains('\u{fffd}'));
    }
}
