//! Filter (outsend 12.18): rules row by row, then a sample of what is left.

use std::{
    collections::{BinaryHeap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    BoxFuture, columns,
    columns::{digest, rows::Rows},
    lists,
    module::{Fault, Input, Level, Line, MAX_BYTES, MAX_ROWS, Run, Spec, Step, size},
    values::{self, Kind, fold},
};

/// The keys of 12.18, in the order in which they are applied.
const KEYS: [&str; 16] = [
    "require_phone",
    "require_site",
    "require_email",
    "exclude_aggregators",
    "alive_only",
    "has_personal_email",
    "rating_min",
    "reviews_min",
    "phone_prefix",
    "email_domain",
    "category",
    "dedup_column",
    "sample_type",
    "sample_n",
    "sample_pct",
    "sample_seed",
];

/// A rule, with the indices of the columns that it reads; a column that is not there reads as empty.
enum Rule {
    /// The cell is filled.
    Filled(Option<usize>, &'static str),
    NoAggregator(Option<usize>),
    Alive(Option<usize>),
    Personal {
        email: Option<usize>,
        site: Option<usize>,
    },
    AtLeast(Option<usize>, &'static str, f64),
    /// Of a count.
    Count(Option<usize>, f64),
    Prefix {
        phone: Option<usize>,
        address: Option<usize>,
        /// A column that holds the country alone.
        country: Option<usize>,
        prefixes: Vec<String>,
        keep: bool,
    },
    Domain {
        email: Option<usize>,
        include: Vec<String>,
        exclude: Vec<String>,
        no_disposable: bool,
    },
    Category(Option<usize>, Vec<String>),
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let entries = value.and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(Value::as_str).map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect()
}

/// A category as it is compared: folded, or as it is where it has nothing but symbols.
fn category(text: &str) -> String {
    let folded = fold(text);
    if folded.is_empty() { values::alike(text) } else { folded }
}

impl Rule {
    fn read(key: &str, value: &Value, names: &[String]) -> Option<Self> {
        let find = |name: &str| columns::find(names, name);
        let filled = |name: &'static str| Self::Filled(find(name), name);
        let named = |default: &str| match value.get("column").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            Some(asked) => columns::asked(names, asked).ok(),
            None => find(default),
        };
        let on = value.as_bool() == Some(true);
        match key {
            "require_phone" if on => Some(filled("telephone")),
            "require_site" if on => Some(filled("site_web")),
            "require_email" if on => Some(filled("email")),
            "exclude_aggregators" if on => Some(Self::NoAggregator(find("site_web"))),
            "alive_only" if on => Some(Self::Alive(find("site_alive"))),
            "has_personal_email" if on => Some(Self::Personal { email: find("email"), site: find("site_web") }),
            "rating_min" => Some(Self::AtLeast(find("note"), "note", values::number(value)?)),
            "reviews_min" => Some(Self::Count(find("nb_avis"), values::number(value)?)),
            "phone_prefix" => {
                // as people write numbers
                let plain = |text: &String| {
                    let bare = text.replace("(0)", "").replace([' ', '.', '-', '\u{a0}', '\u{202f}'], "");
                    bare.strip_prefix("00").map_or(bare.clone(), |abroad| format!("+{abroad}"))
                };
                let prefixes: Vec<String> = texts(value.get("prefixes")).iter().map(plain).collect();
                let keep = value.get("prefix_unparseable_keep").and_then(Value::as_bool) == Some(true);
                let (address, country) = (find("adresse"), find("pays").or_else(|| find("country")));
                let phone = named("telephone");
                (!prefixes.is_empty()).then_some(Self::Prefix { phone, address, country, prefixes, keep })
            }
            "email_domain" => {
                let domains = |name: &str| -> Vec<String> {
                    let given = texts(value.get(name));
                    let domain = |text: &String| {
                        let text = text.trim_start_matches('@');
                        values::domain(text).unwrap_or_else(|| text.to_owned())
                    };
                    given.iter().map(domain).collect()
                };
                let (include, exclude) = (domains("include"), domains("exclude"));
                let no_disposable = value.get("reject_disposable").and_then(Value::as_bool) == Some(true);
                let empty = include.is_empty() && exclude.is_empty() && !no_disposable;
                (!empty).then(|| Self::Domain { email: named("email"), include, exclude, no_disposable })
            }
            "category" => {
                let wanted: Vec<_> = texts(value.get("values")).iter().map(|text| category(text)).collect();
                (!wanted.is_empty()).then(|| Self::Category(named("category"), wanted))
            }
            _ => None,
        }
    }

    /// The column that the rule is about, where it is not there.
    fn missing(&self) -> Option<&'static str> {
        let (index, name) = match self {
            Self::Filled(index, name) | Self::AtLeast(index, name, _) => (index, *name),
            Self::NoAggregator(index) => (index, "site_web"),
            Self::Alive(index) => (index, "site_alive"),
            Self::Personal { email, .. } | Self::Domain { email, .. } => (email, "email"),
            Self::Count(index, _) => (index, "nb_avis"),
            Self::Prefix { phone, .. } => (phone, "telephone"),
            Self::Category(index, _) => (index, "category"),
        };
        index.is_none().then_some(name)
    }

    fn keeps(&self, row: &[Value]) -> bool {
        let cell = |index: &Option<usize>| index.and_then(|index| row.get(index)).unwrap_or(&Value::Null);
        let text = |index: &Option<usize>| values::cell_text(cell(index));
        match self {
            Self::Filled(index, _) => values::is_filled(cell(index)),
            Self::NoAggregator(index) => values::host(&text(index)).is_none_or(|host| !lists::is_aggregator(&host)),
            Self::Alive(index) => matches!(&*text(index), "open" | "uncertain" | "alive" | "stale"),
            Self::Personal { email, site } => {
                let label = values::site_label(&text(site));
                values::addresses(&text(email))
                    .any(|address| values::kind(&address, label.as_deref()) == Kind::Personal)
            }
            Self::Count(index, least) => values::count(cell(index)).is_some_and(|number| number >= *least),
            Self::AtLeast(index, _, least) => values::number(cell(index)).is_some_and(|number| number >= *least),
            Self::Prefix { phone, address, country, prefixes, keep } => {
                let known = match Some(cell(country)).filter(|cell| values::is_filled(cell)) {
                    Some(cell) => Some(values::nation(&values::cell_text(cell))),
                    None => values::country(&text(address)),
                };
                let Some(number) = values::phone(&text(phone), known) else { return *keep };
                let national = values::national(&number);
                prefixes.iter().any(|prefix| match prefix.as_bytes().first() {
                    Some(b'+') => number.starts_with(prefix.as_str()),
                    Some(b'0') => national.starts_with(prefix.as_str()),
                    _ => number.trim_start_matches('+').starts_with(prefix.as_str()),
                })
            }
            Self::Domain { email, include, exclude, no_disposable } => {
                let cell = text(email);
                let mut addresses = values::addresses(&cell).peekable();
                if addresses.peek().is_none() {
                    return include.is_empty();
                }
                addresses.any(|address| {
                    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
                    (include.is_empty() || include.iter().any(|known| known == domain))
                        && !exclude.iter().any(|known| known == domain)
                        && !(*no_disposable && lists::is_disposable(domain))
                })
            }
            Self::Category(index, wanted) => wanted.contains(&category(&text(index))),
        }
    }
}

/// Refuses rules that name a column which is not there: they would keep every row, or none.
fn check_columns(options: &Map<String, Value>, names: &[String]) -> Result<(), Fault> {
    let of_rule = ["phone_prefix", "email_domain", "category"].map(|key| options.get(key)?.get("column"));
    for column in of_rule.into_iter().chain([options.get("dedup_column")]).flatten() {
        if let Some(name) = column.as_str().filter(|name| !name.is_empty()) {
            columns::asked(names, name)?;
        }
    }
    Ok(())
}

/// Which of the matches are kept.
enum Sample {
    All,
    First(u64),
    Chosen(HashSet<u64>),
}

/// The column whose values are let through once.
struct Dedup {
    index: usize,
    /// Whether its cells are addresses: equal mailboxes are one value, however they are written.
    is_email: bool,
}

impl Dedup {
    /// The column that `dedup_column` names.
    fn of(options: &Map<String, Value>, names: &[String]) -> Option<Self> {
        let asked = options.get("dedup_column").and_then(Value::as_str).filter(|name| !name.is_empty())?;
        let index = columns::asked(names, asked).ok()?;
        Some(Self { index, is_email: columns::find(names, "email") == Some(index) })
    }

    /// What a row's cell is compared as; `None` when it is empty.
    fn value(&self, row: &[Value]) -> Option<[u8; 16]> {
        let cell = row.get(self.index).filter(|cell| values::is_filled(cell))?;
        let text = values::cell_text(cell);
        let mailboxes = if self.is_email { values::mailboxes(&text) } else { Vec::new() };
        Some(if mailboxes.is_empty() { digest(&values::alike(&text)) } else { digest(&mailboxes.join(" ")) })
    }
}

/// The rules with what they have seen so far.
struct Matcher {
    rules: Vec<Rule>,
    dedup: Option<Dedup>,
    seen: HashSet<[u8; 16]>,
    matches: u64,
}

impl Matcher {
    fn new(options: &Map<String, Value>, names: &[String]) -> Self {
        let rules = KEYS.iter().filter_map(|key| Rule::read(key, options.get(*key)?, names)).collect();
        Self { rules, dedup: Dedup::of(options, names), seen: HashSet::new(), matches: 0 }
    }

    /// The row's number among the matches, from 0; `None` when it is dropped.
    fn matches(&mut self, row: &[Value]) -> Option<u64> {
        if !self.rules.iter().all(|rule| rule.keeps(row)) {
            return None;
        }
        if let Some(value) = self.dedup.as_ref().and_then(|dedup| dedup.value(row))
            && !self.seen.insert(value)
        {
            return None;
        }
        self.matches += 1;
        Some(self.matches - 1)
    }

    /// Whether later rows depend on earlier ones.
    fn remembers(&self, sample: &Sample) -> bool {
        self.dedup.is_some() || !matches!(sample, Sample::All)
    }
}

/// The matches that a percentage keeps: those with the smallest hashes.
fn chosen(seed: i64, matches: u64, percent: f64) -> HashSet<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "numbers of rows, far below 2^52"
    )]
    let count = (matches as f64 * percent / 100.0).ceil() as u64;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut smallest: BinaryHeap<([u8; 32], u64)> = BinaryHeap::new();
    for index in 0..matches {
        smallest.push((Sha256::digest(format!("{seed}:{index}")).into(), index));
        if smallest.len() > count {
            smallest.pop();
        }
    }
    smallest.into_iter().map(|(_, index)| index).collect()
}

struct Filter {
    rows: Rows,
    end: u64,
    matcher: Matcher,
    sample: Sample,
    log: Vec<Line>,
}

pub(crate) fn start(spec: Spec, input: Arc<dyn Input>) -> BoxFuture<'static, Result<Box<dyn Run>, Fault>> {
    Box::pin(async move {
        let end = spec.planned.unwrap_or_else(|| input.rows());
        let options = &spec.options;
        check_columns(options, input.columns())?;
        let number = |name: &str| options.get(name).and_then(values::number);
        let sample = match options.get("sample_type").and_then(Value::as_str) {
            Some("n") => options.get("sample_n").and_then(Value::as_u64).map_or(Sample::All, Sample::First),
            Some("pct") => match number("sample_pct") {
                Some(percent) => {
                    let mut all = Matcher::new(options, input.columns());
                    let mut rows = Rows::new(Arc::clone(&input), 0, end);
                    while let Some(row) = rows.next().await? {
                        all.matches(&row);
                    }
                    let seed = options.get("sample_seed").and_then(Value::as_i64).unwrap_or(0);
                    Sample::Chosen(chosen(seed, all.matches, percent.clamp(0.0, 100.0)))
                }
                None => Sample::All,
            },
            _ => Sample::All,
        };
        let mut matcher = Matcher::new(options, input.columns());
        if matcher.remembers(&sample) {
            // what was seen before the checkpoint
            let mut rows = Rows::new(Arc::clone(&input), 0, spec.done.min(end));
            while let Some(row) = rows.next().await? {
                matcher.matches(&row);
            }
        }
        let unknown = options.keys().filter(|key| spec.done == 0 && !KEYS.contains(&key.as_str()));
        let missing = matcher.rules.iter().filter(|_| spec.done == 0).filter_map(Rule::missing);
        let missing = missing.map(|column| Line {
            level: Level::Warn,
            message: format!("There is no column {column}: the filter takes it as empty in every row"),
        });
        let log = unknown
            .map(|key| {
                let key: String = key.chars().take(100).collect();
                Line { level: Level::Warn, message: format!("Unknown filter key ignored: {key}") }
            })
            .chain(missing)
            .collect();
        let rows = Rows::new(input, spec.done, end);
        Ok(Box::new(Filter { rows, end, matcher, sample, log }) as Box<dyn Run>)
    })
}

impl Run for Filter {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            if self.rows.position() >= self.end {
                return Ok(None);
            }
            let mut step = Step { log: std::mem::take(&mut self.log), ..Step::default() };
            let mut bytes = 0;
            // input rows that are dropped cost nothing to commit: a step may pass many of them
            while step.rows.len() < MAX_ROWS && bytes < MAX_BYTES && step.items < 20 * MAX_ROWS as u64 {
                let Some(row) = self.rows.next().await? else { break };
                step.items += 1;
                let Some(index) = self.matcher.matches(&row) else { continue };
                let kept = match &self.sample {
                    Sample::All => true,
                    Sample::First(most) => index < *most,
                    Sample::Chosen(chosen) => chosen.contains(&index),
                };
                if kept {
                    bytes += size(&row);
                    step.rows.push(row);
                }
            }
            Ok(Some(step))
        })
    }
}

#[cfg(test)]
mod tests;
