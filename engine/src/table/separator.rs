//! What stands between the cells of a table (outsend 12.2).

use super::quotes::{After, Scan};

/// Separators that are looked for, in the order that breaks ties, with what they weigh: a `|` is more often a part of
/// a cell than between two.
const SEPARATORS: [(u8, usize); 4] = [(b',', 10), (b';', 10), (b'\t', 10), (b'|', 9)];
/// Stands for the separator of a table of one column. Nobody writes it.
pub(super) const NONE: u8 = 0x1f;
/// Rows that a separator is judged by.
const ROWS: usize = 20;
/// Most bytes that it is judged by.
const BYTES: usize = 1024 * 1024;

/// Takes off the first line that names a separator, as Excel writes and reads it: `sep=;`.
pub(super) fn named(text: &str) -> Option<(u8, &str)> {
    let line = text.split(['\r', '\n']).next()?;
    let inside = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let (name, separator) = inside.split_at_checked(4)?;
    let &[separator] = separator.as_bytes() else { return None };
    let usual = separator == b'\t' || separator == NONE || (separator.is_ascii_punctuation() && separator != b'"');
    if !name.eq_ignore_ascii_case("sep=") || !usual {
        return None;
    }
    let rest = text.get(line.len()..)?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n'])).unwrap_or(rest);
    Some((separator, rest))
}

/// The separator under which the most of the first rows have the same number of cells (outsend 12.2).
pub(super) fn judge(text: &str) -> u8 {
    let mut best = (0, 0, NONE);
    for (separator, weight) in SEPARATORS {
        let (score, cells) = score(text, separator);
        if (score * weight, cells) > (best.0, best.1) {
            best = (score * weight, cells, separator);
        }
    }
    best.2
}

/// How good a separator is, and how many cells the most rows have under it; 0 is none at all.
fn score(text: &str, separator: u8) -> (usize, usize) {
    let Measured { rows, loose, spaced } = measure(text, separator);
    let alike = |cells: usize| rows.iter().filter(|row| **row == cells).count();
    let usual = rows.iter().copied().filter(|cells| *cells > 1).max_by_key(|cells| (alike(*cells), *cells));
    let (Some(usual), Some(first)) = (usual, rows.first().copied()) else { return (0, 0) };
    let mut score = alike(usual) * 1_000 / rows.len();
    if first == 1 {
        // the first row names the columns; without the separator in it, the others must be sure of theirs. Three numbers
        // in each row are no decimals
        if spaced || (loose && usual < 3) || separator == b'|' || score <= 500 {
            return (0, 0);
        }
        score = score * 3 / 4;
    }
    (if loose { score / 2 } else { score }, usual)
}

/// The first rows under a separator.
struct Measured {
    /// The number of cells of each.
    rows: Vec<usize>,
    /// Whether most of the separators look like a part of a text or a number: a blank follows, or a comma stands
    /// between digits.
    loose: bool,
    /// Whether a blank follows most of them.
    spaced: bool,
}

fn measure(text: &str, separator: u8) -> Measured {
    let mut scan = Scan::new(text, separator);
    let (mut rows, mut cells, mut blank) = (Vec::new(), 0, true);
    let (mut numbers, mut spaced, mut all) = (0_usize, 0_usize, 0_usize);
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    while let Some(cell) = scan.cell() {
        cells += 1;
        blank &= text.get(cell.start..cell.end).is_none_or(|cell| cell.trim().is_empty());
        if cell.after == After::Cell {
            let number = separator == b',' && digit(cell.end.checked_sub(1)) && digit(Some(cell.end + 1));
            numbers += usize::from(number);
            spaced += usize::from(bytes.get(cell.end + 1) == Some(&b' '));
            all += 1;
            continue;
        }
        if !blank || cells > 1 {
            rows.push(cells);
        }
        (cells, blank) = (0, true);
        if rows.len() == ROWS || cell.end > BYTES {
            break;
        }
    }
    Measured { rows, loose: (numbers + spaced) * 2 > all, spaced: spaced * 2 > all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_cells_that_stays_the_same_decides() {
        let addresses = "Workshop;1 rue du Port, bat. B, 29200 Brest, France;a@one.test\n".repeat(7);
        for (text, separator) in [
            (format!("nom;adresse;email\n{addresses}"), b';'),
            (addresses, b';'),
            (
                "nom;texte;email\n\"A\";\"one\ntwo, three, a, b\n\nend\";\"b@one.test\"\n\"B\";\"x\";\"y\"\n".into(),
                b';',
            ),
            ("nom|email\nA|p@one.test\nB|q@one.test\n".into(), b'|'),
            ("nom;note\nA;4,5\nB;3,9\n".into(), b';'),
            ("A;4,5\nB;3,9\n".into(), b';'),
            ("lat;lon\n48,85;2,35\n45,76;4,83\n".into(), b';'),
            ("lat,lon\n48.85,2.35\n45,4\n".into(), b','),
            ("1,2,3\n4,5,6\n".into(), b','),
            ("id;nb;note\nA;1,234;4,5\nB;1 234;4.5\nC;1,234,567;4\n".into(), b';'),
            ("Export, 2026\nnom;email\nA;a@one.test\nB;b@one.test\nC;c@one.test\n".into(), b';'),
            ("nom\ttags\nA\tx; y, z\nB\tx | y\n".into(), b'\t'),
            ("name, email\nA, a@one.test\n".into(), b','),
            ("nom,tags\nA,x;y\nB,z;w\n".into(), b','),
            ("\n\nnom;email\n;;\nA;b\n".into(), b';'),
            ("email\na@one.test,\nb@one.test,\n".into(), b','),
            ("Sales\nRegion,2025,2026\nNorth,12,13\nSouth,14,15\n".into(), b','),
            ("note\n4,5\n3,9\n".into(), NONE),
            ("adresse\n1 rue A, 29200 Brest, France\n2 rue B, 29200 Brest, France\n".into(), NONE),
            ("adresse\n1 rue A, Brest\n2 rue B, Brest\n3, rue C\n".into(), NONE),
            ("nom\na|b\nc|d\n".into(), NONE),
            ("one word".into(), NONE),
            (String::new(), NONE),
        ] {
            assert_eq!(char::from(judge(&text)), char::from(separator), "{text:?}");
        }
    }

    #[test]
    fn a_first_line_can_name_it() {
        assert_eq!(named("sep=;\r\nnom;x\r\n"), Some((b';', "nom;x\r\n")));
        assert_eq!(named("\"SEP=\t\"\nnom"), Some((b'\t', "nom")));
        assert_eq!(named("sep=^"), Some((b'^', "")));
        for text in ["sep=\nnom", "sep=;;\n", "sep=a\n", "sep=\"\n", "sep;x\n", "", "sep", "séparé\n", "sep=é\n"] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }
}
