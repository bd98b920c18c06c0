//! The index that matching reads (openscouter 14.1): testers who can be matched at all, by country and language, and apart
//! from all else by ND category; those with the highest standing score first.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;

use super::places::partitions;
use crate::{
    model::{Best, Candidate, MatchScore, StudyId, UserId, Wanted},
    store::{
        BoxFuture, Store, StoreError,
        item::Item,
        round_trips::{items_read, round_trip},
        seats::link_key,
        studies::study_pk,
    },
};

/// Entries that are read at a time.
const PAGE: i32 = 200;

/// What an entry says of a tester. Categories stand in those entries alone that are kept apart.
pub(super) fn entry_item((pk, sk): &(String, String), candidate: &Candidate) -> Item {
    let special = pk.starts_with("SPECIAL#");
    let said = |names: &[String]| names.join(" ");
    let item = Item::new(pk.clone(), sk.clone())
        .optional_text("testing", candidate.testing.as_deref())
        .text("devices", said(&candidate.devices))
        .text("languages", said(&candidate.languages));
    let item = match candidate.birth_year {
        Some(year) => item.number("born", year),
        None => item,
    };
    if !special {
        return item;
    }
    item.optional_text("special", candidate.special.as_deref()).text("categories", said(&candidate.categories))
}

/// The tester of an entry, as far as the entry tells.
pub(super) fn read_entry(item: &Item, country: &str) -> Option<(UserId, Candidate)> {
    let reader = item.read("entry of a tester");
    let (standing, tester) = reader.optional_text("sk")?.split_once('#')?;
    let names = |name| -> Vec<String> {
        reader.optional_text(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let candidate = Candidate {
        ready: true,
        country: Some(country.to_owned()),
        birth_year: reader.number("born").ok(),
        devices: names("devices"),
        languages: names("languages"),
        categories: names("categories"),
        standing: 9_999_u32.checked_sub(standing.parse().ok()?)?,
        testing: reader.optional_text("testing").map(str::to_owned),
        special: reader.optional_text("special").map(str::to_owned),
    };
    Some((UserId::parse(tester)?, candidate))
}

impl Store {
    /// The best testers for a study, at most `most` of them, in the contract's order. Who has a session of the study, or was
    /// proposed for it before, is left out. Entries are read best first and by the page, and no further than somebody can
    /// be among the best: what is held and what is read grow with those who match.
    ///
    /// # Errors
    /// When the store fails.
    pub fn best_testers<'a>(
        &'a self,
        study: StudyId,
        wanted: &'a Wanted<'a>,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<(UserId, MatchScore)>, StoreError>> {
        Box::pin(async move {
            let (mut best, mut seen) = (Best::of(most), HashSet::new());
            let targeting = wanted.targeting;
            for country in &targeting.countries {
                let countries = std::slice::from_ref(country);
                for pk in partitions(countries, &targeting.languages, &targeting.nd_categories) {
                    self.offer_partition((study, wanted), (&pk, country), &mut best, &mut seen).await?;
                }
            }
            Ok(best.into_order())
        })
    }

    /// Offers the testers of one partition, until nobody who is left there can be among the best.
    async fn offer_partition(
        &self,
        (study, wanted): (StudyId, &Wanted<'_>),
        (pk, country): (&str, &str),
        best: &mut Best,
        left_out: &mut HashSet<UserId>,
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .set_exclusive_start_key(start)
                .limit(PAGE);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items: Vec<_> = output.items.unwrap_or_default().into_iter().map(Item::from).collect();
            items_read(items.len());
            let entries: Vec<_> = items.iter().filter_map(|item| read_entry(item, country)).collect();
            let mut fitting = Vec::new();
            for (tester, candidate) in &entries {
                if wanted.admits(candidate)
                    && best.takes(wanted.score(candidate), *tester)
                    && !left_out.contains(tester)
                {
                    fitting.push(*tester);
                }
            }
            self.offer_testers((study, wanted), &fitting, best, left_out).await?;
            let over = entries
                .last()
                .is_some_and(|(tester, candidate)| best.is_full_before(wanted.most(candidate.standing), *tester));
            start = output.last_evaluated_key;
            if start.is_none() || over {
                return Ok(());
            }
        }
    }

    /// Offers testers by what is known of them now.
    async fn offer_testers(
        &self,
        (study, wanted): (StudyId, &Wanted<'_>),
        testers: &[UserId],
        best: &mut Best,
        left_out: &mut HashSet<UserId>,
    ) -> Result<(), StoreError> {
        if testers.is_empty() {
            return Ok(());
        }
        let known = self.match_grounds(study, testers).await?;
        for tester in testers {
            match known.get(tester).filter(|ground| !ground.before && wanted.admits(&ground.candidate)) {
                Some(ground) => best.offer(wanted.score(&ground.candidate), *tester),
                None => _ = left_out.insert(*tester),
            }
        }
        Ok(())
    }

    /// What decides whether testers may be proposed for a study, as it is now; who is no tester is missing.
    pub(in crate::store) async fn match_grounds(
        &self,
        study: StudyId,
        testers: &[UserId],
    ) -> Result<HashMap<UserId, Ground>, StoreError> {
        let keys = testers.iter().flat_map(|id| [link_key(study, *id), proposed_key(study, *id)]);
        let (known, items) =
            futures_util::future::try_join(self.known_testers(testers), self.batches(keys.collect())).await?;
        let mut grounds: HashMap<_, _> = known
            .into_iter()
            .map(|known| {
                let candidate = known.tester.candidate;
                (known.tester.id, Ground { candidate, before: false, engaged: false })
            })
            .collect();
        for item in &items {
            let reader = item.read("study's tester");
            let sk = reader.text("sk")?;
            let id = sk.split_once('#').and_then(|(_, id)| UserId::parse(id));
            if let Some(ground) = id.and_then(|id| grounds.get_mut(&id)) {
                ground.before = true;
                ground.engaged |= sk.starts_with("TESTER#") || reader.flag("open")?;
            }
        }
        Ok(grounds)
    }
}

/// What decides whether a tester may be proposed for a study.
#[derive(Debug)]
pub(in crate::store) struct Ground {
    /// The tester.
    pub(in crate::store) candidate: Candidate,
    /// Whether the tester has a session of the study, or was ever proposed for it.
    pub(in crate::store) before: bool,
    /// Whether the tester has a session of the study, or an open proposal.
    pub(in crate::store) engaged: bool,
}

/// Whether, and by what, a tester was proposed for a study.
pub(in crate::store) fn proposed_key(study: StudyId, tester: UserId) -> (String, String) {
    (study_pk(study), format!("PROPOSED#{tester}"))
}
