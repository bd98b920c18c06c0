//! Makes requests out of samples and a corpus, the same ones for the same seed.

use harness::functions::Api;
use serde_json::{Value, json};

use super::surface::Sample;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Pieces that parsers stumble over.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "18446744073709551616",
    "0.1",
    "\\u0000",
    "\\ud800",
    "\\udfff\\ud800",
    "\\x",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{1f468}\u{200d}\u{1f469}",
    "é",
    "İ",
    "ß",
    "{\"$serde_json::private::RawValue\":\"[[[\"}",
    "{\"$serde_json::private::Number\":\"1\"}",
    "{\"__proto__\":{}}",
    "%00",
    "%ff",
    "%2F",
    "&&&",
    "=",
    "+",
    "a=b&a=b",
    ";",
    "\r\n",
    "\n",
    "'",
    "<script>",
    "../../",
    "=cmd|' /C calc'!A0",
    "9999-12-31T23:59:60Z",
    "-0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00+99:99",
    "https://[::1]:99999/",
    "https://xn--a/",
    "http://\u{2100}.com",
    "a@b@c",
    "@",
    "+33 6 00 00 00 00",
    "W/\"x\"",
    "*",
];

/// Values that a member may be changed into.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(dice.next().cast_signed()),
        3 => json!(f64::from_bits(dice.next())),
        4 => json!(dice.next()),
        5 => json!(""),
        6 => json!(dice.of(PIECES)),
        7 => json!(dice.of(PIECES).repeat(dice.below(600))),
        8 => json!([]),
        9 => json!({}),
        10 => json!({ (*dice.of(PIECES)): dice.of(PIECES) }),
        11 => Value::Array(vec![json!(dice.of(PIECES)); dice.below(700)]),
        12 => (0..dice.below(120)).fold(Value::Null, |inner, _| json!([inner])),
        _ => json!("x".repeat(dice.below(6_000))),
    }
}

/// Some place of a value.
fn place<'a>(value: &'a mut Value, dice: &mut Dice) -> &'a mut Value {
    let size = match value {
        Value::Array(all) => all.len(),
        Value::Object(all) => all.len(),
        _ => 0,
    };
    if size == 0 || dice.one_in(8) {
        return value;
    }
    let index = dice.below(size);
    match value {
        Value::Array(all) => place(&mut all[index], dice),
        Value::Object(all) => place(all.values_mut().nth(index).unwrap(), dice),
        other => other,
    }
}

/// A JSON body with some of its values changed, still JSON.
fn reshaped(body: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut value = shared::json::parse(body).ok()?;
    for _ in 0..=dice.below(2) {
        let found = place(&mut value, dice);
        match (dice.below(5), &mut *found) {
            (0, Value::Object(all)) if !all.is_empty() => {
                let name = all.keys().nth(dice.below(all.len())).cloned().unwrap();
                all.remove(&name);
            }
            (1, Value::Object(all)) => {
                all.insert((*dice.of(PIECES)).to_owned(), odd(dice));
            }
            (0 | 1, Value::Array(all)) if !all.is_empty() => {
                let again = all[dice.below(all.len())].clone();
                all.extend(vec![again; dice.below(600)]);
            }
            (2, Value::String(text)) => {
                let at = text.char_indices().nth(dice.below(text.len() + 1)).map_or(text.len(), |(at, _)| at);
                let piece: &&str = dice.of(PIECES);
                text.insert_str(at, piece);
            }
            (3, value) => *value = json!([value.take()]),
            (_, value) => *value = odd(dice),
        }
    }
    Some(value.to_string().into_bytes())
}

/// A body with some of its bytes changed.
fn torn(body: &[u8], corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(body.len() + 1);
        let end = (at + dice.below(40)).min(body.len());
        match dice.below(7) {
            0 if at < body.len() => body[at] ^= 1 << dice.below(8),
            1 => drop(body.drain(at..end)),
            2 => {
                let again = body[at..end].repeat(dice.below(30));
                body.splice(at..at, again);
            }
            3 => body.truncate(at),
            4 => {
                let other = dice.of(corpus);
                let from = dice.below(other.len() + 1);
                body.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                body.splice(at..end, dice.of(PIECES).bytes());
            }
        }
    }
    body
}

fn noise(dice: &mut Dice, most: usize) -> Vec<u8> {
    (0..dice.below(most)).map(|_| dice.next().to_le_bytes()[0]).collect()
}

/// A header's value as the gateway lets it pass: no control characters.
fn header_value(dice: &mut Dice) -> String {
    let text = match dice.below(4) {
        0 => dice.of(PIECES).repeat(dice.below(60)),
        1 => noise(dice, 80).into_iter().map(char::from).collect(),
        _ => format!("{}{}", dice.of(PIECES), dice.of(PIECES)),
    };
    text.chars().filter(|c| !c.is_control() && u32::from(*c) < 256).collect()
}

const HEADERS: &[&str] = &[
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "cookie",
    "host",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "origin",
    "referer",
    "sec-fetch-site",
    "user-agent",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    "x-webhook-secret",
];

/// The next request.
pub(crate) fn mutated(samples: &[Sample], corpus: &[Vec<u8>], dice: &mut Dice) -> Sample {
    let mut sample = dice.of(samples).clone();
    let base = if dice.one_in(6) { dice.of(corpus).clone() } else { sample.body.clone() };
    sample.body = match dice.below(12) {
        0 => noise(dice, 400),
        1 => dice.of(corpus).clone(),
        2..=4 => torn(&base, corpus, dice),
        // what is right goes through, and is met by what comes behind it
        5 | 6 => sample.body,
        _ => reshaped(&base, dice).unwrap_or_else(|| torn(&base, corpus, dice)),
    };
    if dice.one_in(5) {
        let (name, value) = (*dice.of(HEADERS), header_value(dice));
        if dice.one_in(2) {
            sample.headers.retain(|(known, _)| known != name);
        }
        sample.headers.push((name.to_owned(), value));
    }
    if dice.one_in(6) {
        let query: String = header_value(dice).chars().filter(char::is_ascii).collect();
        sample.url = format!("{}?{}", sample.url, query.replace([' ', '#', '?'], ""));
    }
    // ids and names of the path, and never another API's
    if sample.api != Api::Outset && dice.one_in(10) {
        let piece: String =
            header_value(dice).chars().filter(|c| c.is_ascii_graphic() && !"?#/".contains(*c)).collect();
        let (path, query) = sample.url.split_once('?').unwrap_or((&sample.url, ""));
        let mut segments: Vec<_> = path.split('/').map(str::to_owned).collect();
        let last = segments.len() - 1;
        segments[dice.below(last) + 1] = piece;
        sample.url = if query.is_empty() { segments.join("/") } else { format!("{}?{query}", segments.join("/")) };
    }
    sample
}
