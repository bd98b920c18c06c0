//! Tables of places that change, and what changed, computed from whole rows in plain memory (outsend 15.4, 15.5).

use std::collections::BTreeMap;

use harness::Random;
use serde_json::{Value, json};

/// What a place is known by from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Listing,
    Address,
    Site,
    Nothing,
}

/// A place, its values by numbers; the rating in tenths.
#[derive(Clone, Debug)]
pub(super) struct Place {
    known: Known,
    number: usize,
    name: usize,
    rating: Option<u32>,
    reviews: Option<u32>,
    phone: Option<usize>,
    site: Option<usize>,
}

/// A place in one of many spellings.
#[derive(Clone, Debug)]
pub(super) struct Row {
    place: Place,
    /// Name, address, city, telephone, site, listing, rating and reviews.
    cells: [String; 8],
}

/// What became of a place, and where its rows are.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) bucket: &'static str,
    pub(super) kind: &'static str,
    pub(super) score: u64,
    key: String,
    changes: Vec<&'static str>,
    before: Option<usize>,
    after: Option<usize>,
}

impl Place {
    pub(super) fn random(number: usize, random: &mut Random) -> Self {
        let known = match random.below(10) {
            0..=4 => Known::Listing,
            5 | 6 => Known::Address,
            7 | 8 => Known::Site,
            _ => Known::Nothing,
        };
        let mut place = Self { known, number, name: number, rating: None, reviews: None, phone: None, site: None };
        (0..12).for_each(|_| place.change(random));
        place.name = number;
        place
    }

    /// Changes one of its values.
    pub(super) fn change(&mut self, random: &mut Random) {
        const REVIEWS: [u32; 9] = [0, 3, 9, 10, 11, 99, 100, 131, 5_000];
        let known = random.below(4) > 0;
        match random.below(5) {
            0 => self.name = 1_000 + random.below(1_000),
            1 => self.rating = known.then(|| 10 + u32::try_from(random.below(41)).unwrap()),
            2 => self.reviews = known.then(|| REVIEWS[random.below(REVIEWS.len())]),
            3 => self.phone = known.then(|| random.below(4)),
            _ => self.site = known.then(|| random.below(4)),
        }
    }

    fn key(&self) -> Option<String> {
        let Self { number, name, .. } = self;
        match self.known {
            Known::Listing => Some(format!("https://maps.test/{number}")),
            Known::Address => Some(format!("cafe_{name}|{number}_rue_a")),
            Known::Site => Some(format!("https://www.place{number}.fr/")),
            Known::Nothing => None,
        }
    }

    /// The site that counts: a place that is known by it has always the same, and one that is known by nothing none.
    fn site(&self) -> Option<String> {
        match self.known {
            Known::Site => Some(format!("www.place{}.fr", self.number)),
            Known::Nothing => None,
            _ => self.site.map(|site| format!("www.site{site}.fr")),
        }
    }

    pub(super) fn row(&self, random: &mut Random) -> Row {
        let mut either = |one: String, other: String| if random.below(2) == 0 { one } else { other };
        let (number, name) = (self.number, self.name);
        let address = match self.known {
            Known::Listing | Known::Address => either(format!("{number} rue A"), format!("{number}, RUE  a.")),
            Known::Site | Known::Nothing => String::new(),
        };
        let listing = match self.known {
            Known::Listing => {
                either(format!("https://maps.test/{number}"), format!("HTTPS://Maps.Test:443/{number}#x"))
            }
            _ => either(String::new(), " ".to_owned()),
        };
        let unknown = |text: &str| (String::new(), text.to_owned());
        let (one, other) = self.rating.map_or(unknown("n/a"), |tenths| {
            (format!("{}.{}", tenths / 10, tenths % 10), format!("{},{}", tenths / 10, tenths % 10))
        });
        let rating = either(one, other);
        let (one, other) = self.reviews.map_or(unknown("many"), |count| (count.to_string(), format!("{count}.0")));
        let reviews = either(one, other);
        let (one, other) = self
            .phone
            .map_or(unknown("none"), |phone| (format!("+3312345678{phone}"), format!("01 23 45 67 8{phone}")));
        let phone = either(one, other);
        let (one, other) = self.site().map_or(unknown(""), |site| (format!("https://{site}/"), site));
        let site = either(one, other);
        let name = either(format!("Café {name}"), format!("CAFE {name}"));
        let cells = [name, address, "Paris".to_owned(), phone, site, listing, rating, reviews];
        Row { place: self.clone(), cells }
    }
}

impl Row {
    /// A cell as it is told; of a text that is not what it should be, nothing.
    fn cell(&self, place: usize) -> Value {
        let text = &self.cells[place];
        if text.trim().is_empty() { Value::Null } else { json!(text) }
    }

    fn phone(&self) -> Value {
        self.place.phone.map_or(Value::Null, |_| json!(self.cells[3]))
    }

    fn site(&self) -> Value {
        self.cell(4)
    }

    fn rating(&self) -> Value {
        self.place.rating.map_or(Value::Null, |tenths| match tenths % 10 {
            0 => json!(tenths / 10),
            _ => json!(f64::from(tenths) / 10.0),
        })
    }

    fn reviews(&self) -> Value {
        json!(self.place.reviews)
    }
}

/// The table of rows, with one of two headers.
pub(super) fn table(rows: &[Row], header: usize) -> String {
    let headers = [
        "nom;adresse;ville;telephone;site_web;lien_google_maps;rating;reviews_count",
        "Name;Address;City;Phone;Website;Google Maps;Note;Avis",
    ];
    let lines = rows.iter().map(|row| format!("{}\n", row.cells.join(";")));
    format!("sep=;\n{}\n{}", headers[header], lines.collect::<String>())
}

/// Where the first row of each key is.
fn firsts(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut firsts = BTreeMap::new();
    for (place, key) in rows.iter().enumerate().filter_map(|(place, row)| Some((place, row.place.key()?))) {
        firsts.entry(key).or_insert(place);
    }
    firsts
}

fn changes(before: &Place, after: &Place) -> Vec<&'static str> {
    let number = |one: Option<u32>, other: Option<u32>| one.zip(other).is_some_and(|(one, other)| one != other);
    let changed = [
        ("rating", number(before.rating, after.rating)),
        ("reviews_count", number(before.reviews, after.reviews)),
        ("telephone", before.phone != after.phone),
        ("site_web", before.site() != after.site()),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

/// Score and type of a change, in whole numbers: everything times the divisor of the reviews' part.
fn judged(before: &Place, after: &Place, changes: &[&str]) -> (u64, &'static str) {
    let step = |one: Option<u32>, other: Option<u32>| {
        one.zip(other).map_or(0, |(one, other)| i64::from(other) - i64::from(one))
    };
    let (rating, reviews) = (step(before.rating, after.rating), step(before.reviews, after.reviews));
    let divisor = u64::from(before.reviews.unwrap_or(0).max(10));
    let contact = |name: &str| if changes.contains(&name) { 15 * divisor } else { 0 };
    let parts = [
        (4 * rating.unsigned_abs().min(10) * divisor, if rating < 0 { "rating_drop" } else { "rating_rise" }),
        (30 * reviews.unsigned_abs().min(divisor), if reviews < 0 { "reviews_down" } else { "reviews_up" }),
        (contact("telephone"), "phone_change"),
        (contact("site_web"), "site_change"),
    ];
    let total: u64 = parts.iter().map(|(part, _)| part).sum();
    let largest = parts.iter().map(|(part, _)| *part).max().unwrap();
    let (_, kind) = parts.into_iter().find(|(part, _)| *part == largest).unwrap();
    (((2 * total + divisor) / (2 * divisor)).clamp(1, 100), kind)
}

/// The counts of two runs, and what changed by rank.
pub(super) fn compare(before: &[Row], after: &[Row]) -> (Value, Vec<Finding>) {
    let (was, is) = (firsts(before), firsts(after));
    let (mut findings, mut unchanged) = (Vec::new(), 0);
    for (key, now) in &is {
        let (key, after_at) = (key.clone(), Some(*now));
        let Some(then) = was.get(&key) else {
            let (bucket, changes) = ("new", Vec::new());
            findings.push(Finding { bucket, kind: "new", score: 50, key, changes, before: None, after: after_at });
            continue;
        };
        let changes = changes(&before[*then].place, &after[*now].place);
        if changes.is_empty() {
            unchanged += 1;
            continue;
        }
        let (score, kind) = judged(&before[*then].place, &after[*now].place, &changes);
        findings.push(Finding { bucket: "modified", kind, score, key, changes, before: Some(*then), after: after_at });
    }
    for (key, then) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
        let (key, changes, before) = (key.clone(), Vec::new(), Some(*then));
        findings.push(Finding { bucket: "closed", kind: "closed", score: 60, key, changes, before, after: None });
    }
    findings.sort_by(|one, other| other.score.cmp(&one.score).then(one.key.as_bytes().cmp(other.key.as_bytes())));
    let of = |bucket: &str| findings.iter().filter(|finding| finding.bucket == bucket).count();
    let counts = json!({"new": of("new"), "closed": of("closed"), "modified": of("modified"), "unchanged": unchanged});
    (counts, findings)
}

impl Finding {
    /// The signal of it (outsend 15.5).
    pub(super) fn signal(&self, before: &[Row], after: &[Row]) -> Value {
        let (was, is) = (self.before.map(|place| &before[place]), self.after.map(|place| &after[place]));
        let row = is.or(was).unwrap();
        let of = |side: Option<&Row>, part: fn(&Row) -> Value| side.map_or(Value::Null, part);
        let contacts: Vec<_> =
            self.changes.iter().filter(|change| matches!(**change, "telephone" | "site_web")).collect();
        json!({
            "bucket": self.bucket, "type": self.kind, "score": self.score, "key": self.key,
            "nom": row.cell(0), "adresse": row.cell(1), "ville": row.cell(2), "telephone": row.cell(3),
            "site_web": row.cell(4), "lien_google_maps": row.cell(5),
            "rating_before": of(was, Row::rating), "rating_after": of(is, Row::rating),
            "reviews_before": of(was, Row::reviews), "reviews_after": of(is, Row::reviews),
            "contact_changes": contacts,
            "phone_before": of(was, Row::phone), "phone_after": of(is, Row::phone),
            "site_before": of(was, Row::site), "site_after": of(is, Row::site),
        })
    }

    /// Its entry in the diff (outsend 15.2). `stored` are the rows of both runs as their jobs have them.
    pub(super) fn entry(&self, rows: [&[Row]; 2], stored: [&[Value]; 2]) -> Value {
        let values = |row: &Row| json!({"rating": row.rating(), "reviews_count": row.reviews(), "telephone": row.phone(), "site_web": row.site()});
        match (self.before, self.after) {
            (Some(was), Some(is)) => json!({
                "key": self.key, "score": self.score, "changes": self.changes,
                "before": values(&rows[0][was]), "after": values(&rows[1][is]), "row": stored[1][is],
            }),
            (Some(was), None) => stored[0][was].clone(),
            (None, is) => stored[1][is.unwrap()].clone(),
        }
    }
}
