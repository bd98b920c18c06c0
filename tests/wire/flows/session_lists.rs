//! The lists of sessions, against what the sessions are: whatever is written in whatever order, doubled, late, broken off
//! or by several processes, in the end each list holds what it must, once.

use std::{collections::BTreeSet, convert::Infallible};

use futures_util::future::{join_all, try_join_all};
use harness::{Bench, Random, faults::Fault, openscouter::team::Team};
use serde_json::json;
use shared::{
    model::{Study, StudyId, TestSession, TestStatus, UserId},
    store::{Drained, NewTest, SharedList, TestCreation, TestSessionFilter, round_trips},
};
use time::Duration;

struct Play {
    team: Team,
    random: Random,
    studies: Vec<StudyId>,
    testers: Vec<UserId>,
}

impl Play {
    async fn start(seed: u64) -> Self {
        let team = Team::start().await;
        let mut studies = Vec::new();
        for _ in 0..2 {
            let body = json!({"targeting": {"countries": ["US"], "testerCount": 900}});
            studies.push(StudyId::from_wire(&team.study(&body).await).unwrap());
        }
        let testers = (0..16).map(|_| UserId::generate()).collect();
        Self { team, random: Random(seed), studies, testers }
    }

    fn bench(&self) -> &Bench {
        &self.team.bench
    }

    async fn study(&self, id: StudyId) -> Study {
        self.bench().context.store().linked_study(id).await.unwrap().unwrap()
    }

    /// Some steps that are made at once: of those in one process, all but one are left to the drainer.
    async fn steps(&mut self, bench: &Bench, count: usize) {
        let plans: Vec<_> = (0..count)
            .map(|_| {
                let (study, tester) = (self.studies[self.random.below(2)], self.testers[self.random.below(16)]);
                (study, tester, TestStatus::ALL[self.random.below(TestStatus::ALL.len())])
            })
            .collect();
        join_all(plans.into_iter().map(|plan| self.step(bench, plan))).await;
    }

    /// Begins a session, or moves one on; what a fault undoes is not done.
    async fn step(&self, bench: &Bench, (study, tester, to): (StudyId, UserId, TestStatus)) {
        let store = bench.context.store();
        let now = bench.context.clock().now();
        match store.test_session_of(study, tester).await.ok().flatten() {
            None => {
                let study = self.study(study).await;
                let new = NewTest { study: &study, tester, variant: None, assigns: true };
                let made = store.create_test_session(&new, now).await;
                assert!(matches!(made, Ok(TestCreation::Created(_) | TestCreation::Exists) | Err(_)), "{made:?}");
            }
            Some(id) => {
                let change = |session: &TestSession| Ok::<_, Infallible>(Some(session.with(|next| next.status = to)));
                let _ = store.update_test_session(id, None, now, &change).await;
            }
        }
    }

    /// What there is: from the studies' links, which no list has a part in.
    async fn sessions(&self) -> Vec<TestSession> {
        let mut all = Vec::new();
        for study in &self.studies {
            all.extend(self.bench().context.store().test_sessions_of(*study).await.unwrap());
        }
        all.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        all
    }

    async fn drain(&self) -> Drained {
        let context = &self.bench().context;
        let until = context.clock().now() + Duration::seconds(30);
        context.store().drain(SharedList::TestSessions, context.clock(), until).await.unwrap()
    }

    /// Holds every list against the sessions, page by page.
    async fn check(&self) {
        let store = self.bench().context.store();
        let sessions = self.sessions().await;
        assert!(!sessions.is_empty());
        let organization = sessions[0].organization;
        let by = TestSessionFilter::default();
        let mut filters = vec![by, TestSessionFilter { organization: Some(organization), ..by }];
        filters.extend(self.studies.iter().map(|study| TestSessionFilter { study: Some(*study), ..by }));
        for tester in &self.testers {
            let of = TestSessionFilter { tester: Some(*tester), ..by };
            filters.extend([of, TestSessionFilter { organization: Some(organization), ..of }]);
        }
        for filter in filters {
            for status in [None].into_iter().chain(TestStatus::ALL.map(Some)) {
                let filter = TestSessionFilter { status, ..filter };
                let fits = |session: &&TestSession| {
                    filter.study.is_none_or(|study| study == session.study)
                        && filter.tester.is_none_or(|tester| tester == session.tester)
                        && status.is_none_or(|status| status == session.status)
                };
                let wanted: Vec<_> = sessions.iter().filter(fits).map(|session| session.id).collect();
                let mut found = Vec::new();
                loop {
                    let page = store.test_sessions_page(&filter, found.len() as u64, 37).await.unwrap();
                    assert_eq!(page.total, wanted.len() as u64, "{filter:?}");
                    if page.members.is_empty() {
                        break;
                    }
                    found.extend(page.members.iter().map(|session| session.id));
                }
                assert_eq!(found, wanted, "{filter:?}");
            }
        }
        for tester in &self.testers {
            let tested: BTreeSet<_> =
                sessions.iter().filter(|session| session.tester == *tester).map(|session| session.study).collect();
            let page = store.tested_studies(*tester, 0, 10).await.unwrap();
            assert_eq!(page.members.iter().map(|listed| listed.study.id).collect::<BTreeSet<_>>(), tested);
        }
    }

    async fn nothing_is_pending(&self) {
        let items = self.bench().items("main").await.unwrap();
        let pending = |item: &&String| item.contains("WORK#tests#") && item.contains("PENDING#");
        assert_eq!(items.iter().filter(pending).count(), 0, "something is pending");
    }
}

#[tokio::test]
async fn the_lists_follow_the_sessions_however_they_are_drained() {
    for seed in [11, 6_029] {
        let mut play = Play::start(seed).await;
        let other = play.bench().another_process();
        for _ in 0..60 {
            let process = play.bench().another_process();
            match play.random.below(6) {
                0 => {
                    let context = &other.context;
                    let now = context.clock().now();
                    context.store().drain(SharedList::TestSessions, context.clock(), now).await.unwrap();
                }
                1 => play.steps(&other, 5).await,
                _ => play.steps(&process, 1).await,
            }
        }
        play.drain().await;
        play.check().await;
        play.nothing_is_pending().await;
    }
}

#[tokio::test]
async fn what_breaks_off_anywhere_goes_on() {
    let mut play = Play::start(1_729).await;
    for nth in 1..=12 {
        let fault = [Fault::Broken, Fault::LostAnswer, Fault::Conflict, Fault::Throttled][nth % 4];
        play.bench().faults.every(nth.max(3), fault);
        for count in 1..4 {
            let process = play.bench().another_process();
            play.steps(&process, count).await;
        }
        let context = play.bench().context.clone();
        let until = context.clock().now() + Duration::seconds(30);
        let _ = context.store().drain(SharedList::TestSessions, context.clock(), until).await;
        play.bench().faults.stop();
        // its holder is gone: the lease lapses
        play.bench().advance(Duration::seconds(61));
    }
    play.drain().await;
    play.check().await;
    play.nothing_is_pending().await;
}

#[tokio::test]
async fn sessions_that_begin_together_share_their_writes() {
    const MANY: usize = 240;
    let team = Team::start().await;
    let made = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 900}})).await;
    let id = StudyId::from_wire(&made).unwrap();
    let store = team.bench.context.store();
    let (study, clock) = (store.linked_study(id).await.unwrap().unwrap(), team.bench.context.clock());
    let testers: Vec<_> = (0..MANY).map(|_| UserId::generate()).collect();
    let new = |tester: &UserId| NewTest { study: &study, tester: *tester, variant: None, assigns: true };
    let new: Vec<_> = testers.iter().map(new).collect();
    let made = try_join_all(new.iter().map(|new| store.create_test_session(new, clock.now()))).await.unwrap();
    assert!(made.iter().all(|made| matches!(made, TestCreation::Created(_))));
    let until = clock.now() + Duration::seconds(30);
    let (drained, cost) = round_trips::counted(store.drain(SharedList::TestSessions, clock, until)).await;
    assert_eq!(drained.unwrap(), Drained::All);
    let filter = TestSessionFilter { study: Some(id), ..TestSessionFilter::default() };
    assert_eq!(store.test_sessions_page(&filter, 0, 1).await.unwrap().total, MANY as u64);
    println!("{MANY} sessions: {cost:?}");
    // one by one, each took about twenty calls
    assert!(cost.calls <= u32::try_from(MANY * 20 / 10).unwrap(), "{cost:?}");
}
