//! The diff against a plain computation over whole rows (outsend 15.4), and the example of outsend 22.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Module, Row};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The rows of a run by key: sorted in parts of so many bytes, which are merged.
fn sorted(module: Module, columns: &[String], rows: &[Row], full: usize) -> Vec<Row> {
    let mut sorter = sorter::Sorter::with(module, columns, full);
    let mut parts = Vec::new();
    for row in rows {
        sorter.take(row);
        if sorter.is_full() {
            parts.extend(sorter.part());
        }
    }
    parts.extend(sorter.part());
    let mut rows: Vec<Row> = parts.iter().map(|text| serde_json::from_str(text).expect("a row")).collect();
    let key = |row: &Row| keyed(row).expect("a key").0.to_owned();
    rows.sort_by_key(key);
    rows.dedup_by_key(|row| key(row));
    rows
}

/// How many rows there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    new: u64,
    closed: u64,
    modified: u64,
    unchanged: u64,
}

/// Two runs compared: what there is of each, and what was found, by key.
fn all((before, was): (&[String], &[Row]), (after, is): (&[String], &[Row])) -> (Counts, Vec<Finding>) {
    let by_key = |rows: &[Row]| -> BTreeMap<String, Row> {
        let keyed = rows.iter().map(|row| keyed(row).expect("a key"));
        keyed.map(|(key, cells)| (key.to_owned(), cells.to_vec())).collect()
    };
    let (was, is) = (by_key(was), by_key(is));
    let comparison = Comparison::new(before, after);
    let (mut counts, mut findings) = (Counts::default(), Vec::new());
    for key in was.keys().chain(is.keys()).collect::<std::collections::BTreeSet<_>>() {
        let found = comparison.of(key, was.get(key).map(Vec::as_slice), is.get(key).map(Vec::as_slice));
        match found.as_ref().map(|found| found.bucket) {
            None => counts.unchanged += 1,
            Some(Bucket::New) => counts.new += 1,
            Some(Bucket::Closed) => counts.closed += 1,
            Some(Bucket::Modified) => counts.modified += 1,
        }
        findings.extend(found);
    }
    (counts, findings)
}

fn found(finding: &Finding) -> FoundRow {
    FoundRow::read(finding.row.clone()).expect("a finding")
}

#[test]
fn the_example_of_the_contract() {
    let columns = names(&["nom", "adresse", "ville", "telephone", "site_web", "lien_google_maps", "note", "nb_avis"]);
    let row = |phone: &str, rating: f64, reviews: u64| {
        let place = "https://www.openstreetmap.org/node/123";
        let row = json!([
            "Cabinet Vaugirard",
            "12 Rue de Vaugirard",
            "Paris",
            phone,
            "https://example.org/",
            place,
            rating,
            reviews
        ]);
        row.as_array().expect("a row").clone()
    };
    let (before, after) = (row("+33145310000", 4.5, 100), row("+33145310001", 4.2, 130));
    let of = |row: &Row| sorted(Module::Scrap, &columns, std::slice::from_ref(row), 1);
    let (counts, findings) = all((&columns, &of(&before)), (&columns, &of(&after)));
    assert_eq!(counts, Counts { modified: 1, ..Counts::default() });
    let kept = found(&findings[0]);
    assert_eq!((&kept.changes, &kept.row), (&json!(["rating", "reviews_count", "telephone"]), &after));
    assert_eq!(kept.cell("rating_after"), json!(4.2));
    let signal: Map<String, Value> = SIGNAL_COLUMNS.into_iter().map(str::to_owned).zip(kept.signal).collect();
    let expected = json!({
        "bucket": "modified", "type": "phone_change", "score": 36, "key": "https://www.openstreetmap.org/node/123",
        "nom": "Cabinet Vaugirard", "adresse": "12 Rue de Vaugirard", "ville": "Paris",
        "telephone": "+33145310001", "site_web": "https://example.org/",
        "lien_google_maps": "https://www.openstreetmap.org/node/123",
        "rating_before": 4.5, "rating_after": 4.2, "reviews_before": 100, "reviews_after": 130,
        "contact_changes": ["telephone"], "phone_before": "+33145310000", "phone_after": "+33145310001",
        "site_before": "https://example.org/", "site_after": "https://example.org/"
    });
    assert_eq!(Value::Object(signal).to_string(), expected.to_string());
    let (_, findings) = all((&columns, &of(&before)), (&columns, &[]));
    let closed = found(&findings[0]).signal;
    assert_eq!(
        (&closed[2], &closed[10], &closed[11], &closed[14]),
        (&json!(60), &json!(4.5), &Value::Null, &json!([]))
    );
}

/// A row in the plain computation: what it is known by and what is compared, as the generator made it.
type Plain = (String, Option<u8>, Option<u8>, Option<u8>, Option<u8>);

#[derive(Clone, Debug)]
struct Made {
    key: Option<u8>,
    values: [Option<u8>; 4],
    /// Other ways to write the same.
    spelling: bool,
}

impl Made {
    fn row(&self) -> Row {
        let [rating, reviews, phone, site] = self.values;
        let other = self.spelling;
        let key = self.key.map_or(Value::Null, |key| {
            json!(if other { format!(" HTTP://M.test:80/{key}#x") } else { format!("http://m.test/{key}") })
        });
        let number = |number: Option<u8>| match number {
            None => {
                if other {
                    json!("n/a")
                } else {
                    Value::Null
                }
            }
            Some(number) => {
                if other {
                    json!(format!("{number},5"))
                } else {
                    json!(f64::from(number) + 0.5)
                }
            }
        };
        let phone = phone.map_or(Value::Null, |phone| {
            json!(if other { format!("01 23 45 67 8{phone}") } else { format!("+33-12345678{phone}") })
        });
        let site = site.map_or(json!(" "), |site| {
            json!(if other { format!("www.site{site}.fr") } else { format!("https://site{site}.fr/?q") })
        });
        vec![key, number(rating), number(reviews), phone, site]
    }

    fn plain(&self) -> Option<Plain> {
        let [rating, reviews, phone, site] = self.values;
        let key = match (self.key, site) {
            (Some(key), _) => format!("http://m.test/{key}"),
            // without a listing, its site
            (None, Some(site)) if self.spelling => format!("https://www.site{site}.fr/"),
            (None, site) => format!("https://site{}.fr/?q", site?),
        };
        Some((key, rating, reviews, phone, site))
    }
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let value = || proptest::option::of(0..3_u8);
    let one = (proptest::option::weighted(0.9, 0..12_u8), [value(), value(), value(), value()], any::<bool>());
    proptest::collection::vec(one.prop_map(|(key, values, spelling)| Made { key, values, spelling }), 0..30)
}

/// The first row of each key.
fn firsts(rows: &[Made]) -> BTreeMap<String, (usize, Plain)> {
    let mut firsts = BTreeMap::new();
    for (position, plain) in rows.iter().enumerate().filter_map(|(position, row)| Some((position, row.plain()?))) {
        firsts.entry(plain.0.clone()).or_insert((position, plain));
    }
    firsts
}

/// What changed, the plain way.
fn changes(before: &Plain, after: &Plain) -> Vec<Change> {
    let number = |one: Option<u8>, other: Option<u8>| one.is_some() && other.is_some() && one != other;
    [
        (Change::Rating, number(before.1, after.1)),
        (Change::Reviews, number(before.2, after.2)),
        (Change::Telephone, before.3 != after.3),
        (Change::Site, before.4 != after.4),
    ]
    .into_iter()
    .filter_map(|(change, changed)| changed.then_some(change))
    .collect()
}

proptest! {
    #[test]
    fn the_diff_is_that_of_the_sets(old in made(), new in made(), full in 1..400_usize) {
        let (was, is) = (firsts(&old), firsts(&new));
        let rows = |made: &[Made]| made.iter().map(Made::row).collect::<Vec<_>>();
        // the columns of the two runs have other names
        let before = names(&["gmaps", "note", "Avis", "Tel", "URL"]);
        let after = names(&["lien_google_maps", "rating", "reviews_count", "telephone", "site_web"]);
        let (counts, findings) = all(
            (&before, &sorted(Module::Scrap, &before, &rows(&old), full)),
            (&after, &sorted(Module::Filter, &after, &rows(&new), 200)),
        );
        let mut expected = Counts::default();
        let mut left = findings.iter();
        let keys: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
        for key in keys {
            let bucket = match (was.get(key), is.get(key)) {
                (None, _) => { expected.new += 1; Some(Bucket::New) }
                (_, None) => { expected.closed += 1; Some(Bucket::Closed) }
                (Some((_, then)), Some((_, now))) if changes(then, now).is_empty() => { expected.unchanged += 1; None }
                _ => { expected.modified += 1; Some(Bucket::Modified) }
            };
            let Some(bucket) = bucket else { continue };
            let finding = left.next().expect("a finding");
            let kept = found(finding);
            prop_assert_eq!((finding.bucket, kept.cell("key")), (bucket, json!(key)));
            prop_assert!((1..=100).contains(&finding.score));
            // of rows with one key, the first
            let (rows, first) = is.get(key).map_or((&old, was.get(key)), |first| (&new, Some(first)));
            let first = first.map(|(position, _)| rows[*position].row());
            prop_assert_eq!(Some(kept.row.clone()), first);
            if let (Some((_, then)), Some((_, now))) = (was.get(key), is.get(key)) {
                let expected: Value = changes(then, now).into_iter().map(Change::as_str).collect();
                prop_assert_eq!(&kept.changes, &expected);
            }
        }
        prop_assert!(left.next().is_none());
        prop_assert_eq!(counts, expected);
    }

    #[test]
    fn filters_keep_what_they_say(old in made(), new in made(), least in 0..=100_u8, kind in 0..8_usize) {
        let columns = names(&["lien_google_maps", "rating", "reviews_count", "telephone", "site_web"]);
        let of = |made: &[Made]| {
            sorted(Module::Scrap, &columns, &made.iter().map(Made::row).collect::<Vec<_>>(), 100)
        };
        let (_, mut findings) = all((&columns, &of(&old)), (&columns, &of(&new)));
        findings.sort_by(|one, other| rank(&one.row).cmp(&rank(&other.row)));
        prop_assert!(findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.score)));
        let kind = SignalType::ALL[kind];
        let filter = Filter { kinds: vec![kind], min_score: least };
        for finding in &findings {
            let right = finding.row[1] == json!(kind.as_str());
            prop_assert_eq!(filter.reaches(&finding.row), finding.score >= least);
            prop_assert_eq!(filter.holds(&finding.row), right && finding.score >= least);
        }
        prop_assert!(findings.iter().all(|finding| Filter::default().holds(&finding.row)));
    }
}

#[test]
fn a_part_is_bounded_and_sorted() {
    let columns = names(&["nom", "adresse"]);
    let mut sorter = Sorter::new(Module::Scrap, &columns);
    let mut taken = 0;
    while !sorter.is_full() {
        sorter.take(&[json!(format!("Place {}", taken * 7_919 % 1_000)), json!("x".repeat(1_000))]);
        taken += 1;
    }
    assert!((4_000..9_000).contains(&taken), "{taken}");
    let part = sorter.part();
    assert_eq!(part.len(), 1_000, "one of each key");
    assert!(part.is_sorted() && !sorter.is_full() && sorter.part().is_empty());
}
