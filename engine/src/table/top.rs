//! Where a table begins: titles and notes above it are passed over (outsend 12.2).

use crate::columns;

/// Rows among which the header is looked for.
pub(super) const ROWS: usize = 20;

fn filled(row: &[String]) -> usize {
    row.iter().filter(|cell| !cell.trim().is_empty()).count()
}

fn named(row: &[String]) -> usize {
    row.iter().filter(|cell| columns::names_column(cell)).count()
}

/// How many of the first rows stand above the table: titles and notes. `rows` are the first ones.
///
/// A row with names of columns has none above that is as full, and none of them names a column; where all rows have one
/// cell, a name with rows below it is one. Without names, rows of
/// one cell that says nothing a column could hold stand above a table whose rows have several.
pub(super) fn notes(rows: &[Vec<String>]) -> usize {
    if rows.first().is_none_or(|first| named(first) > 0) {
        return 0;
    }
    // in a table of one column nothing is fuller than its title
    let single = rows.iter().all(|row| filled(row) <= 1);
    let mut fullest = 0;
    for (index, row) in rows.iter().enumerate() {
        let (cells, names) = (filled(row), named(row));
        if index > 0 && cells > fullest && (names >= 2 || (names == 1 && fullest == 1)) {
            return index;
        }
        let above = rows.get(..index).unwrap_or_default();
        if single
            && index > 0
            && names == 1
            && index + 1 < rows.len()
            && !above.iter().any(|row| columns::headless(row))
        {
            return index;
        }
        fullest = fullest.max(cells);
    }
    let Some(first) = rows.iter().position(|row| row.len() > 1) else { return 0 };
    let wide = rows.iter().filter(|row| row.len() > 1).count();
    let above = rows.get(..first).unwrap_or_default();
    if wide * 2 <= rows.len() || above.iter().any(|row| columns::headless(row)) {
        return 0;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_notes_are_no_rows() {
        for (text, expected) in [
            ("Clients 2026|nom;email|A;a@one.test", 1),
            ("Clients;;|Export;12/03/2026;|Nom;Email;x|A;a@one.test;1", 2),
            ("Our customers|Region;Head;x|A;B;1|C;D;2", 1),
            ("Our customers|A;a@one.test|B;b@one.test", 1),
            ("Clients;|Ref;Email|1;a@one.test", 1),
            ("Our customers|nom|A|B", 1),
            ("Our customers||nom|A|B", 2),
            ("Our customers|nom", 0),
            ("a@one.test|email|b@one.test", 0),
            ("nom|email;x|A;b", 0),
            ("x;y|nom;email|A;b", 0),
            ("Region;;|A;1;2|B;3;4", 0),
            ("one|two|three", 0),
            ("a@one.test|b@one.test;x", 0),
            ("", 0),
        ] {
            let row = |row: &str| row.split(';').map(str::to_owned).collect();
            let rows: Vec<Vec<String>> = text.split('|').map(row).collect();
            assert_eq!(notes(&rows), expected, "{text}");
        }
        assert_eq!(notes(&[]), 0);
    }
}
