//! Quotes as people and programs write them, made into those of RFC 4180.

use super::{Unreadable, lines::Lines, told::Places};

/// Bytes that may be read in vain, behind quotes that are never closed. A text that wants more is no table.
const MAX_VAIN: usize = 64 * 1024 * 1024;

/// What comes after a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Cell,
    Line,
    End,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As it is.
    Plain,
    /// In quotes, with nothing to mend.
    Quoted,
    /// In quotes, with backslashes or single quotes inside, or with blanks around.
    Odd { first: usize, end: usize },
    /// With a quote at its begin that is never closed.
    Unclosed,
}

/// A cell's place in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) after: After,
    form: Form,
}

/// Goes through a text's cells. A quote is closed by one that the end of a cell follows; one that follows the begin of
/// a cell or a line instead says that the one before was never closed.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    separator: u8,
    /// Whether a backslash takes a quote's meaning.
    escape: bool,
    /// Whether there was a quote behind a backslash that can mean nothing else.
    escapes: bool,
    vain: usize,
    ended: bool,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a str, separator: u8) -> Self {
        Self { text: text.as_bytes(), at: 0, separator, escape: false, escapes: false, vain: 0, ended: false }
    }

    /// The next cell; an empty line is one of an empty cell.
    pub(super) fn cell(&mut self) -> Option<Cell> {
        if self.ended {
            return None;
        }
        let start = self.at;
        let (form, end) = self.form(start);
        let after = match self.text.get(end) {
            None => After::End,
            Some(byte) if *byte == self.separator => After::Cell,
            Some(_) => After::Line,
        };
        // a line break of two bytes is one
        let pair = self.text.get(end..end + 2) == Some(b"\r\n");
        self.at = end + 1 + usize::from(pair && after == After::Line);
        self.ended = after == After::End || (after == After::Line && self.at >= self.text.len());
        Some(Cell { start, end, after, form })
    }

    fn form(&mut self, start: usize) -> (Form, usize) {
        let opening = self.blanks(start);
        let mut form = Form::Plain;
        if self.text.get(opening) == Some(&b'"') {
            if let Some((close, odd)) = self.close(opening) {
                let end = self.blanks(close + 1);
                let odd = odd || opening > start || end > close + 1;
                return (if odd { Form::Odd { first: opening + 1, end: close } } else { Form::Quoted }, end);
            }
            form = Form::Unclosed;
        }
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.iter().position(|byte| self.is_end(*byte)).map_or(self.text.len(), |length| start + length);
        (form, end)
    }

    /// The quote that closes the one at `opening`, and whether there is something to mend between them.
    fn close(&mut self, opening: usize) -> Option<(usize, bool)> {
        if self.vain > MAX_VAIN {
            return None;
        }
        let (mut at, mut odd) = (opening + 1, false);
        while let Some(byte) = self.text.get(at) {
            let next = self.text.get(at + 1);
            match byte {
                b'\\' if self.escape && matches!(next, Some(b'"' | b'\\')) => {
                    odd = true;
                    at += 1;
                }
                b'"' if next == Some(&b'"') => at += 1,
                b'"' => {
                    if self.text.get(self.blanks(at + 1)).is_none_or(|byte| self.is_end(*byte)) {
                        return Some((at, odd));
                    }
                    let before = self.text.get(at - 1).copied().unwrap_or_default();
                    if at == opening + 1 || self.is_end(before) {
                        break;
                    }
                    self.escapes |= before == b'\\';
                    odd = true;
                }
                _ => {}
            }
            at += 1;
        }
        self.vain += at - opening;
        None
    }

    const fn is_end(&self, byte: u8) -> bool {
        byte == self.separator || byte == b'\r' || byte == b'\n'
    }

    /// The place behind the blanks at a place.
    fn blanks(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| **byte == b' ' && **byte != self.separator).count()
    }
}

/// A text with the quotes of RFC 4180.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mended {
    pub(super) text: String,
    /// Cells with a quote at their begin that is never closed; it is a part of them now.
    pub(super) unclosed: Places,
    /// Cells whose quotes are others than in RFC 4180.
    pub(super) odd: Places,
}

/// Makes the quotes of a text those of RFC 4180. Where they are already, nothing is changed.
pub(super) fn mend(text: String, separator: u8) -> Result<Mended, Unreadable> {
    if !text.contains('"') {
        return Ok(Mended { text, ..Mended::default() });
    }
    let (mended, escapes) = pass(&text, separator, false)?;
    let mended = if escapes { pass(&text, separator, true)?.0 } else { mended };
    Ok(match mended {
        Some(mended) => mended,
        None => Mended { text, ..Mended::default() },
    })
}

/// The mended text, if it is another one, and whether quotes are behind backslashes.
fn pass(text: &str, separator: u8, escape: bool) -> Result<(Option<Mended>, bool), Unreadable> {
    let mut scan = Scan { escape, ..Scan::new(text, separator) };
    let mut mended = Mended::default();
    let mut lines = Lines::default();
    let mut copied = 0;
    let between = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    while let Some(cell) = scan.cell() {
        let (inside, places) = match cell.form {
            Form::Plain | Form::Quoted => continue,
            Form::Odd { first, end } => (plain(between(first, end), escape), &mut mended.odd),
            Form::Unclosed => (between(cell.start, cell.end).to_owned(), &mut mended.unclosed),
        };
        let line = places.is_open().then(|| lines.of(text.as_bytes(), cell.start));
        places.add(line);
        mended.text.push_str(between(copied, cell.start));
        mended.text.push('"');
        mended.text.push_str(&inside.replace('"', "\"\""));
        mended.text.push('"');
        copied = cell.end;
    }
    if scan.vain > MAX_VAIN {
        return Err(Unreadable::Quotes);
    }
    mended.text.push_str(between(copied, text.len()));
    Ok(((copied > 0).then_some(mended), scan.escapes))
}

/// The text that stands between quotes.
fn plain(inside: &str, escape: bool) -> String {
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let kept = match (c, next) {
            ('\\', Some(next @ ('"' | '\\'))) if escape => rest.next().unwrap_or(next),
            ('"', Some('"')) => rest.next().unwrap_or('"'),
            (c, _) => c,
        };
        out.push(kept);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, the lines of quotes that are never closed, and those of odd ones.
    fn told(text: &str, separator: u8) -> (String, Vec<u64>, Vec<u64>) {
        let mended = mend(text.to_owned(), separator).unwrap();
        let again = mend(mended.text.clone(), separator).unwrap();
        let expected = Mended { text: mended.text.clone(), ..Mended::default() };
        assert_eq!(again, expected, "what is mended needs no mending");
        (mended.text, mended.unclosed.lines, mended.odd.lines)
    }

    #[test]
    fn what_is_right_is_left_alone() {
        for text in [
            "",
            "\"",
            "a;b\n",
            "\"a \"\"b\"\"\";\"\"\r\n\"c\nd\";e",
            "5\" x;y\"z\n",
            "\"\"\"\";\"C:\\dir\\\";\"\"\"a\"\n",
            "\n\n\"a\"\r\r\"b\"\r\n",
        ] {
            let (expected, lines) = if text == "\"" { ("\"\"\"\"", vec![1]) } else { (text, Vec::new()) };
            assert_eq!(told(text, b';'), (expected.to_owned(), lines, Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn odd_quotes_are_mended() {
        for (text, expected, lines) in [
            ("\"Le \\\"Nord\\\" bistrot\",q\n", "\"Le \"\"Nord\"\" bistrot\",q\n", vec![1]),
            (
                "\"the \\\"Nord\\\"\",q\n\"a \\\\ b\",\"c\\d\"\n",
                "\"the \"\"Nord\"\"\",q\n\"a \\ b\",\"c\\d\"\n",
                vec![1, 2],
            ),
            ("x\r\r\n\"the \"Nord\" one\",q", "x\r\r\n\"the \"\"Nord\"\" one\",q", vec![3]),
            ("a, \"b, c\" ,d", "a,\"b, c\",d", vec![1]),
        ] {
            assert_eq!(told(text, b','), (expected.to_owned(), Vec::new(), lines), "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_takes_no_other_row() {
        for (text, expected, line) in [
            ("n,e\n\"A,1\nB,2\n\"C\",3\n", "n,e\n\"\"\"A\",1\nB,2\n\"C\",3\n", 2),
            ("n,e\nB,2\n\"A,1\nB,2\n", "n,e\nB,2\n\"\"\"A\",1\nB,2\n", 3),
            ("\"5\"\",x\n\"B\",\"y\"\n", "\"\"\"5\"\"\"\"\",x\n\"B\",\"y\"\n", 1),
            ("\"\"A\"\",1\n", "\"\"\"\"\"A\"\"\"\"\",1\n", 1),
        ] {
            assert_eq!(told(text, b','), (expected.to_owned(), vec![line], Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn hostile_quotes_are_given_up() {
        let text = format!("{}\"\"\n", "\"\"\"a\n".repeat(200_000));
        assert_eq!(mend(text, b','), Err(Unreadable::Quotes));
    }

    proptest::proptest! {
        #[test]
        fn mending_ends_and_is_done_once(text in "[\",;\\\\\n\r a]{0,24}") {
            told(&text, b',');
        }
    }
}
