//! Lists that all tenants share, against a naive model: whatever is written in whatever order, doubled, late, broken off or
//! by several processes, in the end each list holds what it must, once.

use std::{collections::BTreeMap, convert::Infallible};

use harness::{Bench, Random, faults::Fault, fixture_study};
use shared::{
    model::{Organization, OrganizationId, Plan, Status, Study, StudyId},
    store::{Drained, SharedList, round_trips},
};
use time::Duration;

/// The studies that there are, by what the lists show of them.
type Model = BTreeMap<StudyId, Study>;

struct Play {
    bench: Bench,
    random: Random,
    organizations: Vec<OrganizationId>,
    model: Model,
    made: i64,
}

impl Play {
    async fn start(seed: u64) -> Self {
        let bench = Bench::start().await.unwrap();
        let mut organizations = Vec::new();
        for _ in 0..3 {
            organizations.push(bench.organization(Plan::Free).await.unwrap().organization);
        }
        Self { bench, random: Random(seed), organizations, model: Model::new(), made: 0 }
    }

    /// Creates studies, moves one, or deletes a draft.
    async fn step(&mut self) {
        let store = self.bench.context.store().clone();
        let now = self.bench.context.clock().now();
        match self.random.below(10) {
            0..3 => {
                let organization = self.organizations[self.random.below(3)];
                let count = 1 + self.random.below(30);
                let studies: Vec<_> = (0..count)
                    .map(|_| {
                        self.made += 1;
                        let template = fixture_study(organization, 0).unwrap();
                        let status = if self.random.below(2) == 0 { Status::Draft } else { Status::Open };
                        // created in any order
                        let created_at = now - Duration::seconds(i64::try_from(self.random.below(100_000)).unwrap());
                        Study { id: StudyId::generate(), status, created_at, updated_at: created_at, ..template }
                    })
                    .collect();
                assert!(store.create_studies(&studies).await.unwrap().is_empty());
                self.model.extend(studies.into_iter().map(|study| (study.id, study)));
            }
            3..9 => {
                let Some(study) = self.some() else { return };
                let to = Status::ALL[self.random.below(Status::ALL.len())];
                let change = |current: &Study| Ok::<_, Infallible>(Some(current.moved_to(to, now)));
                let moved = store.update_study(study.organization, study.id, None, &change).await.unwrap();
                self.model.insert(moved.id, moved);
            }
            _ => {
                let Some(study) = self.some() else { return };
                store.delete_draft(study.clone(), now, &|_| Ok::<_, Infallible>(())).await.unwrap();
                self.model.remove(&study.id);
            }
        }
    }

    fn some(&mut self) -> Option<Study> {
        if self.model.is_empty() {
            return None;
        }
        let position = self.random.below(self.model.len());
        self.model.values().nth(position).cloned()
    }

    async fn drain(&self) -> Drained {
        let context = &self.bench.context;
        let until = context.clock().now() + Duration::seconds(30);
        context.store().drain(SharedList::Studies, context.clock(), until).await.unwrap()
    }

    /// Holds every list against the model, page by page.
    async fn check(&self) {
        let store = self.bench.context.store();
        for status in [None].into_iter().chain(Status::ALL.map(Some)) {
            let mut wanted: Vec<_> =
                self.model.values().filter(|study| status.is_none_or(|status| study.status == status)).collect();
            wanted.sort_by_key(|study| std::cmp::Reverse((study.created_at, study.id)));
            let wanted: Vec<_> = wanted.iter().map(|study| study.id).collect();
            let mut found = Vec::new();
            loop {
                let page = store.every_study_page(status, found.len() as u64, 37).await.unwrap();
                assert_eq!(page.total, wanted.len() as u64, "{status:?}");
                if page.members.is_empty() {
                    break;
                }
                found.extend(page.members.iter().map(|member| member.study.id));
            }
            assert_eq!(found, wanted, "{status:?}");
        }
    }

    async fn nothing_is_pending(&self) {
        let items = self.bench.items("main").await.unwrap();
        assert!(
            !items.iter().any(|item| item.contains("WORK#studies#") && item.contains("PENDING#")),
            "something is pending"
        );
    }
}

#[tokio::test]
async fn the_lists_follow_the_studies_however_they_are_drained() {
    for seed in [7, 4_711, 99_991] {
        let mut play = Play::start(seed).await;
        for _ in 0..60 {
            play.step().await;
            match play.random.below(12) {
                0 => assert_eq!(play.drain().await, Drained::All),
                // a slice only
                1 => {
                    let context = &play.bench.context;
                    let now = context.clock().now();
                    context.store().drain(SharedList::Studies, context.clock(), now).await.unwrap();
                }
                // done before, or never heard of
                2 => {
                    let id = play.some().map_or_else(StudyId::generate, |study| study.id).to_string();
                    let store = play.bench.context.store();
                    store
                        .leave_to_drainer(SharedList::Studies, "again", &format!("{id} {}", StudyId::generate()))
                        .await
                        .unwrap();
                }
                _ => {}
            }
        }
        play.drain().await;
        play.check().await;
        play.nothing_is_pending().await;
    }
}

#[tokio::test]
async fn a_drain_that_breaks_off_anywhere_goes_on() {
    let mut play = Play::start(31_337).await;
    for nth in 1..=14 {
        for _ in 0..6 {
            play.step().await;
        }
        let context = play.bench.context.clone();
        let fault = [Fault::Broken, Fault::LostAnswer, Fault::Conflict, Fault::Throttled][nth % 4];
        play.bench.faults.every(nth.max(2), fault);
        let until = context.clock().now() + Duration::seconds(30);
        let _ = context.store().drain(SharedList::Studies, context.clock(), until).await;
        play.bench.faults.stop();
        // its holder is gone: the lease lapses
        play.bench.advance(Duration::seconds(61));
    }
    play.drain().await;
    play.check().await;
    play.nothing_is_pending().await;
}

#[tokio::test]
async fn drainers_that_meet_lose_nothing() {
    let mut play = Play::start(271_828).await;
    for _ in 0..8 {
        for _ in 0..5 {
            play.step().await;
        }
        play.bench.faults.every(2, Fault::Slow(15));
        let (one, other) = (play.bench.another_process(), play.bench.another_process());
        let drain = async |bench: &Bench| {
            let context = &bench.context;
            let until = context.clock().now() + Duration::seconds(600);
            let _ = context.store().drain(SharedList::Studies, context.clock(), until).await;
        };
        let late = async {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            // the first one is slow, and its lease lapses
            play.bench.advance(Duration::seconds(61));
            drain(&other).await;
        };
        tokio::join!(drain(&one), late);
        play.bench.faults.stop();
        play.bench.advance(Duration::seconds(61));
    }
    play.drain().await;
    play.check().await;
    play.nothing_is_pending().await;
}

#[tokio::test]
async fn what_cannot_be_read_holds_nothing_back() {
    let mut play = Play::start(577).await;
    while play.model.len() < 20 {
        play.step().await;
    }
    let spoiled = play.some().unwrap();
    let settings = play.bench.context.settings();
    let endpoint = settings.store.endpoint.as_deref().unwrap();
    let study = format!("STUDY#{}", spoiled.id);
    harness::spoil(settings, endpoint, (&study, "STUDY"), "status").await.unwrap();
    for shard in 0..4 {
        // an item that says nothing else
        let pk = format!("WORK#studies#{shard}");
        harness::spoil(settings, endpoint, (&pk, "PENDING#odd"), "new").await.unwrap();
    }
    assert_eq!(play.drain().await, Drained::All);
    play.nothing_is_pending().await;
    let others = play.model.values().filter(|study| study.id != spoiled.id && study.status == Status::Open).count();
    let page = play.bench.context.store().every_study_page(Some(Status::Open), 0, 1).await.unwrap();
    assert!(page.total >= others as u64, "the others are there");
}

/// Creates organizations, each in a second of its own from `first` on; their ids.
async fn organizations(bench: &Bench, first: u64, count: u64) -> Vec<OrganizationId> {
    let began = bench.context.clock().now();
    let mut ids = Vec::new();
    for number in first..first + count {
        let created_at = began + Duration::seconds(i64::try_from(number).unwrap());
        let id = OrganizationId::at(created_at);
        let organization =
            Organization { id, name: "one of many".to_owned(), plan: Plan::Free, billing_exempt: true, created_at };
        assert!(bench.context.store().create_organization(&organization).await.unwrap());
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn a_batch_costs_what_one_member_cost() {
    const MANY: u64 = 1_000;
    let bench = Bench::start().await.unwrap();
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let mut ids = organizations(&bench, 0, MANY).await;
    let until = clock.now() + Duration::seconds(30);
    let (drained, cost) = round_trips::counted(store.drain(SharedList::Organizations, clock, until)).await;
    assert_eq!(drained.unwrap(), Drained::All);
    // one by one, each member took six calls: a lease, two reads, a transaction, the end of the lease, its deletion
    assert!(cost.calls <= u32::try_from(MANY * 6 / 10).unwrap(), "{cost:?}");
    assert!(cost.calls <= 150, "{cost:?}");
    // somebody is in the way of every third write
    ids.extend(organizations(&bench, MANY, MANY).await);
    bench.faults.every(3, Fault::Conflict);
    let until = clock.now() + Duration::seconds(30);
    let (drained, cost) = round_trips::counted(store.drain(SharedList::Organizations, clock, until)).await;
    assert!(bench.faults.stop() > 0);
    assert_eq!(drained.unwrap(), Drained::All);
    assert!(cost.calls <= u32::try_from(MANY * 6 / 10).unwrap(), "{cost:?}");
    let page = store.organizations_page(2 * MANY - 10, 10).await.unwrap();
    let oldest: Vec<_> = ids.iter().take(10).rev().copied().collect();
    assert_eq!((page.total, page.members.iter().map(|one| one.id).collect::<Vec<_>>()), (2 * MANY, oldest));
}
