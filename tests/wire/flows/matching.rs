//! Matching of testers to studies (openscouter 14.1): the index against a naive computation, and what it costs.

use harness::{
    Bench, Random,
    openscouter::{person, testers_follow},
};
use serde_json::{Value, json};
use shared::{
    model::{
        Action, AgeRange, AttemptId, AuditEntry, Candidate, Consent, ConsentKind, MatchScore, Quiz, QuizAttempt, Role,
        StudyId, Targeting, User, UserId, Wanted, standing_score,
    },
    store::{Attempted, round_trips},
};

pub(super) const VERSION: &str = "v1.1";

/// A tester as the test knows one.
pub(super) struct Known {
    pub(super) user: User,
    pub(super) candidate: Candidate,
}

/// What a tester is made of.
#[derive(Clone, Debug)]
pub(super) struct Traits {
    pub(super) country: &'static str,
    pub(super) born: Option<u32>,
    pub(super) devices: Vec<&'static str>,
    pub(super) languages: Vec<&'static str>,
    pub(super) categories: Vec<&'static str>,
    pub(super) qualified: bool,
    pub(super) available: bool,
    pub(super) consents: bool,
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn give(bench: &Bench, user: &User, kind: ConsentKind) {
    let now = bench.context.clock().now();
    let consent = Consent { kind, version: VERSION.to_owned(), given_at: now, revoked_at: None };
    let audit = AuditEntry::of_operator(Action::ConsentGiven, None, json!({}), now);
    bench.context.store().give_consent(user.id, &consent, &audit).await.unwrap();
}

/// Makes a tester by what requests write.
pub(super) async fn make(bench: &Bench, number: usize, traits: &Traits) -> Known {
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    let user = person(bench, Role::Tester, &format!("t{number}@example.com")).await;
    if traits.qualified {
        let attempt = QuizAttempt {
            id: AttemptId::at(now),
            tester: user.id,
            version: 1,
            answers: Vec::new(),
            score: 100,
            passed: true,
            created_at: now,
        };
        assert_eq!(store.attempt_quiz(&attempt, user.clone()).await.unwrap(), Attempted::Kept);
    }
    if traits.consents {
        give(bench, &user, ConsentKind::Testing).await;
    }
    let mut candidate = Candidate {
        ready: traits.qualified && traits.available,
        country: Some(traits.country.to_owned()),
        birth_year: traits.born,
        devices: owned(&traits.devices),
        languages: owned(&traits.languages),
        categories: Vec::new(),
        standing: standing_score(0, shared::model::Ratings::default()),
        testing: traits.consents.then(|| VERSION.to_owned()),
        special: None,
    };
    if !traits.categories.is_empty() {
        give(bench, &user, ConsentKind::SpecialCategory).await;
        candidate.categories = owned(&traits.categories);
        candidate.special = Some(VERSION.to_owned());
        assert!(store.put_special_categories(user.id, &candidate.categories, VERSION).await.unwrap());
    }
    let set = json!({
        "country": traits.country, "birthYear": traits.born, "devices": traits.devices,
        "languages": traits.languages, "available": traits.available,
    });
    let change = |profile: &mut serde_json::Map<String, Value>| {
        profile.extend(
            set.as_object()
                .unwrap()
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    };
    store.update_profile(user.id, &change).await.unwrap();
    Known { user, candidate }
}

pub(super) async fn bench() -> Bench {
    let bench = Bench::start().await.unwrap();
    let now = bench.context.clock().now();
    let quiz = Quiz { version: 0, passing_score: 70, questions: Vec::new(), updated_at: now };
    let audit = |_: &Quiz| AuditEntry::of_operator(Action::QuizPublished, None, json!({}), now);
    bench.context.store().publish_quiz(&quiz, &audit).await.unwrap();
    bench
}

fn some<T: Copy>(random: &mut Random, of: &[T]) -> Vec<T> {
    of.iter().filter(|_| random.below(2) == 0).copied().collect()
}

fn traits(random: &mut Random) -> Traits {
    let country = ["DE", "FR", "US"][random.below(3)];
    let born = (random.below(5) > 0).then(|| 1960 + u32::try_from(random.below(45)).unwrap());
    let many = ["de", "en", "fr", "es", "it", "nl", "pl", "pt", "sv", "da"];
    Traits {
        country,
        born,
        devices: some(random, &["desktop", "mobile", "tablet"]),
        languages: if random.below(8) == 0 { many.to_vec() } else { some(random, &["de", "en", "fr"]) },
        categories: some(random, &["adhd", "autism", "ocd"]),
        qualified: random.below(8) > 0,
        available: random.below(8) > 0,
        consents: random.below(8) > 0,
    }
}

fn targeting(random: &mut Random) -> Targeting {
    let mut countries = owned(&some(random, &["DE", "FR", "US"]));
    countries.push("GB".to_owned());
    Targeting {
        countries,
        age_range: (random.below(2) == 0).then_some(AgeRange { min: 25, max: 50 }),
        devices: owned(&some(random, &["desktop", "mobile", "tablet"])),
        languages: if random.below(2) == 0 { Vec::new() } else { owned(&some(random, &["de", "en", "es"])) },
        nd_categories: if random.below(2) == 0 { Vec::new() } else { owned(&some(random, &["adhd", "autism"])) },
        tester_count: 10,
    }
}

fn naive(known: &[Known], wanted: &Wanted<'_>, most: usize) -> Vec<(UserId, MatchScore)> {
    let mut all: Vec<_> = known
        .iter()
        .filter(|known| wanted.admits(&known.candidate))
        .map(|known| (known.user.id, wanted.score(&known.candidate)))
        .collect();
    all.sort_by_key(|(tester, score)| (std::cmp::Reverse(*score), *tester));
    all.truncate(most);
    all
}

#[tokio::test]
async fn the_index_finds_what_a_walk_over_all_testers_finds() {
    let bench = bench().await;
    let mut random = Random(4_711);
    let mut known = Vec::new();
    for number in 0..90 {
        known.push(make(&bench, number, &traits(&mut random)).await);
    }
    testers_follow(&bench).await;
    let mut met = 0;
    for _ in 0..60 {
        let targeting = targeting(&mut random);
        let wanted = Wanted { targeting: &targeting, year: 2026, consent_version: VERSION };
        for most in [1, 7, 200] {
            let found = bench.context.store().best_testers(StudyId::generate(), &wanted, most).await.unwrap();
            assert_eq!(found, naive(&known, &wanted, most), "{targeting:?}");
            met += found.len();
        }
    }
    assert!(met > 500, "{met}");
    // what is withdrawn or changed leaves the index
    for (index, known) in known.iter_mut().enumerate() {
        match index % 3 {
            0 => {
                let audit =
                    AuditEntry::of_operator(Action::ConsentRevoked, None, json!({}), bench.context.clock().now());
                let now = bench.context.clock().now();
                let store = bench.context.store();
                store.revoke_consent(known.user.id, ConsentKind::SpecialCategory, now, &audit).await.unwrap();
                known.candidate.special = None;
                known.candidate.categories = Vec::new();
            }
            1 => {
                let change = |profile: &mut serde_json::Map<String, Value>| {
                    profile.insert("country".to_owned(), json!("GB"));
                    profile.insert("available".to_owned(), json!(true));
                };
                bench.context.store().update_profile(known.user.id, &change).await.unwrap();
                known.candidate.country = Some("GB".to_owned());
                known.candidate.ready = known.candidate.ready || {
                    let account = bench.context.store().account(known.user.id).await.unwrap().unwrap();
                    account.user.qualified
                };
            }
            _ => {}
        }
    }
    testers_follow(&bench).await;
    for _ in 0..30 {
        let targeting = targeting(&mut random);
        let wanted = Wanted { targeting: &targeting, year: 2026, consent_version: VERSION };
        let found = bench.context.store().best_testers(StudyId::generate(), &wanted, 40).await.unwrap();
        assert_eq!(found, naive(&known, &wanted, 40), "{targeting:?}");
    }
    // nothing of the categories stands outside the part that is kept apart
    for item in bench.items("main").await.unwrap() {
        let apart = item.contains("SPECIAL#");
        assert!(apart || !["\"adhd", "adhd\"", "autism", "#ocd"].iter().any(|name| item.contains(name)), "{item}");
    }
}

/// What it costs to find the best five among `matching` testers, with `others` around them.
async fn cost(bench: &Bench, most: usize) -> round_trips::Cost {
    let targeting = Targeting {
        countries: owned(&["DE"]),
        languages: owned(&["da"]),
        nd_categories: owned(&["tourette"]),
        ..Targeting::default()
    };
    let wanted = Wanted { targeting: &targeting, year: 2026, consent_version: VERSION };
    let (found, cost) =
        round_trips::counted(bench.context.store().best_testers(StudyId::generate(), &wanted, most)).await;
    assert_eq!(found.unwrap().len(), most);
    cost
}

#[tokio::test]
async fn reads_grow_with_those_who_match_and_not_with_all_testers() {
    let bench = bench().await;
    let base = Traits {
        country: "DE",
        born: Some(1990),
        devices: vec!["mobile"],
        languages: vec!["da"],
        categories: vec!["tourette"],
        qualified: true,
        available: true,
        consents: true,
    };
    let mut number = 0;
    let mut add = async |count: usize, traits: &Traits| {
        for _ in 0..count {
            make(&bench, number, traits).await;
            number += 1;
        }
        testers_follow(&bench).await;
    };
    add(6, &base).await;
    let alone = cost(&bench, 5).await;
    for other in [
        Traits { country: "FR", ..base.clone() },
        Traits { languages: vec!["sv"], ..base.clone() },
        Traits { categories: vec!["adhd"], ..base.clone() },
        Traits { categories: Vec::new(), ..base.clone() },
        Traits { available: false, ..base.clone() },
    ] {
        add(20, &other).await;
    }
    assert_eq!(cost(&bench, 5).await, alone, "a hundred who do not match cost nothing");
    add(30, &base).await;
    let more = cost(&bench, 5).await;
    assert!(more.items_read <= alone.items_read + 30 * 9 && more.calls <= alone.calls + 4, "{more:?} {alone:?}");
}
