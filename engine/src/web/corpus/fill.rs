//! Texts with `{{names}}` of what a company has, changed by filters: `{{info|entities}}`.

use std::{fmt::Write as _, sync::LazyLock};

use regex::{Captures, Regex};

use super::description::Company;

static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{\{([a-z0-9.]+)((?:\|[a-z]+)*)\}\}").unwrap());

/// Words that are no company's.
const FILLER: &str = "Depuis plus de trente ans notre maison travaille avec soin, écoute ses clients et tient ses délais. \
    Unsere Werkstatt arbeitet seit dreißig Jahren mit Sorgfalt. For thirty years we have worked with care.";

/// A text of a company, with what else its names may stand for.
pub(super) fn fill(text: &str, company: &Company, more: &[(&str, &str)]) -> String {
    let filled = NAME.replace_all(text, |found: &Captures<'_>| {
        let name = &found[1];
        let known = more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let value = known.or_else(|| value(company, name)).unwrap_or_else(|| panic!("nothing is called {name}"));
        found[2].split('|').filter(|filter| !filter.is_empty()).fold(value, |value, filter| filtered(&value, filter))
    });
    filled.into_owned()
}

fn value(company: &Company, name: &str) -> Option<String> {
    match name {
        "filler" => return Some(FILLER.to_owned()),
        "mailto" => return Some("mailto:".to_owned()),
        _ => {}
    }
    let (name, part) = name.split_once('.').unwrap_or((name, ""));
    let values = company.get(name)?.all();
    let first = values.first()?;
    match part {
        "" => Some(first.clone()),
        "intl" => values.get(1).cloned(),
        "e164" => values.get(2).cloned(),
        "user" => first.split('@').next().map(str::to_owned),
        "host" => first.split('@').nth(1).map(str::to_owned),
        _ => None,
    }
}

fn filtered(value: &str, filter: &str) -> String {
    let each = |change: &dyn Fn(char) -> String| value.chars().map(change).collect::<String>();
    let digits = || value.chars().filter(char::is_ascii_digit).collect::<String>();
    match filter {
        "entities" => each(&|letter| format!("&#{};", u32::from(letter))),
        "hex" => each(&|letter| format!("&#x{:X};", u32::from(letter))),
        "cloudflare" => {
            let mut code = "5a".to_owned();
            for byte in value.bytes() {
                write!(code, "{:02x}", byte ^ 0x5a).unwrap();
            }
            code
        }
        "upper" => value.to_uppercase(),
        "dotted" => value.replace('.', " [dot] "),
        "reverse" => value.chars().rev().collect(),
        "rot13" => each(&|letter| match letter {
            'a'..='z' => char::from((letter as u8 - b'a' + 13) % 26 + b'a').to_string(),
            _ => letter.to_string(),
        }),
        "dots" => value.replace(' ', "."),
        "dashes" => value.replace(' ', "-"),
        "nbsp" => value.replace(' ', "&nbsp;"),
        "digits" => digits(),
        "zeros" => value.replacen('+', "00", 1),
        // +33 1 23 … with the zero that people at home dial
        "trunk" => value.replacen(' ', " (0)", 1),
        "behind" => value.split_once(' ').map_or("", |(_, rest)| rest).to_owned(),
        "pairs" => {
            let digits = digits();
            let pairs: Vec<&str> = (1..9).step_by(2).map(|at| &digits[at..at + 2]).collect();
            format!("{} {}", &digits[..1], pairs.join(" "))
        }
        "spaced" => {
            let digits = digits();
            let start = [&digits[..3], &digits[3..6], &digits[6..9]].join(" ");
            format!("{start} {}", &digits[9..]).trim_end().to_owned()
        }
        // FR 12 345678901
        "vat" => format!("{} {} {}", &value[..2], &value[2..4], &value[4..]),
        _ => panic!("there is no filter {filter}"),
    }
}
