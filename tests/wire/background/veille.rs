//! What runs veilles (outsend 15.3, 15.4): the schedule's ticks, and the work that compares their runs.

use futures_util::future::{join, join_all};
use harness::{
    Random,
    faults::Fault,
    outsend::{
        jobs::World,
        veille::{at, one_run, table, world},
    },
    receiver::Receiver,
};
use serde_json::{Value, json};
use shared::{
    model::{Schedule, Veille, VeilleRun, VeilleSource},
    store::{NewVeille, PackedRows, RunTable, Series, VeilleClaim, VeilleCreation},
};
use time::Duration;

/// So many veilles of a search that found nothing, which never come to a comparison.
async fn many(world: &World, count: usize, frequency_days: u16) {
    let job = world.scraped(&[]).await;
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let ids = join_all((0..count).map(|_| store.next_veille_number())).await;
    let made = ids.into_iter().map(|id| {
        let (id, schedule) = (id.unwrap(), Schedule::new(frequency_days, now));
        let veille = Veille {
            id,
            user: world.account.user.id,
            organization: world.account.organization.id,
            name: format!("Number {id}"),
            source: VeilleSource::Job(job.id),
            due_at: schedule.due(),
            schedule,
            runs: 0,
            successes: 0,
            last_success_at: None,
            last_success_job: None,
            snapshot: 0,
            version: 1,
        };
        let table = RunTable { module: job.module, names: Vec::new(), source_rows: 0, rows: None };
        NewVeille { veille, baseline: VeilleRun::new(id, 0, now, now), job: job.clone(), table, template: None }
    });
    for new in made {
        assert_eq!(store.create_veille(&new, usize::MAX).await.unwrap(), VeilleCreation::Created);
    }
}

#[tokio::test]
async fn a_tick_costs_what_is_due() {
    let (world, meter) = World::metered(&[]).await;
    let mut tallies = Vec::new();
    for round in ["none beside", "two hundred beside"] {
        many(&world, 12, 1).await;
        world.bench.advance(Duration::days(1));
        meter.label(Some(round.to_owned()));
        world.background(&background_veille::FUNCTION, &json!({})).await;
        meter.label(None);
        tallies.push(meter.tally(round));
        world.settle().await;
        // what is due the next day is none of today's business
        for veille in world.veilles().await {
            let path = format!("/api/veille/{}", veille["id"]);
            assert_eq!(world.delete(&path).await.status, 200);
            world.bench.advance(Duration::seconds(1));
        }
        many(&world, 200, 365).await;
    }
    let [alone, beside] = &tallies[..] else { panic!("two rounds") };
    assert_eq!((alone.calls, alone.reads), (beside.calls, beside.reads));
    // a list of what is due each, and for each veille a batch and a transaction
    assert!((12.0 * 2.0 + 8.0..=12.0 * 2.0 + 16.0).contains(&alone.calls), "{alone:?}");
}

#[tokio::test]
async fn of_two_that_read_the_same_one_starts_a_slot() {
    let world = world().await;
    let (_source, veille) = one_run(&world).await;
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let shard = u8::try_from(veille["id"].as_u64().unwrap() % 8).unwrap();
    let due = store.due_veilles(shard, None, 10, now).await.unwrap();
    assert_eq!(due.len(), 1);
    let claims = join_all((0..8).map(|_| store.claim_veille(&due[0], now))).await;
    let started = claims.into_iter().filter(|claim| matches!(claim, Ok(VeilleClaim::Started))).count();
    assert_eq!(started, 1);
    // whoever comes late finds nothing, and takes nothing off
    assert_eq!(store.claim_veille(&due[0], now).await.unwrap(), VeilleClaim::Nothing);
    world.settle().await;
    assert_eq!(world.runs(&veille).await.len(), 2);
    assert_eq!(world.next_run(&veille).await["id"], 3);
}

#[tokio::test]
async fn what_was_read_before_a_pause_takes_nothing_off_after_it() {
    let world = world().await;
    let (_source, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}", veille["id"]);
    let slot = at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1);
    let (store, shard) = (world.bench.context.store(), u8::try_from(veille["id"].as_u64().unwrap() % 8).unwrap());
    let due = store.due_veilles(shard, None, 10, slot).await.unwrap();
    for status in ["paused", "active"] {
        assert_eq!(world.patch(&path, &json!({"status": status})).await.status, 200);
        // of one that is paused nothing is left, and one that came back is there
        if status == "paused" {
            assert_eq!(store.claim_veille(&due[0], slot).await.unwrap(), VeilleClaim::Nothing);
        }
    }
    assert_eq!(store.due_veilles(shard, None, 10, slot).await.unwrap(), due);
    assert_eq!(world.next_run(&veille).await["status"], "done");
}

/// A table of more than eight megabytes of rows by key: two parts.
fn long(rows: u32, rating: impl Fn(u32) -> u32) -> String {
    let mut text = String::from("lien_google_maps;rating;nom\n");
    for row in 0..rows {
        // no order, and each a few times
        let listing = row * 7_919 % (rows - 200);
        text.push_str(&format!("https://maps.test/{listing};{};{}\n", rating(listing), "x".repeat(3_000)));
    }
    text
}

#[tokio::test]
async fn a_long_table_is_sorted_in_parts_slice_by_slice() {
    let (rows, world) = (3_200, world().await);
    let source = Receiver::start().await.unwrap();
    source.serves(&long(rows, |_| 3));
    let veille = world.veille(&world.importing(&source).await, 7).await;
    world.settle().await;
    source.serves(&long(rows, |listing| if listing % 2 == 0 { 3 } else { 4 + listing % 3 }));
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    // each call takes so long that a slice gets a few of them done
    for _ in 0..600 {
        let store = world.bench.context.store();
        for id in store.due_work(world.bench.context.clock().now()).await.unwrap() {
            let keys = json!({"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}});
            world.bench.each_call_takes(Duration::milliseconds(1_500));
            world.background(&background_work::FUNCTION, &json!({"Records": [{"dynamodb": {"Keys": keys}}]})).await;
            world.bench.faults.stop();
        }
        world.react().await;
        world.bench.advance(Duration::seconds(1));
        if world.runs(&veille).await[0]["completed_at"].is_string() {
            break;
        }
    }
    let run = world.runs(&veille).await.swap_remove(0);
    let (half, all) = (u64::from(rows - 200) / 2, u64::from(rows - 200));
    assert_eq!(run["counts"], json!({"new": 0, "closed": 0, "modified": half, "unchanged": all - half}), "{run}");
    let path = format!("/api/veille/{}/runs/{}/signals?limit=10000", veille["id"], run["id"]);
    let answer = world.get(&path).await;
    let signals = answer.json().as_array().unwrap().clone();
    let rank = |signal: &Value| {
        (std::cmp::Reverse(signal["score"].as_u64().unwrap()), signal["key"].as_str().unwrap().to_owned())
    };
    assert_eq!(signals.len() as u64, half);
    assert!(signals.is_sorted_by_key(rank), "by rank");
    let deep = world.get(&format!("{path}&offset={}&bucket=all", half - 1)).await.json();
    assert_eq!(deep, json!([signals[signals.len() - 1]]));
    // what nobody needs is gone: the parts, what was changed by key, and the source
    world.settle().await;
    let left = world.parts_of(&veille).await;
    for series in ["PART#", "CHANGED#", "SOURCE#", "DATA#00000000#SNAPSHOT#"] {
        assert!(!left.iter().any(|item| item.contains(series)), "{series}");
    }
    assert!(left.iter().any(|item| item.contains("DATA#00000001#SNAPSHOT#")));
}

#[tokio::test]
async fn a_run_comes_to_the_same_end_whatever_happens_to_its_signals() {
    join(disturbed(30, Fault::LostAnswer), disturbed(11, Fault::Conflict)).await;
}

async fn disturbed(seed: u64, fault: Fault) {
    let world = world().await;
    let (_source, veille) = one_run(&world).await;
    let expected = world.runs(&veille).await[0]["counts"].clone();
    let source = Receiver::start().await.unwrap();
    let [before, after] = harness::outsend::veille::before_and_after();
    source.serves(&before);
    let veille = world.veille(&world.importing(&source).await, 1).await;
    source.serves(&after);
    world.until(at(&veille["next_run_at"]) + Duration::seconds(1));
    let mut random = Random(seed);
    for round in 0..300 {
        world.bench.faults.every(6 + random.below(6), fault);
        let tick = world.bench.invoke(&background_veille::FUNCTION, "{}".into());
        let works = (0..3).map(|_| world.bench.invoke(&background_work::FUNCTION, "{}".into()));
        // what fails is brought again
        let (_, _) = join(tick, join_all(works)).await;
        world.bench.faults.stop();
        world.react().await;
        world.bench.advance(Duration::seconds(if round % 4 == 3 { 61 } else { 3 }));
        let run = world.runs(&veille).await.pop();
        if run.is_some_and(|run| run["completed_at"].is_string()) {
            break;
        }
    }
    world.settle().await;
    let runs = world.runs(&veille).await;
    assert_eq!(runs.len(), 1, "{fault:?}");
    assert_eq!((&runs[0]["status"], &runs[0]["counts"]), (&json!("done"), &expected), "{fault:?}");
    let pipeline = world.pipeline_now(&veille["source_pipeline_id"]).await;
    assert_eq!(pipeline["run_count"], 2, "{fault:?}");
    let told = world.get("/api/events?event=veille.run_completed").await.json();
    let of_it = told["events"].as_array().unwrap().iter().filter(|event| event["data"]["veille_id"] == veille["id"]);
    assert_eq!(of_it.count(), 1, "{fault:?}");
}

#[tokio::test]
async fn rows_that_went_fail_a_run_which_is_tried_again() {
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[(1, "", "", "4", "1")]));
    let pipeline = world.importing(&source).await;
    let veille = world.veille(&pipeline, 7).await;
    world.until(at(&veille["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    // the job is done, and deleted before it is compared
    for _ in 0..40 {
        world.react().await;
        let now = world.pipeline_now(&json!(pipeline)).await;
        if let (Some(2), Some(job)) = (now["run"].as_u64(), now["nodes"][0]["job_id"].as_str())
            && world.delete(&format!("/api/jobs/{job}")).await.status == 200
        {
            break;
        }
        let store = world.bench.context.store();
        let work = store.due_work(world.bench.context.clock().now()).await.unwrap();
        // all but what compares
        for id in work.into_iter().filter(|id| !id.ends_with("-done")) {
            let keys = json!({"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}});
            world.background(&background_work::FUNCTION, &json!({"Records": [{"dynamodb": {"Keys": keys}}]})).await;
        }
        world.bench.advance(Duration::seconds(1));
    }
    world.settle().await;
    world.tick().await;
    world.settle().await;
    let runs = world.runs(&veille).await;
    let states: Vec<_> =
        runs.iter().map(|run| (run["status"].as_str().unwrap(), run["error_message"].clone())).collect();
    assert_eq!(states, [("done", json!(null)), ("failed", json!("Source results are no longer available."))]);
}

#[tokio::test]
async fn a_writer_that_is_late_takes_nothing_off() {
    let world = World::start().await;
    let (store, of) = (world.bench.context.store(), (1, 1));
    let rows = |from: u64, to: u64| {
        let mut rows = PackedRows::default();
        (from..to).for_each(|row| rows.push(&[json!(row)]).unwrap());
        rows
    };
    for (from, to) in [(0, 900), (900, 1_500)] {
        store.put_series(of, Series::New, from, &rows(from, to)).await.unwrap();
    }
    // another one that had paused elsewhere: a shorter chunk at one place, one inside of a longer one at another
    for (from, to) in [(0, 300), (400, 500)] {
        store.put_series(of, Series::New, from, &rows(from, to)).await.unwrap();
    }
    for first in [0, 299, 450, 500, 700, 899, 900, 1_499] {
        let found = store.series(of, Series::New).from(first).await.unwrap();
        assert_eq!(found.first(), Some(&vec![json!(first)]), "{first}");
    }
    let all = store.series(of, Series::New).page(1_500, 0, 2_000).await.unwrap();
    assert_eq!(all, (0..1_500).map(|row| vec![json!(row)]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_run_that_fails_for_a_reason_of_ours_ends_and_is_tried_again() {
    let world = world().await;
    let (_source, veille) = one_run(&world).await;
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    let (store, clock) = (world.bench.context.store(), world.bench.context.clock());
    let work = format!("veille-{}-2-start", veille["id"]);
    // eight workers die of it
    for _ in 0..8 {
        assert!(store.lease_work(&work, clock.now()).await.unwrap().is_some());
        world.bench.advance(Duration::seconds(61));
    }
    world.settle().await;
    let failed = world.runs(&veille).await.remove(0);
    assert_eq!((&failed["status"], &failed["error_message"]), (&json!("failed"), &json!("Internal server error.")));
    world.tick().await;
    world.settle().await;
    assert_eq!(world.runs(&veille).await[0]["status"], "done");
}
