//! Matching among very many testers (openscouter 14.1): what it reads grows with those who match. The testers are copies of
//! some that the system made; of those who do not match there are the entries of the index, since nothing else of them is
//! looked at. `OUTSCOUT_MATCH_TESTERS` says how many there are.

use std::{cmp::Reverse, time::Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use harness::{Bench, openscouter::testers_follow};
use shared::{
    model::{MatchScore, StudyId, Targeting, UserId, Wanted},
    store::round_trips::{self, Cost},
};

use super::depth::{Raw, Row};
use crate::flows::matching::{Known, Traits, VERSION, bench, make, owned};

/// Those around whom the matching ones are found, where nothing else is said.
const OTHERS: usize = 20_000;
/// Copies of each tester that match at first, and that come later.
const COPIES: usize = 100;

/// The kinds of items of a tester, by what their partitions begin with.
fn partitions(country: &str, language: &str, category: &str) -> [String; 4] {
    [
        format!("MATCH#{country}#*"),
        format!("MATCH#{country}#{language}"),
        format!("SPECIAL#MATCH#{country}#*#{category}"),
        format!("SPECIAL#MATCH#{country}#{language}#{category}"),
    ]
}

/// A tester that the system made, with all its items.
struct Template {
    known: Known,
    /// Entries of the index.
    entries: Vec<Row>,
    /// Everything else that matching reads.
    rest: Vec<Row>,
}

impl Template {
    async fn read(raw: &Raw, known: Known) -> Self {
        let id = known.user.id.to_string();
        let mut entries = Vec::new();
        for pk in partitions("DE", "da", "tourette") {
            let rows = raw.rows(&pk, "").await;
            entries.extend(rows.into_iter().filter(|row| row["sk"].as_s().unwrap().ends_with(&id)));
        }
        assert_eq!(entries.len(), 4);
        let mut rest = raw.rows(&format!("USER#{id}"), "").await;
        rest.extend(raw.rows(&format!("SPECIAL#{id}"), "").await);
        assert!(rest.len() > 4, "{rest:?}");
        Self { known, entries, rest }
    }

    /// Another tester like this one.
    fn copied(&self, tester: UserId) -> Vec<Row> {
        self.rows(self.entries.iter().chain(&self.rest), &[(&self.known.user.id.to_string(), &tester.to_string())])
    }

    /// The entries of a tester who is like this one but for what is replaced in their partitions.
    fn other(&self, replaced: (&str, &str)) -> Vec<Row> {
        let id = UserId::generate().to_string();
        self.rows(&self.entries, &[(&self.known.user.id.to_string(), &id), replaced])
    }

    fn rows<'a>(&self, rows: impl IntoIterator<Item = &'a Row>, replaced: &[(&str, &str)]) -> Vec<Row> {
        let with = |value: &AttributeValue| match value {
            AttributeValue::S(text) => {
                let changed = replaced.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
                AttributeValue::S(changed)
            }
            other => other.clone(),
        };
        rows.into_iter().map(|row| row.iter().map(|(name, value)| (name.clone(), with(value))).collect()).collect()
    }
}

/// Puts copies there; who they are, with their scores.
async fn plant(raw: &Raw, templates: &[Template], wanted: &Wanted<'_>) -> Vec<(UserId, MatchScore)> {
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    for template in templates {
        for _ in 0..COPIES {
            let tester = UserId::generate();
            rows.extend(template.copied(tester));
            all.push((tester, wanted.score(&template.known.candidate)));
        }
    }
    raw.fill(rows).await;
    all
}

/// The best, twice the same, and what it took.
async fn best(bench: &Bench, wanted: &Wanted<'_>, most: usize, all: &[(UserId, MatchScore)]) -> Cost {
    let (study, store) = (StudyId::generate(), bench.context.store());
    let mut expected = all.to_vec();
    expected.sort_by_key(|(tester, score)| (Reverse(*score), *tester));
    expected.truncate(most);
    let (found, cost) = round_trips::counted(store.best_testers(study, wanted, most)).await;
    assert_eq!(found.unwrap(), expected, "the best {most}, in the contract's order");
    let (again, same) = round_trips::counted(store.best_testers(study, wanted, most)).await;
    assert_eq!((again.unwrap(), same.items_read), (expected, cost.items_read));
    cost
}

#[expect(clippy::disallowed_methods, reason = "the test is told how far to go")]
fn others() -> usize {
    std::env::var("OUTSCOUT_MATCH_TESTERS").map_or(OTHERS, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn matching_reads_those_who_match_and_not_a_hundred_thousand_others() {
    let others = others();
    let bench = bench().await;
    let raw = Raw::of(&bench);
    let mut templates = Vec::new();
    for (number, devices) in [vec!["mobile"], vec!["mobile", "desktop"], vec!["tablet"]].into_iter().enumerate() {
        let traits = Traits {
            country: "DE",
            born: Some(1990),
            devices,
            languages: vec!["da"],
            categories: vec!["tourette"],
            qualified: true,
            available: true,
            consents: true,
        };
        templates.push(make(&bench, number, &traits).await);
    }
    testers_follow(&bench).await;
    let mut all = Vec::new();
    let targeting = Targeting {
        countries: owned(&["DE"]),
        languages: owned(&["da"]),
        devices: owned(&["mobile", "desktop"]),
        nd_categories: owned(&["tourette"]),
        ..Targeting::default()
    };
    let wanted = Wanted { targeting: &targeting, year: 2026, consent_version: VERSION };
    let mut copied = Vec::new();
    for known in templates {
        if wanted.admits(&known.candidate) {
            all.push((known.user.id, wanted.score(&known.candidate)));
        }
        copied.push(Template::read(&raw, known).await);
    }
    // who has none of the devices stands in the same partition
    let admitted: Vec<_> = copied.iter().filter(|template| wanted.admits(&template.known.candidate)).collect();
    assert_eq!(admitted.len(), 2);
    drop(admitted);
    let matching: Vec<_> = copied.drain(..2).collect();
    all.extend(plant(&raw, &matching, &wanted).await);
    let alone = [best(&bench, &wanted, 10, &all).await, best(&bench, &wanted, 100, &all).await];

    let began = Instant::now();
    let kinds = [("#DE#", "#FR#"), ("#da", "#sv"), ("#tourette", "#adhd"), ("#DE#", "#US#")];
    for from in (0..others).step_by(2_500) {
        let slice = from..others.min(from + 2_500);
        raw.fill(slice.flat_map(|number| matching[number % 2].other(kinds[number % kinds.len()])).collect()).await;
    }
    let planted = began.elapsed();
    let began = Instant::now();
    let among = [best(&bench, &wanted, 10, &all).await, best(&bench, &wanted, 100, &all).await];
    let took = began.elapsed() / 4;
    // calls beside one another may wait for one another, or not
    let counted = |costs: &[Cost]| costs.iter().map(|cost| (cost.calls, cost.items_read)).collect::<Vec<_>>();
    assert_eq!(counted(&among), counted(&alone), "those who do not match cost nothing");
    println!("{others} others planted in {planted:?}; {took:?} to find the best among them: {among:?}");

    // twice as many who match: as far as more of them can be among the best, more is read, and no further
    all.extend(plant(&raw, &matching, &wanted).await);
    let more = [best(&bench, &wanted, 10, &all).await, best(&bench, &wanted, 100, &all).await];
    println!("with {} who match: {more:?}", all.len());
    let added = u32::try_from(2 * COPIES).unwrap();
    for (more, alone) in more.iter().zip(&alone) {
        // an entry, and eight items that are looked up
        assert!(more.items_read <= alone.items_read + added * 9, "{more:?} {alone:?}");
    }
}
