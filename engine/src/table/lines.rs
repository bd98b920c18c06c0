//! Lines of a text, as an editor counts them.

/// Line breaks in a text; one of two bytes is one.
pub(super) fn breaks(text: &[u8]) -> u64 {
    let mut last = 0;
    let mut count = 0;
    for &byte in text {
        count += u64::from(byte == b'\r' || (byte == b'\n' && last != b'\r'));
        last = byte;
    }
    count
}

/// Tells the lines of places that come one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    at: usize,
    breaks: u64,
}

impl Lines {
    /// The line of a place that is not before the last one, from 1.
    pub(super) fn of(&mut self, text: &[u8], place: usize) -> u64 {
        // the two bytes of one break are not parted
        let inside = text.get(place) == Some(&b'\n') && place > 0 && text.get(place - 1) == Some(&b'\r');
        let place = place - usize::from(inside);
        self.breaks += breaks(text.get(self.at..place).unwrap_or_default());
        self.at = place.max(self.at);
        self.breaks + 1
    }
}

/// What ends a line where neither CR nor LF does: NEL, and Unicode's separators of lines and paragraphs.
const UNUSUAL: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// What ends a line, in one way or the other.
pub(super) const BREAKS: [char; 5] = ['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}'];

/// Whether a text's lines end in none of the usual ways. Beside usual ends, unusual ones are a part of a cell.
pub(super) fn end_unusually(text: &str) -> bool {
    let own = text.trim_end_matches(['\r', '\n']);
    !own.contains(['\r', '\n']) && own.contains(UNUSUAL)
}

/// The lines of places in a text whose lines end unusually.
pub(super) fn unusual_line(text: &str, place: usize) -> u64 {
    text.get(..place).unwrap_or_default().matches(UNUSUAL).count() as u64 + 1
}

/// A text whose lines end unusually, with usual ends.
pub(super) fn usual(text: &str) -> String {
    text.replace(UNUSUAL, "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_whatever_ends_them() {
        for text in ["a\nb\nc", "a\rb\rc", "a\r\nb\r\nc"] {
            let mut lines = Lines::default();
            let told: Vec<u64> = "abc".chars().map(|c| lines.of(text.as_bytes(), text.find(c).unwrap())).collect();
            assert_eq!(told, [1, 2, 3], "{text:?}");
        }
        let mut lines = Lines::default();
        assert_eq!([1, 2, 3, 9].map(|place| lines.of(b"a\r\nb", place)), [1, 1, 2, 2]);
    }

    #[test]
    fn unusual_ends_count_where_there_are_no_others() {
        let text = "a\u{85}b\u{2028}c\u{2029}\n";
        assert!(end_unusually(text));
        assert_eq!(usual(text), "a\nb\nc\n\n");
        assert_eq!(unusual_line(text, text.find('c').unwrap()), 3);
        for text in ["a\u{2028}b\nc", "a\u{85}\r\nb", "", "a\n"] {
            assert!(!end_unusually(text), "{text:?}");
        }
    }
}
