use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    Module, Row,
    columns::rows::testing::{Memory, Outcome, drain, options, ready},
};

const COLUMNS: [&str; 8] = ["id", "telephone", "site_web", "email", "site_alive", "note", "reviews_count", "categorie"];

fn filtered(rows: &[Row], how: Value) -> (Vec<i64>, Vec<String>) {
    let input = Memory::table(&COLUMNS, rows.to_vec(), 3);
    let whole = |done, produced| {
        let spec = Spec {
            module: Module::Filter,
            options: options(how.clone()),
            planned: Some(rows.len() as u64),
            done,
            produced,
            tries: 0,
            refused: 0,
            watch: crate::module::Watch::default(),
        };
        let mut run = ready(start(spec, input.clone())).unwrap();
        ready(drain(&mut *run, done, produced)).unwrap()
    };
    let outcome = whole(0, 0);
    // a lost slice is made again from any item on
    for done in 0..=rows.len() {
        let kept = |row: &Row| row[0].as_u64().unwrap() < done as u64;
        let produced = outcome.rows.iter().filter(|row| kept(row)).count();
        assert_eq!(whole(done as u64, produced as u64).rows, outcome.rows[produced..]);
    }
    (outcome.rows.iter().map(|row| row[0].as_i64().unwrap()).collect(), outcome.log)
}

fn row(id: usize, cells: [Value; 7]) -> Row {
    std::iter::once(json!(id)).chain(cells).collect()
}

fn table() -> Vec<Row> {
    let cells = [
        [
            json!("06 12 34 56 78"),
            json!("https://dupont.fr"),
            json!("info@dupont.fr"),
            json!("open"),
            json!("4,5"),
            json!(10),
            json!("Café"),
        ],
        [
            json!("+33145310000"),
            json!("facebook.com/x"),
            json!("Marie <marie.durand@b.fr> | info@b.fr"),
            json!("closed"),
            json!(3),
            json!("x"),
            json!("bar"),
        ],
        [
            json!("not a number"),
            json!(""),
            json!("a@mailinator.com"),
            json!("stale"),
            json!(null),
            json!(null),
            json!("CAFE "),
        ],
        [json!(" "), json!(null), json!("nobody"), json!("uncertain"), json!("4.4"), json!("12"), json!(null)],
        [
            json!("+32470123456"),
            json!("a.fr"),
            json!("INFO@dupont.fr"),
            json!("gone"),
            json!(4.5),
            json!(9),
            json!("bar"),
        ],
    ];
    cells.into_iter().enumerate().map(|(id, cells)| row(id, cells)).collect()
}

#[test]
fn every_rule_keeps_what_the_contract_says() {
    let rows = table();
    let kept = |how: Value| filtered(&rows, how).0;
    let all = [0, 1, 2, 3, 4];
    assert_eq!(kept(json!({})), all);
    assert_eq!(kept(json!({"require_phone": false, "rating_min": null, "category": {}, "dedup_column": ""})), all);
    assert_eq!(kept(json!({"require_phone": true})), [0, 1, 2, 4]);
    assert_eq!(kept(json!({"require_site": true})), [0, 1, 4]);
    assert_eq!(kept(json!({"require_email": true})), all);
    assert_eq!(kept(json!({"exclude_aggregators": true})), [0, 2, 3, 4]);
    assert_eq!(kept(json!({"alive_only": true})), [0, 2, 3]);
    assert_eq!(kept(json!({"has_personal_email": true})), [1]);
    assert_eq!(kept(json!({"rating_min": 4.5})), [0, 4]);
    assert_eq!(kept(json!({"reviews_min": 10})), [0, 3]);
    assert_eq!(kept(json!({"phone_prefix": {"prefixes": ["06"]}})), [0]);
    assert_eq!(kept(json!({"phone_prefix": {"prefixes": ["06 12"]}})), [0]);
    for written in ["0033 6", "+33 (0)6", "+33.6"] {
        assert_eq!(kept(json!({"phone_prefix": {"prefixes": [written]}})), [0], "{written}");
    }
    assert_eq!(kept(json!({"phone_prefix": {"prefixes": ["+331", "32"]}})), [1, 4]);
    assert_eq!(kept(json!({"phone_prefix": {"prefixes": ["33"], "prefix_unparseable_keep": true}})), [0, 1, 2, 3]);
    assert_eq!(kept(json!({"email_domain": {"include": ["b.fr"]}})), [1]);
    assert_eq!(kept(json!({"email_domain": {"exclude": ["@Dupont.fr"]}})), [1, 2, 3]);
    assert_eq!(kept(json!({"email_domain": {"reject_disposable": true}})), [0, 1, 3, 4]);
    assert_eq!(kept(json!({"category": {"values": ["cafe"]}})), [0, 2]);
    assert_eq!(kept(json!({"category": {"column": "site_alive", "values": ["Open", "gone"]}})), [0, 4]);
    assert_eq!(kept(json!({"dedup_column": "email"})), [0, 1, 2, 3]);
    assert_eq!(kept(json!({"dedup_column": "site_web"})), all, "rows without a value are all kept");
    assert_eq!(kept(json!({"require_site": true, "sample_type": "n", "sample_n": 2})), [0, 1]);
    assert_eq!(kept(json!({"sample_type": "", "sample_n": 1})), all);
    assert_eq!(kept(json!({"sample_type": "pct", "sample_pct": 0})), Vec::<i64>::new());
    assert_eq!(kept(json!({"sample_type": "pct", "sample_pct": 100})), all);
}

#[test]
fn equal_mailboxes_are_one_value() {
    let rows =
        ["a@one.test", "Ada <A@one.test>", "a@b\u{fc}cher.test", "a@xn--bcher-kva.test", "mail", "MAIL", "-", "-"];
    let with = |email: &str| [json!(""), json!(""), json!(email), json!(""), json!(""), json!(""), json!("")];
    let rows: Vec<Row> = (0..).zip(rows).map(|(id, email)| row(id, with(email))).collect();
    for name in ["email", "E-mail", "Courriel"] {
        assert_eq!(filtered(&rows, json!({"dedup_column": name})).0, [0, 2, 4, 6, 7], "{name}");
    }
}

#[test]
fn a_column_that_is_not_there_is_refused() {
    let columns = "id, telephone, site_web, email, site_alive, note, reviews_count, categorie.";
    for how in [
        json!({"dedup_column": "fax"}),
        json!({"category": {"column": "fax", "values": ["a"]}}),
        json!({"phone_prefix": {"column": "fax", "prefixes": ["06"]}}),
        json!({"email_domain": {"column": "fax", "include": ["a.fr"]}}),
    ] {
        let input = Memory::table(&COLUMNS, table(), 3);
        let spec = Spec {
            module: Module::Filter,
            options: options(how),
            planned: Some(5),
            done: 0,
            produced: 0,
            tries: 0,
            refused: 0,
            watch: crate::module::Watch::default(),
        };
        let refused = ready(start(spec, input)).map(|_| ()).unwrap_err();
        assert_eq!(refused, Fault::Failed(format!("Unknown column: fax. Columns: {columns}")));
    }
    assert_eq!(filtered(&table(), json!({"category": {"column": "", "values": ["bar"]}})).0, [1, 4], "the usual one");
}

#[test]
fn a_percentage_keeps_the_smallest_hashes() {
    let kept = chosen(7, 8, 25.0);
    assert_eq!(kept, HashSet::from([4, 7]));
}

#[test]
fn unknown_keys_are_named_once() {
    let rows = table();
    let (kept, log) = filtered(&rows, json!({"require_fax": true, "note_max": 3}));
    assert_eq!(kept.len(), 5);
    assert_eq!(log, ["warn Unknown filter key ignored: require_fax", "warn Unknown filter key ignored: note_max"]);
}

/// What a filter makes of a table.
fn over(columns: &[&str], rows: &[Row], how: Value) -> Outcome {
    let spec = Spec {
        module: Module::Filter,
        options: options(how),
        planned: Some(rows.len() as u64),
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let mut run = ready(start(spec, Memory::table(columns, rows.to_vec(), 3))).unwrap();
    ready(drain(&mut *run, 0, 0)).unwrap()
}

#[test]
fn a_rule_about_a_column_that_is_not_there_is_told() {
    let outcome = over(&["nom"], &[vec![json!("A")]], json!({"require_email": true, "rating_min": 4}));
    let told = |column: &str| format!("warn There is no column {column}: the filter takes it as empty in every row");
    assert_eq!((outcome.rows.len(), outcome.log), (0, vec![told("email"), told("note")]));
}

#[test]
fn a_country_of_a_column_of_its_own_is_heard() {
    let rows = [("BE", "0470 12 34 56"), ("Sweden", "070 123 45 67"), ("N/A", "0612345678"), ("", "+32 470 12 34 56")];
    let rows: Vec<Row> =
        (0..).zip(rows).map(|(id, (country, phone))| vec![json!(id), json!(country), json!(phone)]).collect();
    let kept = |prefix: &str| -> Vec<i64> {
        let rows = over(&["id", "pays", "telephone"], &rows, json!({"phone_prefix": {"prefixes": [prefix]}})).rows;
        rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
    };
    assert_eq!((kept("+32"), kept("+33"), kept("+46")), (vec![0, 3], vec![2], vec![]));
}

proptest! {
    #[test]
    fn filters_as_a_table_in_memory_does(
        cells in proptest::collection::vec((0_u8..4, proptest::option::of(0_u8..6)), 0..40),
        least in 0_u8..6,
        dedup: bool,
        first in proptest::option::of(1_u64..20),
    ) {
        let rows: Vec<Row> = cells.iter().enumerate().map(|(id, (name, note))| {
            row(id, [json!(null), json!(format!("s{name}.fr")), json!(null), json!(null), json!(note), json!(null), json!(null)])
        }).collect();
        let mut how = json!({"rating_min": least});
        if dedup {
            how["dedup_column"] = json!("site_web");
        }
        if let Some(first) = first {
            how["sample_type"] = json!("n");
            how["sample_n"] = json!(first);
        }
        let mut seen = HashSet::new();
        let mut naive: Vec<i64> = cells.iter().zip(0..).filter(|((name, note), _)| {
            note.is_some_and(|note| note >= least) && (!dedup || seen.insert(*name))
        }).map(|(_, id)| id).collect();
        naive.truncate(first.map_or(usize::MAX, |first| usize::try_from(first).unwrap()));
        prop_assert_eq!(filtered(&rows, how).0, naive);
    }
}
