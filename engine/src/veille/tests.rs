//! The diff against a plain computation over whole rows (outsend 15.4), and the example of outsend 22.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Module, Row};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The pieces of a snapshot by part, each a few rows long; made in slices of so many rows.
fn snapshot(module: Module, columns: &[String], rows: &[Row], slice: usize) -> Vec<Vec<Vec<u8>>> {
    let mut parts = vec![Vec::new(); usize::from(BUCKETS)];
    for (number, rows) in rows.chunks(slice).enumerate() {
        let mut builder = snapshot::Builder::with(module, columns, (number * slice) as u64, 100);
        let mut pieces: Vec<Piece> = rows.iter().filter_map(|row| builder.take(row)).collect();
        pieces.extend(builder.finish());
        for piece in pieces {
            parts[usize::from(piece.bucket)].push(piece.bytes);
        }
    }
    parts
}

/// All parts compared, their findings by key.
fn all(before: &[Vec<Vec<u8>>], after: &[Vec<Vec<u8>>]) -> (Counts, Vec<Finding>, Ranking) {
    let (mut counts, mut findings, mut ranking) = (Counts::default(), Vec::new(), Ranking::default());
    for (part, (before, after)) in (0..).zip(before.iter().zip(after)) {
        let slices = |pieces: &[Vec<u8>]| pieces.to_vec();
        let (before, after) = (slices(before), slices(after));
        let before: Vec<&[u8]> = before.iter().map(Vec::as_slice).collect();
        let after: Vec<&[u8]> = after.iter().map(Vec::as_slice).collect();
        let found = compare(&before, &after).expect("whole pieces");
        counts += found.counts;
        ranking.add(part, &found.findings);
        findings.extend(found.findings);
    }
    findings.sort_by(|one, other| one.key.cmp(&other.key));
    (counts, findings, ranking)
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
    let of = |row: &Row| snapshot(Module::Scrap, &columns, std::slice::from_ref(row), 1);
    let (counts, findings, _) = all(&of(&before), &of(&after));
    assert_eq!(counts, Counts { modified: 1, ..Counts::default() });
    let cells = FactColumns::new(&columns).signal(&findings[0], &after);
    let signal: Map<String, Value> = SIGNAL_COLUMNS.into_iter().map(str::to_owned).zip(cells).collect();
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
    let (_, findings, _) = all(&of(&before), &snapshot(Module::Scrap, &columns, &[], 1));
    let closed = FactColumns::new(&columns).signal(&findings[0], &before);
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
    fn the_diff_is_that_of_the_sets(old in made(), new in made(), slice in 1..9_usize) {
        let (was, is) = (firsts(&old), firsts(&new));
        let rows = |made: &[Made]| made.iter().map(Made::row).collect::<Vec<_>>();
        // the columns of the two runs have other names
        let before = snapshot(Module::Scrap, &names(&["gmaps", "note", "Avis", "Tel", "URL"]), &rows(&old), slice);
        let columns = names(&["lien_google_maps", "rating", "reviews_count", "telephone", "site_web"]);
        let after = snapshot(Module::Filter, &columns, &rows(&new), 7);
        let (counts, findings, ranking) = all(&before, &after);
        let mut expected = Counts::default();
        let mut found = findings.iter();
        let keys: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
        for key in keys {
            let bucket = match (was.get(key), is.get(key)) {
                (None, _) => { expected.new += 1; Some(Bucket::New) }
                (_, None) => { expected.closed += 1; Some(Bucket::Closed) }
                (Some((_, then)), Some((_, now))) if changes(then, now).is_empty() => { expected.unchanged += 1; None }
                _ => { expected.modified += 1; Some(Bucket::Modified) }
            };
            let Some(bucket) = bucket else { continue };
            let finding = found.next().expect("a finding");
            prop_assert_eq!((finding.bucket, &finding.key), (bucket, key));
            prop_assert!((1..=100).contains(&finding.score));
            let position = |side: &Option<Side>| side.as_ref().map(|side| side.position);
            let first = |rows: &BTreeMap<String, (usize, Plain)>| rows.get(key).map(|(position, _)| *position as u64);
            prop_assert_eq!((position(&finding.before), position(&finding.after)), (first(&was), first(&is)));
            if let (Some((_, then)), Some((_, now))) = (was.get(key), is.get(key)) {
                prop_assert_eq!(&finding.changes, &changes(then, now));
            }
        }
        prop_assert!(found.next().is_none());
        prop_assert_eq!(counts, expected);
        // ranked, the same findings; each is found again by its part and place
        let everything = Filter { bucket: None, ..Filter::default() };
        let ranked = ranking.ranked(&everything);
        prop_assert_eq!(ranked.len(), findings.len());
        prop_assert!(ranked.is_sorted_by_key(|mark| (std::cmp::Reverse(mark.score), mark.key.clone())));
    }

    #[test]
    fn filters_keep_what_they_say(old in made(), new in made(), least in 0..=100_u8, kind in 0..8_usize) {
        let columns = names(&["lien_google_maps", "rating", "reviews_count", "telephone", "site_web"]);
        let of = |made: &[Made]| {
            snapshot(Module::Scrap, &columns, &made.iter().map(Made::row).collect::<Vec<_>>(), 100)
        };
        let (_, findings, ranking) = all(&of(&old), &of(&new));
        let kind = SignalType::ALL[kind];
        let filter = Filter { bucket: None, kinds: vec![kind], min_score: least };
        let expected = findings.iter().filter(|finding| finding.kind == kind && finding.score >= least).count();
        prop_assert_eq!(ranking.ranked(&filter).len(), expected);
        let mut again = Ranking::default();
        again.add(0, &findings);
        let modified = again.ranked(&Filter::default());
        prop_assert!(modified.iter().all(|mark| mark.bucket == Bucket::Modified));
        prop_assert!(modified.iter().all(|mark| findings[mark.place].key == mark.key));
    }
}

#[test]
fn many_rows_are_compared_part_by_part() {
    let columns = names(&["nom", "adresse", "note"]);
    let rows = |from: u32, to: u32, rating: u32| {
        (from..to).map(move |row| vec![json!(format!("Place {row}")), json!("x"), json!(rating)])
    };
    let pieces = |rows: &mut dyn Iterator<Item = Row>| {
        let mut builder = Builder::new(Module::Scrap, &columns, 0);
        let mut pieces: Vec<Piece> = rows.filter_map(|row| builder.take(&row)).collect();
        pieces.extend(builder.finish());
        pieces
    };
    let before = pieces(&mut rows(0, 40_000, 4));
    let after = pieces(&mut rows(1_000, 30_000, 4).chain(rows(30_000, 41_000, 5)));
    let bytes: usize = after.iter().map(|piece| piece.bytes.len()).sum();
    assert!(bytes < 40_000 * 64, "{bytes}");
    let mut counts = Counts::default();
    for part in 0..BUCKETS {
        let of = |pieces: &[Piece]| pieces.iter().filter(|piece| piece.bucket == part).cloned().collect::<Vec<_>>();
        let (before, after) = (of(&before), of(&after));
        let slices = |pieces: &[Piece]| -> Vec<Vec<u8>> { pieces.iter().map(|piece| piece.bytes.clone()).collect() };
        let (before, after) = (slices(&before), slices(&after));
        assert!(before.iter().map(Vec::len).sum::<usize>() < bytes / 32, "a part is a small one of all");
        let before: Vec<&[u8]> = before.iter().map(Vec::as_slice).collect();
        let after: Vec<&[u8]> = after.iter().map(Vec::as_slice).collect();
        counts += compare(&before, &after).expect("whole pieces").counts;
    }
    assert_eq!(counts, Counts { new: 1_000, closed: 1_000, modified: 10_000, unchanged: 29_000 });
}
