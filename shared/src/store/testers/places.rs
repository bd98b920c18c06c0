//! Where a tester stands: in which lists, and under which entries of the index. All of it follows from a few facts, which
//! a record beside the places keeps, so that they can be left again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    clock::{epoch_micros, from_epoch_micros},
    model::{Candidate, Tester, UserId},
    store::collection::newest_first,
};

/// A tester who speaks more languages stands under one entry for all of them.
const MAX_LANGUAGES: usize = 8;
/// In place of a language: any; many.
const ANY: &str = "*";
const MANY: &str = "+";
/// The highest standing score has four digits.
const HIGHEST: u32 = 9_999;

/// The facts that a tester's places follow from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Places {
    standing: String,
    country: Option<String>,
    completed: u32,
    /// Creation time, in microseconds since the Unix epoch.
    created: i64,
    /// What the entries say; `None` of who cannot be matched.
    candidate: Option<Candidate>,
}

/// A list of testers, by what narrows it.
pub(super) fn list(standing: Option<&str>, country: Option<&str>, least: u32) -> String {
    let mut list = "RANK#testers".to_owned();
    if let Some(standing) = standing {
        list += &format!("/status={standing}");
    }
    if let Some(country) = country {
        list += &format!("/country={country}");
    }
    if least > 0 {
        list += &format!("/sessions={least}");
    }
    list
}

/// The partition of the index's entries for a country, a language and, apart from all else, an ND category.
fn partition(country: &str, language: &str, category: Option<&str>) -> String {
    match category {
        None => format!("MATCH#{country}#{language}"),
        // special-category data is kept from whoever may not read that prefix
        Some(category) => format!("SPECIAL#MATCH#{country}#{language}#{category}"),
    }
}

/// Where an entry stands in its partition: the highest standing score first, then the tester's id.
pub(super) fn entry_sk(standing: u32, tester: UserId) -> String {
    format!("{:04}#{tester}", HIGHEST.saturating_sub(standing))
}

/// The partitions that together hold everybody who can match, for the countries, languages and categories that are
/// wanted. Where there are so many languages that the partitions would be too many, everybody's is read in their place.
pub(super) fn partitions(countries: &[String], languages: &[String], categories: &[String]) -> Vec<String> {
    const MOST: usize = 200;
    let narrowed = !languages.is_empty() && countries.len() * (languages.len() + 1) * categories.len().max(1) <= MOST;
    let spoken: Vec<_> = match narrowed {
        true => languages.iter().map(String::as_str).chain([MANY]).collect(),
        false => vec![ANY],
    };
    let mut partitions = Vec::new();
    for country in countries {
        for language in &spoken {
            match categories {
                [] => partitions.push(partition(country, language, None)),
                _ => partitions.extend(categories.iter().map(|name| partition(country, language, Some(name)))),
            }
        }
    }
    partitions
}

impl Places {
    /// Where a tester is to stand.
    pub(super) fn of(tester: &Tester) -> Self {
        let candidate = &tester.candidate;
        let can_match = candidate.ready && candidate.country.is_some() && candidate.testing.is_some();
        Self {
            standing: tester.standing.as_str().to_owned(),
            country: candidate.country.clone(),
            completed: tester.completed_sessions,
            created: epoch_micros(tester.created_at),
            candidate: can_match.then(|| candidate.clone()),
        }
    }

    /// The tester's rank in each list.
    pub(super) fn rank(&self, tester: UserId) -> Vec<u8> {
        newest_first(from_epoch_micros(self.created).unwrap_or(time::OffsetDateTime::UNIX_EPOCH), tester.as_bytes())
    }

    /// The lists that show the tester.
    pub(super) fn lists(&self) -> BTreeSet<String> {
        let mut lists = BTreeSet::new();
        for standing in [None, Some(&*self.standing)] {
            for country in [None, self.country.as_deref()] {
                lists.extend((0..=self.completed).map(|least| list(standing, country, least)));
            }
        }
        lists
    }

    /// What the entries of the index say; `None` where there are none.
    pub(super) const fn candidate(&self) -> Option<&Candidate> {
        self.candidate.as_ref()
    }

    /// The keys of the entries.
    pub(super) fn entries(&self, tester: UserId) -> BTreeSet<(String, String)> {
        let Some(candidate) = &self.candidate else { return BTreeSet::new() };
        let Some(country) = &candidate.country else { return BTreeSet::new() };
        let spoken: Vec<_> = match candidate.languages.len() {
            0..=MAX_LANGUAGES => candidate.languages.iter().map(String::as_str).chain([ANY]).collect(),
            _ => vec![MANY, ANY],
        };
        let categories = candidate.categories.iter().filter(|_| candidate.special.is_some());
        let categories: Vec<_> = [None].into_iter().chain(categories.map(|name| Some(&**name))).collect();
        let sk = entry_sk(candidate.standing, tester);
        let mut entries = BTreeSet::new();
        for language in spoken {
            entries.extend(categories.iter().map(|name| (partition(country, language, *name), sk.clone())));
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tester(languages: usize, categories: &[&str], completed: u32) -> Places {
        let candidate = Candidate {
            ready: true,
            country: Some("DE".to_owned()),
            languages: (0..languages).map(|number| format!("l{number}")).collect(),
            categories: categories.iter().map(|name| (*name).to_owned()).collect(),
            standing: 1_200,
            testing: Some("v1".to_owned()),
            special: (!categories.is_empty()).then(|| "v1".to_owned()),
            ..Candidate::default()
        };
        let (standing, country) = ("active".to_owned(), Some("DE".to_owned()));
        Places { standing, country, completed, created: 0, candidate: Some(candidate) }
    }

    #[test]
    fn every_tester_is_in_each_list_that_shows_one() {
        let places = tester(0, &[], 2);
        assert_eq!(places.lists().len(), 12);
        for least in 0..=2 {
            assert!(places.lists().contains(&list(Some("active"), Some("DE"), least)));
        }
        assert!(!places.lists().contains(&list(None, None, 3)));
    }

    #[test]
    fn what_is_wanted_leads_to_an_entry_of_everybody_who_has_it() {
        let id = UserId::generate();
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all: Vec<_> = (0..300).map(|number| format!("l{number}")).collect();
        for languages in [0, 1, MAX_LANGUAGES, MAX_LANGUAGES + 1, 200] {
            let places = tester(languages, &["adhd", "ocd"], 0);
            let entries: BTreeSet<_> = places.entries(id).into_iter().map(|(pk, _)| pk).collect();
            for wanted in [text(&[]), text(&["l0"]), text(&["xx", "l0"]), all.clone()] {
                for categories in [text(&[]), text(&["ocd"]), text(&["autism", "adhd"])] {
                    let found = partitions(&text(&["FR", "DE"]), &wanted, &categories);
                    let met = found.iter().any(|pk| entries.contains(pk));
                    assert!(met || (languages == 0 && !wanted.is_empty()), "{languages} {wanted:?} {categories:?}");
                    assert!(found.len() <= 200);
                }
            }
            assert!(entries.len() <= 3 * (MAX_LANGUAGES + 1));
            assert!(entries.iter().all(|pk| pk.starts_with("SPECIAL#") == (pk.contains("adhd") || pk.contains("ocd"))));
        }
    }

    #[test]
    fn the_highest_standing_comes_first() {
        let id = UserId::generate();
        assert!(entry_sk(4_000, id) < entry_sk(3_999, id) && entry_sk(1_000, id) < entry_sk(0, id));
    }
}
