//! What the columns of a table without a header are (outsend 11.3).

use super::aliases::names_column;
use crate::values;

/// A name and the test that cells pass.
type Pattern = (&'static str, fn(&str) -> bool);

/// Canonical names that a cell's form can mean, in the order in which they are tried (outsend 11.3).
const PATTERNS: [Pattern; 9] = [
    ("email", |cell| values::email(cell).is_some()),
    ("lien_google_maps", listing),
    ("site_web", site),
    ("siret", |cell| values::siret(cell).is_some()),
    ("siren", |cell| values::siren(cell).is_some()),
    ("telephone", |cell| values::phone(cell, None).is_some()),
    ("code_postal", |cell| cell.len() == 5 && integer(cell)),
    ("rating", rating),
    ("reviews_count", integer),
];

/// Cells of a column that are looked at.
const SAMPLE: usize = 50;

fn integer(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit())
}

fn rating(cell: &str) -> bool {
    cell.split_once(['.', ',']).is_some_and(|(whole, part)| {
        integer(whole) && integer(part) && values::number(&cell.into()).is_some_and(|number| number <= 5.0)
    })
}

/// `^https?://([^/]*google\.[^/]+/maps|maps\.app\.goo\.gl|www\.openstreetmap\.org)/`
fn listing(cell: &str) -> bool {
    let Some(rest) = cell.strip_prefix("https://").or_else(|| cell.strip_prefix("http://")) else { return false };
    let Some((host, path)) = rest.split_once('/') else { return false };
    let google = host.rfind("google.").is_some_and(|index| host.len() > index + "google.".len());
    matches!(host, "maps.app.goo.gl" | "www.openstreetmap.org") || (google && path.starts_with("maps/"))
}

/// `^(https?://)?([a-z0-9-]+\.)+[a-z]{2,}(/.*)?$`, whatever the case
fn site(cell: &str) -> bool {
    let cell = cell.to_ascii_lowercase();
    let rest = cell.strip_prefix("https://").or_else(|| cell.strip_prefix("http://")).unwrap_or(&cell);
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let Some((labels, last)) = host.rsplit_once('.') else { return false };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    labels.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !rest.contains(['\r', '\n'])
}

/// Whether a table with this first row has no header (outsend 11.3).
#[must_use]
pub fn headless(first: &[String]) -> bool {
    let mut cells = first.iter().map(|cell| cell.trim());
    !first.iter().any(|cell| names_column(cell)) && cells.any(|cell| PATTERNS.iter().any(|(_, matches)| matches(cell)))
}

/// Whether a cell may stand in for one of a column by which somebody is reached: it looks like an address, a number that can be called, or a
/// site's own address. Of other columns, every cell may.
pub(crate) fn fits(column: &str, cell: &str) -> bool {
    match column {
        "email" => values::plain(cell).contains('@'),
        "telephone" => cell.chars().filter(char::is_ascii_digit).count() >= 6,
        "site_web" => values::host(cell).is_some_and(|host| host.contains('.')) && !listing(cell.trim()),
        _ => true,
    }
}

/// The year that a cell is.
fn year(cell: &str) -> Option<u16> {
    let cell = cell.trim();
    (cell.len() == 4 && integer(cell)).then(|| cell.parse().ok()).flatten().filter(|year| (1900..=2100).contains(year))
}

/// Whether the first row of a table names columns for years: it has nothing else that a cell could be, and most cells
/// below them are no years (outsend 11.3).
#[must_use]
pub fn years(first: &[String], rows: &[Vec<String>]) -> bool {
    let formed = |cell: &str| PATTERNS.iter().any(|(_, matches)| matches(cell));
    let mut named = Vec::new();
    for (index, cell) in first.iter().enumerate().filter(|(_, cell)| formed(cell.trim())) {
        match year(cell) {
            Some(year) if named.iter().all(|(_, known)| *known != year) => named.push((index, year)),
            _ => return false,
        }
    }
    let below = rows.iter().flat_map(|row| named.iter().filter_map(|(index, _)| row.get(*index)));
    let (mut cells, mut alike) = (0_usize, 0_usize);
    for cell in below.filter(|cell| !cell.trim().is_empty()) {
        cells += 1;
        alike += usize::from(year(cell).is_some());
    }
    cells > 0 && alike * 2 < cells
}

/// The names of the columns of a table without a header, and which of them were recognized by their cells (outsend 11.3).
/// `rows` are all its rows; reading stops when every column has shown enough cells.
pub fn infer<'a>(width: usize, rows: impl Iterator<Item = Vec<&'a str>>) -> (Vec<String>, Vec<String>) {
    let mut samples: Vec<Vec<String>> = vec![Vec::new(); width];
    for row in rows {
        for (sample, cell) in samples.iter_mut().zip(row) {
            let cell = cell.trim();
            if sample.len() < SAMPLE && !cell.is_empty() {
                sample.push(cell.to_owned());
            }
        }
        if samples.iter().all(|sample| sample.len() == SAMPLE) {
            break;
        }
    }
    name(&samples)
}

fn name(samples: &[Vec<String>]) -> (Vec<String>, Vec<String>) {
    let most = |sample: &[String], matches: &dyn Fn(&str) -> bool| {
        let matching = sample.iter().filter(|cell| matches(cell)).count();
        !sample.is_empty() && matching * 10 >= sample.len() * 6
    };
    let mut names: Vec<Option<&str>> = vec![None; samples.len()];
    // a second column of the same kind gets no name, but it is not left for `nom` either
    let mut typed = vec![false; samples.len()];
    for ((sample, typed), index) in samples.iter().zip(&mut typed).zip(0..) {
        if let Some((kind, _)) = PATTERNS.iter().find(|(_, matches)| most(sample, matches)) {
            *typed = true;
            if !names.contains(&Some(*kind))
                && let Some(name) = names.get_mut(index)
            {
                *name = Some(kind);
            }
        }
    }
    let letters: fn(&str) -> bool = |cell| cell.chars().any(char::is_alphabetic);
    let both: fn(&str) -> bool = |cell| cell.chars().any(char::is_alphabetic) && cell.chars().any(char::is_numeric);
    let mut wanted: Option<Pattern> = Some(("nom", letters));
    for ((sample, typed), name) in samples.iter().zip(&typed).zip(&mut names) {
        if let Some((kind, matches)) = wanted
            && !typed
            && most(sample, &matches)
        {
            *name = Some(kind);
            wanted = (kind == "nom").then_some(("adresse", both));
        }
    }
    let inferred = names.iter().flatten().map(|name| (*name).to_owned()).collect();
    let named = |(index, name): (usize, &Option<&str>)| name.map_or_else(|| format!("col_{index}"), str::to_owned);
    ((1..).zip(&names).map(named).collect(), inferred)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_first_row_of_data_is_no_header() {
        assert!(headless(&cells(&["Garage Dupont", "info@dupont.fr"])));
        assert!(headless(&cells(&["Garage Dupont", "4,5"])));
        assert!(!headless(&cells(&["Garage Dupont", "Lyon"])), "no cell has a form");
        assert!(!headless(&cells(&["Website", "info@dupont.fr"])), "a cell is a name");
        assert!(!headless(&[]));
    }

    #[test]
    fn years_name_columns_where_the_cells_below_are_none() {
        let rows = |text: &str| -> Vec<Vec<String>> {
            text.split('|').map(|row| cells(&row.split(';').collect::<Vec<_>>())).collect()
        };
        for (text, expected) in [
            ("Region;2019;2020|A;12;13.5|B;1 234;", true),
            (";2019;2020|A;2000;13|B;14;15", true),
            ("2019;2020|1;2", true),
            ("Dupont;2019|Paul;2020|Eva;2003", false),
            ("A;2019;2019|B;1;2", false),
            ("A;2019;12|B;1;2", false),
            ("A;2019;a@b.fr|B;1;c@d.fr", false),
            ("A;2019", false),
            ("A;2019|B;", false),
            ("A;B|1;2", false),
        ] {
            let rows = rows(text);
            assert_eq!(years(&rows[0], &rows[1..]), expected, "{text}");
        }
    }

    #[test]
    fn columns_are_named_by_most_of_their_cells() {
        let rows = [
            [
                "Garage Dupont",
                "12 rue A, Lyon",
                "info@dupont.fr",
                "dupont.fr",
                "0472000001",
                "69001",
                "4,5",
                "12",
                "a@b.fr",
            ],
            [
                "Chez Paul",
                "3 rue B, Lyon",
                "paul@paul.fr",
                "https://paul.fr/x",
                "0472000002",
                "69002",
                "3.9",
                "7",
                "c@d.fr",
            ],
            ["Salon Eva", "Lyon", "-", "eva.fr", "?", "69003", "", "", ""],
        ];
        let (names, inferred) = infer(9, rows.iter().map(|row| row.to_vec()));
        assert_eq!(
            names,
            ["nom", "adresse", "email", "site_web", "telephone", "code_postal", "rating", "reviews_count", "col_9"]
        );
        assert_eq!(inferred.len(), 8);
        let rows = [
            ["https://www.google.com/maps/place/x", "732829320", "73282932000074", "", "Paris"],
            ["https://maps.app.goo.gl/abc", "732 829 320", "732 829 320 00074", "", "Lyon"],
        ];
        let (names, _) = infer(5, rows.iter().map(|row| row.to_vec()));
        assert_eq!(names, ["lien_google_maps", "siren", "siret", "col_4", "nom"]);
    }

    #[test]
    fn forms() {
        assert!(listing("https://www.openstreetmap.org/node/1"));
        assert!(listing("https://maps.google.fr/maps/place"));
        assert!(!listing("https://google.com/search"));
        assert!(!listing("https://google./maps/"));
        assert!(site("Exemple.FR") && site("http://a.b.exemple.fr/x y"));
        assert!(!site("info@exemple.fr") && !site("12.5") && !site("exemple") && !site("a..fr"));
        assert!(rating("5.0") && rating("0,1"));
        assert!(!rating("5,1") && !rating("5") && !rating("4.5.1") && !rating("-1.0"));
    }
}
