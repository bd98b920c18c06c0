//! `GET /api/veille/{veille}/runs/{run}/signals`: what changed, ranked (outsend 15.2, 15.5).

use harness::{
    outsend::{
        detail,
        jobs::World,
        veille::{faults, key, one_run, table, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};

/// The names of the places of signals, in their order.
async fn places(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/api/veille/1/runs/1/signals?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let signals = answer.json();
    signals.as_array().unwrap().iter().map(|signal| signal["nom"].as_str().unwrap().replace("Place ", "")).collect()
}

#[tokio::test]
async fn ranked_and_narrowed() {
    let world = world().await;
    one_run(&world).await;
    for (query, expected) in [
        ("", "2 1 3"),
        ("bucket=modified", "2 1 3"),
        ("bucket=all", "4 6 2 1 3"),
        ("bucket=new", "6"),
        ("bucket=closed", "4"),
        ("min_score=0", "2 1 3"),
        ("min_score=36", "2 1"),
        ("min_score=37", "2"),
        ("min_score=100&bucket=all", ""),
        ("bucket=all&min_score=50", "4 6"),
        ("type=site_change", "3"),
        ("type=phone_change&type=rating_drop", "2 1"),
        ("type=rating_rise&type=reviews_up&type=reviews_down", ""),
        ("bucket=all&type=closed&type=phone_change", "4 1"),
        ("type=new", ""),
        ("bucket=new&type=new&min_score=50", "6"),
        ("limit=1", "2"),
        ("limit=2&offset=1", "1 3"),
        ("bucket=all&limit=2&offset=3", "1 3"),
        ("offset=3", ""),
        ("limit=10000", "2 1 3"),
    ] {
        assert_eq!(places(&world, query).await.join(" "), expected, "{query}");
        world.bench.advance(time::Duration::seconds(1));
    }
}

#[tokio::test]
async fn a_signal_is_as_the_contract_shows_it() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs/1/signals", veille["id"]);
    let signals = world.get(&format!("{path}?bucket=all")).await.json();
    let example = json!({
        "bucket": "modified", "type": "phone_change", "score": 36, "key": key(1), "nom": "Place 1",
        "adresse": "1 rue A", "ville": "Paris", "telephone": "+33145310001", "site_web": "https://example.org/",
        "lien_google_maps": key(1), "rating_before": 4.5, "rating_after": 4.2, "reviews_before": 100,
        "reviews_after": 130, "contact_changes": ["telephone"], "phone_before": "+33145310000",
        "phone_after": "+33145310001", "site_before": "https://example.org/", "site_after": "https://example.org/",
    });
    assert_eq!(signals[3].to_string(), example.to_string(), "also in the order of its members");
    let (closed, new) = (&signals[0], &signals[1]);
    let parts = |signal: &Value, names: [&str; 6]| names.map(|name| signal[name].clone());
    let names = ["bucket", "type", "score", "telephone", "phone_before", "phone_after"];
    let phone = json!("+33145310004");
    assert_eq!(parts(closed, names), [json!("closed"), json!("closed"), json!(60), phone.clone(), phone, Value::Null]);
    let phone = json!("+33145310006");
    assert_eq!(parts(new, names), [json!("new"), json!("new"), json!(50), phone.clone(), Value::Null, phone]);
    for signal in [closed, new] {
        assert_eq!((&signal["contact_changes"], &signal["rating_before"]), (&json!([]), &Value::Null));
    }
}

#[tokio::test]
async fn as_a_file() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs/1/signals", veille["id"]);
    let named = |extension: &str| format!("attachment; filename=\"veille_1_run_1.{extension}\"");
    let csv = world.get(&format!("{path}?format=csv&bucket=all&limit=4")).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), named("csv"));
    let lines: Vec<_> = csv.body.split("\r\n").collect();
    let header = "\u{feff}bucket;type;score;key;nom;adresse;ville;telephone;site_web;lien_google_maps;rating_before;\
                  rating_after;reviews_before;reviews_after;contact_changes;phone_before;phone_after;site_before;\
                  site_after";
    assert_eq!((lines.len(), lines[0], lines[5]), (6, header, ""));
    assert_eq!(
        lines[4],
        "modified;phone_change;36;https://maps.test/1;Place 1;1 rue A;Paris;+33145310001;https://example.org/;\
         https://maps.test/1;4.5;4.2;100;130;telephone;+33145310000;+33145310001;https://example.org/;\
         https://example.org/"
    );
    assert!(lines[1].starts_with("closed;closed;60;https://maps.test/4;Place 4;"), "{}", lines[1]);
    let xlsx = world.get(&format!("{path}?format=xlsx")).await;
    let media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    assert_eq!((xlsx.status, xlsx.header("content-type")), (200, media));
    assert_eq!((xlsx.header("content-disposition"), &xlsx.bytes[..2]), (named("xlsx").as_str(), &b"PK"[..]));
    let (json, plain) = (world.get(&format!("{path}?format=json")).await, world.get(&path).await);
    assert_eq!((json.status, json.json()), (200, plain.json()));
    assert!(plain.header("content-type").starts_with("application/json"), "{}", plain.header("content-type"));
    // nothing asked for is the header alone
    let none = world.get(&format!("{path}?format=csv&min_score=100")).await;
    assert_eq!(none.body, format!("{header}\r\n"));
    assert_eq!(world.get(&format!("{path}?min_score=100")).await.json(), json!([]));
}

#[tokio::test]
async fn a_formula_in_a_name_is_a_text_in_a_file() {
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[]));
    let veille = world.veille(&world.importing(&source).await, 1).await;
    source.serves("nom;adresse;lien_google_maps\n\"=HYPERLINK(\"\"x\"\")\";\"a;b\";https://maps.test/1\n");
    assert_eq!(world.next_run(&veille).await["counts"]["new"], 1);
    let csv = world.get("/api/veille/1/runs/1/signals?format=csv&bucket=new").await.body;
    let line = csv.split("\r\n").nth(1).unwrap();
    assert!(line.starts_with("new;new;50;https://maps.test/1;\"'=HYPERLINK(\"\"x\"\")\";\"a;b\";;"), "{line}");
}

#[tokio::test]
async fn a_thousand_unless_more_are_asked_for() {
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[]));
    let veille = world.veille(&world.importing(&source).await, 1).await;
    let many: Vec<_> = (0..1_300).map(|number| (number, "", "", "", "")).collect();
    source.serves(&table(&many));
    assert_eq!(world.next_run(&veille).await["counts"]["new"], 1_300);
    let whole = places(&world, "bucket=new&limit=10000").await;
    assert_eq!(whole.len(), 1_300);
    assert_eq!(places(&world, "bucket=new").await, whole[..1_000]);
    assert_eq!(places(&world, "bucket=new&offset=1000").await, whole[1_000..]);
    let file = world.get("/api/veille/1/runs/1/signals?bucket=new&limit=10000&format=csv").await;
    assert_eq!(file.body.split("\r\n").count(), 1_302);
}

#[tokio::test]
async fn what_is_wrong_and_who_may_not() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs", veille["id"]);
    let score = "Must be between 0 and 100.";
    for (query, field, message) in [
        ("format=ods", "format", "Must be one of: csv, json, xlsx."),
        ("bucket=gone", "bucket", "Must be one of: "),
        ("bucket=", "bucket", "Must be one of: "),
        ("type=rating_drop&type=rating", "type", "Must be one of: "),
        ("min_score=-1", "min_score", score),
        ("min_score=101", "min_score", score),
        ("min_score=high", "min_score", "Must be an integer."),
        ("limit=0", "limit", "Must be between 1 and 10000."),
        ("limit=10001", "limit", "Must be between 1 and 10000."),
        ("offset=-1", "offset", "Must be 0 or more."),
    ] {
        let told = faults(&world.get(&format!("{path}/1/signals?{query}")).await);
        assert_eq!((told.len(), told[0].0.as_str()), (1, field), "{query}");
        assert!(told[0].1.starts_with(message), "{query}: {}", told[0].1);
    }
    let all = "format=x&bucket=x&type=x&min_score=x&limit=x&offset=x";
    let mut told: Vec<_> =
        faults(&world.get(&format!("{path}/1/signals?{all}")).await).into_iter().map(|(field, _)| field).collect();
    told.sort();
    assert_eq!(told, ["bucket", "format", "limit", "min_score", "offset", "type"], "all at once");
    for id in ["2", "0", "x"] {
        let answer = world.get(&format!("{path}/{id}/signals?limit=0")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Run not found."), "{id}");
    }
    let other = world.other("bob@example.com").await;
    for (caller, path) in
        [(&other, format!("{path}/1/signals?format=csv")), (&world, "/api/veille/x/runs/1/signals".to_owned())]
    {
        let answer = caller.get(&path).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Monitor not found."), "{path}");
    }
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let answer = world.get(&format!("/api/veille/{}/runs/1/signals", veille["id"])).await;
    snapshot!("veille-signals", &answer);
}
