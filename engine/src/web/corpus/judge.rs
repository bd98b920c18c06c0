//! What each module is to find on a site, and how that compares with what it finds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::build::Site;
use crate::{Module, columns};

/// The modules that are judged.
pub(super) const MODULES: [Module; 8] = [
    Module::Emails,
    Module::Socials,
    Module::DeadCheck,
    Module::Techstack,
    Module::AdsIntelligence,
    Module::LegalIds,
    Module::LegalMentions,
    Module::PhonesExtra,
];

/// Values by column; a column that holds nothing is not there.
pub(super) type Cells = BTreeMap<String, BTreeSet<String>>;

/// What a module is to find on a site, by the description and by the columns' definitions (outsend 12).
pub(super) fn expected(module: Module, site: &Site) -> Cells {
    let mut finds = site.finds.clone();
    let first = |finds: &BTreeMap<String, Vec<String>>, column: &str| -> Option<Vec<String>> {
        finds.get(column).and_then(|values| values.first()).map(|value| vec![value.clone()])
    };
    if let Some(best) = first(&finds, "emails_all") {
        finds.insert("email".to_owned(), best);
    }
    if module == Module::AdsIntelligence {
        finds = advertising(&finds);
    }
    let own = columns::own(module, &serde_json::Map::new());
    let cells = finds.into_iter().filter(|(column, _)| own.contains(&column.as_str()) && column != "fetch_status");
    cells.map(|(column, values)| (column, values.into_iter().collect())).collect()
}

/// The columns of 12.9, of which the description names those that the others follow from.
fn advertising(finds: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let of = |column: &str| finds.get(column).cloned().unwrap_or_default();
    let (pixels, crm, chats, tools, cmp) =
        (of("tech_ads_pixels"), of("crm_detected"), of("chat_widgets"), of("marketing_tools"), of("cmp_vendor"));
    let has = |id: &str| pixels.iter().any(|pixel| pixel == id);
    let others = pixels.iter().filter(|id| *id != "meta" && *id != "google_ads").count();
    let score = [
        (has("meta"), 25),
        (has("google_ads"), 25),
        (tools.iter().any(|tool| tool == "gtm"), 10),
        (!crm.is_empty(), 10),
        (!chats.is_empty(), 5),
        (!cmp.is_empty(), 5),
    ];
    let score = score.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum::<usize>() + 10 * others.min(2);
    let yes = |holds: bool| if holds { vec!["yes".to_owned()] } else { Vec::new() };
    let some = if score > 0 { vec![score.to_string()] } else { Vec::new() };
    let columns = [
        ("ads_score", some),
        ("ads_active", yes(!pixels.is_empty())),
        ("pixel_meta", yes(has("meta"))),
        ("pixel_google_ads", yes(has("google_ads"))),
        ("retargeting", yes(["meta", "google_ads", "criteo", "linkedin"].into_iter().any(has))),
        ("pixels_detected", pixels.clone()),
        ("ads_networks", pixels.clone()),
        ("crm_marketing", crm.clone()),
        ("crm_detected", crm),
        ("chat_widget", chats.iter().take(1).cloned().collect()),
        ("chat_widgets", chats),
        ("marketing_tools", tools),
        ("cmp_vendor", cmp),
    ];
    columns
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| (name.to_owned(), values))
        .collect()
}

/// What a module found, as values by column.
pub(super) fn found(module: Module, cells: &[Value]) -> Cells {
    let mut found = Cells::new();
    for (column, cell) in columns::own(module, &serde_json::Map::new()).iter().zip(cells) {
        let values: BTreeSet<String> = match cell {
            Value::String(text) if column.starts_with("tech_") => text.split(',').map(str::to_owned).collect(),
            Value::String(text) => BTreeSet::from([text.clone()]),
            Value::Array(entries) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::Bool(true) => BTreeSet::from(["yes".to_owned()]),
            Value::Number(number) if number.as_f64() != Some(0.0) => BTreeSet::from([number.to_string()]),
            _ => BTreeSet::new(),
        };
        // a site that is there is what every site is: it says nothing
        let usual =
            |value: &String| value.is_empty() || (module == Module::DeadCheck && (value == "open" || value == "ok"));
        let values: BTreeSet<String> = values.into_iter().filter(|value| !usual(value)).collect();
        if !values.is_empty() {
            found.insert((*column).to_owned(), values);
        }
    }
    found
}

/// How often a module was right.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    /// Sites on which there is something to find.
    pub(super) sites: usize,
    pub(super) expected: usize,
    pub(super) found: usize,
    pub(super) right: usize,
}

impl Score {
    /// How many of what was found is right.
    pub(super) fn precision(self) -> f64 {
        if self.found == 0 { 1.0 } else { self.right as f64 / self.found as f64 }
    }

    /// How many of what is there was found.
    pub(super) fn recall(self) -> f64 {
        if self.expected == 0 { 1.0 } else { self.right as f64 / self.expected as f64 }
    }

    /// Counts a site, and tells the columns that differ.
    pub(super) fn count(&mut self, expected: &Cells, found: &Cells) -> Vec<String> {
        let none = BTreeSet::new();
        self.sites += usize::from(!expected.is_empty());
        let columns: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        let mut differing = Vec::new();
        for column in columns {
            let (wanted, got) = (expected.get(column).unwrap_or(&none), found.get(column).unwrap_or(&none));
            self.expected += wanted.len();
            self.found += got.len();
            self.right += wanted.intersection(got).count();
            if wanted != got {
                let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
                differing.push(format!("{column}: expected [{}], found [{}]", list(wanted), list(got)));
            }
        }
        differing
    }
}
