use serde_json::json;

use super::{
    super::{
        Services,
        testing::{Desk, json as answer, means, run, status, whole},
    },
    *,
};
use crate::{Module, columns::rows::testing::Memory};

fn services() -> Services {
    Services { reviews: Some("https://reviews.test/v1?team=7".to_owned()), ..Services::default() }
}

fn path(listing: &str) -> String {
    let listing: String = url::form_urlencoded::byte_serialize(listing.as_bytes()).collect();
    format!("/v1?team=7&listing={listing}&limit=500")
}

fn review(name: &str, rating: &Value) -> Value {
    json!({"reviewer_name": name, "rating": rating, "date": "il y a 2 mois", "review_text": "Très bien", "owner_replied": true})
}

#[tokio::test(start_paused = true)]
async fn each_review_is_a_row_with_what_the_listing_had() {
    let desk = Arc::new(Desk::default());
    let maps = |id: u32| format!("https://maps.google.com/?cid={id}");
    desk.put(
        &path(&maps(1)),
        vec![status(429, Some("1")), answer(&json!([review("Ada", &json!(5)), review("Bob", &json!("4"))]))],
    );
    desk.put(&path(&maps(2)), vec![answer(&json!([]))]);
    let odd = json!([7, {"rating": 9}, {"rating": 0}, {"reviewer_name": 3, "rating": 1.2}, null]);
    desk.put(&path(&maps(4)), vec![answer(&odd)]);
    desk.put(&path(&maps(5)), vec![answer(&json!({"error": "no"}))]);
    desk.put(&path(&maps(6)), vec![status(401, None)]);
    let rows = (1..=6).map(|id| vec![json!(format!("N{id}")), json!(maps(id)), json!(4.5), json!(id)]).collect();
    let input = Memory::table(&["nom", "lien_google_maps", "rating", "tag"], rows, 2);
    let step = whole(&mut *run(Module::Reviews, &input, &desk, services())).await;
    let columns = crate::columns::output(Module::Reviews, &serde_json::Map::new(), &input.columns);
    let expected = [
        "nom",
        "lien_google_maps",
        "rating",
        "tag",
        "adresse",
        "reviewer_name",
        "date",
        "review_text",
        "owner_replied",
        "source_rating",
    ];
    assert_eq!(columns, expected);
    let row = |id: u32, name: &str, rating: u32, date: &str, text: &str, replied: bool| {
        json!([format!("N{id}"), maps(id), rating, id, "", name, date, text, replied, 4.5])
    };
    let expected = [
        row(1, "Ada", 5, "il y a 2 mois", "Très bien", true),
        row(1, "Bob", 4, "il y a 2 mois", "Très bien", true),
        row(4, "", 1, "", "", false),
    ];
    assert_eq!(step.rows.iter().map(|row| json!(row)).collect::<Vec<_>>(), expected);
    assert_eq!((step.items, step.failed, step.attempts), (6, 2, 7));
    let log: Vec<_> = step.log.iter().map(|line| line.message.as_str()).collect();
    let expected =
        ["Item 5: the source of reviews gave no list.", "Item 6: the source of reviews was not asked: http_401."];
    assert_eq!(log, expected);
}

#[tokio::test(start_paused = true)]
async fn the_reviews_of_one_listing_are_bounded() {
    let desk = Arc::new(Desk::default());
    let many: Vec<Value> = (0..700).map(|number| review(&format!("n{number}"), &json!(3))).collect();
    desk.put(&path("a"), vec![answer(&json!(many))]);
    let rows = vec![vec![json!("a"), json!("x")], vec![json!("a"), json!("x".repeat(30_000))]];
    let input = Memory::table(&["lien_google_maps", "tag"], rows, 7);
    let step = whole(&mut *run(Module::Reviews, &input, &desk, services())).await;
    let short = step.rows.iter().filter(|row| row[1] == json!("x")).count();
    assert_eq!((short, step.items), (500, 2));
    assert!((30..40).contains(&(step.rows.len() - short)), "{}", step.rows.len());
}

#[tokio::test]
async fn without_a_source_there_is_no_run() {
    let reviews = Reviews::new(Vec::new(), &means(&Arc::default(), Services::default()));
    assert_eq!(reviews.err(), Some(Fault::Failed("Module reviews is not available.".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_refuses_row_after_row_ends_the_run() {
    let desk = Arc::new(Desk::default());
    let maps = |id: u32| format!("https://maps.google.com/?cid={id}");
    // one is answered in between, so that what came before does not count
    (1..=45).filter(|id| *id != 10).for_each(|id| desk.put(&path(&maps(id)), vec![status(401, None)]));
    desk.put(&path(&maps(10)), vec![answer(&json!([]))]);
    let rows = (1..=45).map(|id| vec![json!(maps(id))]).collect();
    let input = Memory::table(&["lien_google_maps"], rows, 7);
    let mut run = run(Module::Reviews, &input, &desk, services());
    let (mut items, mut failed) = (0, 0);
    let fault = loop {
        match run.step().await {
            Ok(Some(step)) => {
                items += step.items;
                failed += step.failed;
            }
            Ok(None) => unreachable!("it ends before its rows do"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, Fault::Failed("The service did not answer for 20 items in a row.".to_owned()));
    assert!((30..45).contains(&items) && failed == items - 1, "{items} {failed}");
}
