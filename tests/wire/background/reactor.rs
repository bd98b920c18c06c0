//! What follows from changes of entities: waiting jobs start when a slot is free.

use std::collections::{BTreeMap, BTreeSet};

use engine::Lane;
use harness::outsend::jobs::World;
use serde_json::json;
use shared::{
    lambda::Function,
    model::{JobId, JobStatus},
    store::{Admission, Ending},
};
use time::Duration;

async fn many(world: &World, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        world.bench.advance(Duration::seconds(2));
        ids.push(world.verification(&[&format!("a{number}@one.test")]).await);
    }
    ids
}

/// Ids of the running jobs, by user.
async fn running(worlds: &[&World], ids: &[Vec<String>]) -> BTreeMap<usize, BTreeSet<String>> {
    let mut running: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (user, ids) in ids.iter().enumerate() {
        for id in ids {
            if worlds[0].job(id).await.status == JobStatus::Running {
                running.entry(user).or_default().insert(id.clone());
            }
        }
    }
    running
}

#[tokio::test]
async fn two_users_with_twenty_jobs_each() {
    let ada = World::start().await;
    let bob = ada.other("bob@example.com").await;
    let worlds = [&ada, &bob];
    let ids = [many(&ada, 20).await, many(&bob, 20).await];
    let store = ada.bench.context.store();
    let mut order = Vec::new();
    for _ in 0..100 {
        let now = ada.bench.context.clock().now();
        // several reactors and sweeps at once
        let (one, two, three) = tokio::join!(
            store.admit(Lane::Parallel, now),
            store.admit(Lane::Parallel, now),
            store.admit(Lane::Parallel, now)
        );
        let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
        let admitted = [one, two, three].into_iter().filter_map(|admission| match admission {
            Admission::Admitted(job) => Some(job.to_string()),
            _ => None,
        });
        // those of one moment have no order among them
        let mut admitted: Vec<_> = admitted.collect();
        admitted.sort();
        order.extend(admitted);
        let running = running(&worlds, &ids).await;
        let each: Vec<_> = running.values().map(BTreeSet::len).collect();
        assert!(each.iter().all(|count| *count <= 5) && each.iter().sum::<usize>() <= 6, "{each:?}");
        if order.len() == 40 {
            break;
        }
        if !matches!((one, two, three), (Admission::Admitted(_), Admission::Admitted(_), Admission::Admitted(_))) {
            // one of them ends, and its slot is free again
            let ended = running.values().flatten().next().unwrap();
            store.end_job(JobId::parse(ended).unwrap(), Ending::Done, now).await.unwrap();
        }
    }
    assert_eq!(order.len(), 40, "all got their turn");
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 40, "and only once");
    // each user's jobs in their order; the second user was let in before the first was through
    for ids in &ids {
        let own: Vec<_> = order.iter().filter(|id| ids.contains(id)).cloned().collect();
        assert_eq!(own, *ids);
    }
    let first_of_bob = order.iter().position(|id| ids[1].contains(id)).unwrap();
    assert!((5..8).contains(&first_of_bob), "{first_of_bob}: the sixth slot goes to the next who is below the ceiling");
}

#[tokio::test]
async fn a_free_slot_is_filled_at_once_and_by_the_sweep() {
    let world = World::start().await;
    let ids = many(&world, 7).await;
    world.react().await;
    let states = || async {
        let mut states = Vec::new();
        for id in &ids {
            states.push(world.job(id).await.status.as_str());
        }
        states.join(" ")
    };
    assert_eq!(states().await, "running running running running running pending pending");
    world.post(&format!("/api/jobs/{}/cancel", ids[5]), &json!({})).await;
    world.react().await;
    assert_eq!(states().await, "running running running running running cancelled pending");
    world.post(&format!("/api/jobs/{}/cancel", ids[1]), &json!({})).await;
    // the wake-up was missed: the minute's sweep repairs it
    world.background(&background_work::FUNCTION, &json!({})).await;
    assert_eq!(world.job(&ids[6]).await.status, JobStatus::Done, "admitted and run by the sweep");
}

#[tokio::test]
async fn the_jobs_of_a_deactivated_owner_wait_and_hold_nobody_up() {
    let ada = World::start().await;
    let bob = ada.other("bob@example.com").await;
    let waiting = many(&ada, 3).await;
    let store = ada.bench.context.store();
    let mut user = ada.account.user.clone();
    user.active = false;
    assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
    let others = many(&bob, 2).await;
    bob.settle().await;
    for id in &others {
        assert_eq!(bob.job(id).await.status, JobStatus::Done);
    }
    for id in &waiting {
        assert_eq!(bob.job(id).await.status, JobStatus::Pending);
    }
    let mut user = store.account(user.id).await.unwrap().unwrap().user;
    user.active = true;
    assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
    bob.settle().await;
    for id in &waiting {
        assert_eq!(bob.job(id).await.status, JobStatus::Done);
    }
}

#[tokio::test]
async fn many_create_cancel_and_admit_at_once() {
    let world = World::start().await;
    let _beside = world.bench.faults.beside_functions();
    let store = world.bench.context.store();
    let mut ids = Vec::new();
    for round in 0..4 {
        world.bench.advance(Duration::minutes(1));
        let created = futures_util::future::join_all((0..6).map(|number| {
            let world = &world;
            async move { world.verification(&[&format!("a{number}-{round}@one.test")]).await }
        }));
        let now = world.bench.context.clock().now();
        let (created, admitted) = tokio::join!(created, store.admit(Lane::Parallel, now));
        admitted.unwrap();
        let cancelled = created[0].clone();
        ids.extend(created);
        let path = format!("/api/jobs/{cancelled}/cancel");
        let body = json!({});
        let (answer, _) = tokio::join!(world.post(&path, &body), world.react());
        assert_eq!(answer.status, 200);
    }
    world.settle().await;
    let mut ended = BTreeMap::new();
    for id in &ids {
        *ended.entry(world.job(id).await.status.as_str()).or_insert(0) += 1;
    }
    assert_eq!(ended, BTreeMap::from([("cancelled", 4), ("done", 20)]));
    assert!(store.active_jobs(world.account.user.id).await.unwrap().is_empty());
    assert_eq!(store.admit(Lane::Parallel, world.bench.context.clock().now()).await.unwrap(), Admission::Nobody);
}

/// Numbers that look random and are the same in each run.
fn shuffled<T>(mut list: Vec<T>, seed: &mut u64) -> Vec<T> {
    for place in (1..list.len()).rev() {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        list.swap(place, usize::try_from(*seed >> 33).unwrap() % (place + 1));
    }
    list
}

#[tokio::test]
async fn stream_records_that_come_twice_late_and_out_of_order() {
    let ada = World::start().await;
    let bob = ada.other("bob@example.com").await;
    let mut ids = many(&ada, 8).await;
    ids.extend(many(&bob, 8).await);
    let work = |id: &str| {
        let keys = json!({"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}});
        (&background_work::FUNCTION as &dyn Function, json!({"Records": [{"dynamodb": {"Keys": keys}}]}))
    };
    let lane = || {
        let keys = json!({"pk": {"S": "LANE#parallel"}, "sk": {"S": "LANE"}});
        (&background_reactor::FUNCTION as &dyn Function, json!({"Records": [{"dynamodb": {"Keys": keys}}]}))
    };
    let mut seed = 20_261_124;
    for _ in 0..12 {
        // every record three times, those of work that is not there yet among them, several at a time
        let records = (0..3).flat_map(|_| ids.iter().map(|id| work(id)).chain([lane()])).collect();
        for step in shuffled(records, &mut seed).chunks(5) {
            futures_util::future::join_all(step.iter().map(|(function, event)| ada.background(*function, event))).await;
            let running = running(&[&ada, &bob], &[ids[..8].to_vec(), ids[8..].to_vec()]).await;
            assert!(
                running.values().all(|own| own.len() <= 5) && running.values().map(BTreeSet::len).sum::<usize>() <= 6
            );
        }
    }
    for (number, id) in ids.iter().enumerate() {
        let job = ada.job(id).await;
        assert_eq!((job.status, job.results, job.processed, job.lease), (JobStatus::Done, 1, 1, 1), "{number}");
    }
}
