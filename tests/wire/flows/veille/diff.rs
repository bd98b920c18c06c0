//! What the API tells of each run is what plain sets say of the tables.

use harness::{
    Random,
    outsend::{
        jobs::World,
        veille::{at, world},
    },
    receiver::Receiver,
};
use serde_json::{Value, json};
use time::Duration;

use super::places::{Finding, Place, Row, compare, table};

/// The rows of a run, as they were served and as the run's job has them.
struct Run {
    rows: Vec<Row>,
    stored: Vec<Value>,
}

/// Rows of the places that are there, in any order, some of them twice.
fn rows(places: &mut [(Place, bool)], random: &mut Random) -> Vec<Row> {
    for (place, there) in places.iter_mut() {
        if random.below(2) == 0 {
            place.change(random);
        }
        *there ^= random.below(8) == 0;
    }
    let there: Vec<&Place> = places.iter().filter(|(_, there)| *there).map(|(place, _)| place).collect();
    let mut rows: Vec<_> = there.iter().map(|place| place.row(random)).collect();
    for _ in 0..rows.len() / 8 {
        let mut twin = there[random.below(there.len())].clone();
        twin.change(random);
        rows.push(twin.row(random));
    }
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.below(place + 1));
    }
    rows
}

/// Looks at a run from all sides.
async fn check(world: &World, run: &Value, before: &Run, after: &Run, random: &mut Random) {
    let (counts, findings) = compare(&before.rows, &after.rows);
    assert_eq!(run["counts"], counts);
    let path = format!("/api/veille/{}/runs/{}", run["veille_id"], run["id"]);
    let told = async |query: &str| {
        let answer = world.get(&format!("{path}{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()
    };
    let entry = |finding: &&Finding| finding.entry([&before.rows, &after.rows], [&before.stored, &after.stored]);
    let (limit, offset) = (1 + random.below(9), random.below(12));
    for (query, limit, offset) in
        [("?limit=1000".to_owned(), 1_000, 0), (format!("?limit={limit}&offset={offset}"), limit, offset)]
    {
        let diff = told(&query).await["diff"].clone();
        for bucket in ["new", "closed", "modified"] {
            let of = findings.iter().filter(|finding| finding.bucket == bucket);
            let expected: Vec<_> = of.skip(offset).take(limit).map(|finding| entry(&finding)).collect();
            assert_eq!(diff[bucket], json!(expected), "{bucket} {query}");
        }
    }
    for _ in 0..8 {
        let bucket = ["modified", "new", "closed", "all"][random.below(4)];
        let types = ["rating_drop", "rating_rise", "reviews_up", "reviews_down", "phone_change", "site_change", "new"];
        let kinds: Vec<_> = types.into_iter().filter(|_| random.below(3) == 0).collect();
        let kinds = if random.below(2) == 0 { kinds } else { Vec::new() };
        let least = if random.below(2) == 0 { random.below(101) as u64 } else { 0 };
        let (limit, offset) = if random.below(2) == 0 { (1 + random.below(20), random.below(9)) } else { (1_000, 0) };
        let asked: String = kinds.iter().map(|kind| format!("&type={kind}")).collect();
        let query = format!("/signals?bucket={bucket}{asked}&min_score={least}&limit={limit}&offset={offset}");
        let held = findings.iter().filter(|finding| {
            (bucket == "all" || finding.bucket == bucket)
                && (kinds.is_empty() || kinds.contains(&finding.kind))
                && finding.score >= least
        });
        let expected = held.skip(offset).take(limit).map(|finding| finding.signal(&before.rows, &after.rows));
        assert_eq!(told(&query).await, json!(expected.collect::<Vec<_>>()), "{query}");
    }
    world.bench.advance(Duration::seconds(20));
}

async fn eight_runs(seed: u64) {
    let mut random = Random(seed);
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    let mut places: Vec<_> = (0..60).map(|number| (Place::random(number, &mut random), random.below(3) > 0)).collect();
    let rows_of = async |run: &Value| world.rows(run["job_id"].as_str().unwrap()).await;
    let first = rows(&mut places, &mut random);
    source.serves(&table(&first, 0));
    let pipeline = world.importing(&source).await;
    let made = world.pipeline_now(&json!(pipeline)).await;
    let stored = rows_of(&json!({"job_id": made["final_job_id"]})).await;
    let mut before = Run { rows: first, stored };
    let veille = world.veille(&pipeline, 9).await;
    for number in 0..8 {
        if number == 4 {
            // what fails is compared with nothing, and nothing is compared with it
            source.answers(500, "");
            assert_eq!(world.next_run(&veille).await["status"], "failed");
            for _ in 0..2 {
                world.bench.advance(Duration::minutes(5));
                world.tick().await;
                world.settle().await;
            }
        }
        let next = if number == 5 { Vec::new() } else { rows(&mut places, &mut random) };
        source.serves(&table(&next, number % 2));
        let run = world.next_run(&veille).await;
        assert_eq!(run["status"], "done", "{run}");
        let after = Run { stored: rows_of(&run).await, rows: next };
        check(&world, &run, &before, &after, &mut random).await;
        before = after;
    }
    let runs = world.runs(&veille).await;
    assert_eq!((runs.len(), at(&runs[0]["completed_at"]) > at(&runs[7]["completed_at"])), (11, true));
    assert_eq!(world.veille_now(&veille).await["run_count"], 8);
}

#[tokio::test]
async fn what_is_told_of_a_run_is_what_sets_say() {
    for seed in [7, 20_261_130] {
        eight_runs(seed).await;
    }
}
