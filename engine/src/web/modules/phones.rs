//! Further telephone numbers of a site (outsend 12.14).

use std::sync::LazyLock;

use regex::Regex;

use crate::{
    values::{self, Country},
    web::{
        Page,
        enricher::{Enricher, Found, RowView},
        visit::{Plan, Visit},
    },
};

pub(super) const ENRICHER: Enricher = Enricher {
    plan: Plan {
        more: 4,
        words: &["contact", "nous_contacter", "kontakt", "mentions_legales", "legal", "impressum"],
        twice: false,
        ..Plan::HOME
    },
    find,
};

/// Letters before a number in which a word says that it is a fax.
const BEFORE: usize = 30;

/// Numbers of a page that are looked at.
const MAX_NUMBERS: usize = 500;

/// What looks like a number: digits in groups, with what people write between them.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:\+|\(\+|\(?0 ?)[0-9][0-9 .\-/()\u{a0}\u{202f}]{6,22}[0-9]").ok());
/// The same where people put one sign between two groups at most, so that it ends before the next number.
static STRICT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:\+|\(\+|\(?0 ?)[0-9](?:(?:[ .\-/\u{a0}\u{202f}]|\)[ \u{a0}]?| ?\(0?\)?)?[0-9]){6,14}").ok()
});
/// What looks like a number where people dial no zero first.
static LOCAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\(?[2-9][0-9]{1,2}\)?(?:[ .\-\u{a0}]{1,2}[0-9]{2,4}){2,3}").ok());
/// What begins with zero and is no number: a date, a decimal number.
static OTHER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let date = r"(?:0[1-9]|[12][0-9]|3[01])[./-](?:0[1-9]|1[0-2])[./-](?:19|20)[0-9]{2}";
    Regex::new(&format!(
        r"^(?:{date}|(?:0[1-9]|1[0-2])/[0-3][0-9]/(?:19|20)[0-9]{{2}}|0[0-9]\.[0-9]{{5,}})(?:[^0-9]|$)"
    ))
    .ok()
});
/// Folded words that a number of something else follows.
const OTHERS: [&str; 41] = [
    "art",
    "article",
    "artikel",
    "bic",
    "blz",
    "code",
    "commande",
    "compte",
    "customer",
    "dossier",
    "ean",
    "facture",
    "gps",
    "hrb",
    "iban",
    "id",
    "invoice",
    "isbn",
    "item",
    "konto",
    "kontonummer",
    "kundennummer",
    "lat",
    "lic",
    "lng",
    "lon",
    "order",
    "rcs",
    "ref",
    "reference",
    "rechnungsnummer",
    "rib",
    "siren",
    "siret",
    "sku",
    "steuer",
    "ticket",
    "tva",
    "v",
    "vat",
    "version",
];
/// Folded beginnings of words that a telephone number follows.
const PHONES: [&str; 11] =
    ["tel", "phone", "call", "appel", "mob", "portable", "gsm", "fax", "whatsapp", "standard", "hotline"];

/// A number of a page.
struct Candidate {
    number: String,
    fax: bool,
}

fn find(row: &RowView<'_>, visit: &Visit) -> Found {
    let country = values::country(&row.text("adresse"));
    let reference = values::phone(&row.text("telephone"), country);
    let mut all: Vec<Candidate> = Vec::new();
    for page in &visit.pages {
        for candidate in candidates(page, country) {
            if Some(&candidate.number) == reference.as_ref() {
                continue;
            }
            match all.iter_mut().find(|known| known.number == candidate.number) {
                Some(known) => known.fax |= candidate.fax,
                None => all.push(candidate),
            }
        }
    }
    let first = |wanted: &dyn Fn(&Candidate) -> bool| {
        all.iter().find(|candidate| wanted(candidate)).map(|candidate| candidate.number.clone()).unwrap_or_default()
    };
    let mobile = first(&|candidate| !candidate.fax && values::is_mobile(&candidate.number));
    let secondary = first(&|candidate| !candidate.fax && candidate.number != mobile);
    let fax = first(&|candidate| candidate.fax);
    Found { cells: vec![secondary.into(), mobile.into(), fax.into()], counts: Vec::new() }
}

/// The numbers of a page: those of its links, then those of its text.
fn candidates(page: &Page, country: Option<Country>) -> Vec<Candidate> {
    let text = page.parts.text.as_str();
    let links = page.parts.links.iter().filter_map(|link| {
        let href = link.href.trim();
        let start = href.get(..4)?;
        let number = start.eq_ignore_ascii_case("tel:").then(|| values::phone(href, country))??;
        Some(Candidate { number, fax: is_fax(text, link.at) })
    });
    let mut found: Vec<Candidate> = links.take(MAX_NUMBERS).collect();
    // where no zero is dialled first, numbers begin with what others begin with, too
    let zero = !matches!(country, Some(Country::NorthAmerica | Country::Spain | Country::Italy | Country::Luxembourg));
    let expressions = NUMBER.iter().chain(LOCAL.iter().filter(|_| !zero));
    let mut written: Vec<(usize, String)> = expressions.flat_map(|number| in_text(text, number, country)).collect();
    written.sort_by_key(|(at, _)| *at);
    found.extend(written.into_iter().map(|(at, number)| Candidate { number, fax: is_fax(text, at) }));
    found
}

/// The numbers of a text that an expression finds, and where.
fn in_text(text: &str, expression: &Regex, country: Option<Country>) -> Vec<(usize, String)> {
    let (mut found, mut from, mut looks) = (Vec::new(), 0, 0);
    while let Some(hit) = expression.find_at(text, from).filter(|_| looks < MAX_NUMBERS) {
        looks += 1;
        let rest = text.get(hit.start()..).unwrap_or_default();
        let shorter = || STRICT.iter().find_map(|strict| strict.find(rest)).map(|strict| strict.as_str());
        let whole = [shorter(), Some(hit.as_str())].into_iter().flatten().find_map(|written| {
            let ends = text.get(hit.start() + written.len()..)?.chars().next();
            // a longer row of digits is something else
            let more = ends.is_some_and(|letter| letter.is_ascii_digit());
            values::phone(written, country).filter(|_| !more).map(|number| (written, number))
        });
        // what was no number may begin behind its first digits
        let digits = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or_default();
        let group = rest.get(digits..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        from = hit.start() + digits + group;
        let Some((written, number)) = whole.filter(|_| !is_other(text, hit.start())) else { continue };
        from = hit.start() + written.len();
        found.push((hit.start(), number));
    }
    found
}

/// Whether what begins here is something else: part of a longer number, a date, what a word names.
fn is_other(text: &str, at: usize) -> bool {
    let (before, rest) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
    let mut last = before.chars().rev();
    let (first, second) = (last.next(), last.next());
    let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let sign = first.is_some_and(|letter| matches!(letter, ' ' | '.' | '-' | '/' | '\u{a0}' | '\u{202f}'));
    if digit(first) || (sign && digit(second)) || first.is_some_and(|letter| letter.is_ascii_uppercase()) {
        return true;
    }
    if OTHER.iter().any(|other| other.is_match(rest)) {
        return true;
    }
    let folded = values::fold(&near(before));
    let words: Vec<&str> = folded.split('_').collect();
    let other = words.iter().rposition(|word| OTHERS.contains(word));
    let phone = words.iter().rposition(|word| PHONES.iter().any(|start| word.starts_with(start)));
    other > phone
}

/// The letters before a number, as far as no other number is there: what stands before that is about it.
fn near(before: &str) -> String {
    let letters: Vec<char> = before.chars().rev().take(BEFORE).take_while(|letter| !letter.is_ascii_digit()).collect();
    letters.into_iter().rev().collect()
}

/// Whether the words before a number say fax; a later word that says telephone takes it back.
fn is_fax(text: &str, at: usize) -> bool {
    let folded = values::fold(&near(text.get(..at).unwrap_or_default()));
    let last = |words: &[&str]| words.iter().filter_map(|word| folded.rfind(word)).max();
    match (last(&["fax", "telecopie"]), last(&["tel_", "telephone", "phone", "mobile", "portable"])) {
        (Some(fax), Some(other)) => fax > other,
        (fax, None) => fax.is_some(),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::web::testing::site;

    fn found(row: &[(&str, &str)], pages: &[&str]) -> Value {
        let columns: Vec<String> = row.iter().map(|(column, _)| (*column).to_owned()).collect();
        let cells: Vec<Value> = row.iter().map(|(_, value)| (*value).into()).collect();
        find(&RowView { columns: &columns, row: &cells }, &site("https://dupont.fr/", pages)).cells.into()
    }

    #[test]
    fn numbers_are_sorted_by_what_they_are() {
        let page = "<p>Tél : 01 23 45 67 89 – Fax : 01.23.45.67.90</p><a href='tel:+33612345678'>Portable</a>\
            <p>04-78-12-34-56</p><p>SIRET 732 829 320 00074, 12345678901234567890</p>";
        assert_eq!(found(&[], &[page]), json!(["+33123456789", "+33612345678", "+33123456790"]));
        let reference = [("telephone", "0123456789")];
        assert_eq!(found(&reference, &[page]), json!(["+33478123456", "+33612345678", "+33123456790"]));
        assert_eq!(found(&[], &["<p>12, rue de la Paix, 75002 Paris</p>"]), json!(["", "", ""]));
        assert_eq!(found(&[], &[]), json!(["", "", ""]));
    }

    #[test]
    fn what_only_looks_like_a_number_is_none() {
        let germany = [("adresse", "Hauptstraße 5, 80331 München, Deutschland")];
        for (row, text, expected) in [
            (&germany[..], "gültig vom 01.02.2025 bis 31.03.2025", ""),
            (&germany, "Kundennummer 0301234567, Konto 0202051000", ""),
            (&germany, "IBAN DE02 1203 0000 0000 2020 51, Version 01.02.03.04", ""),
            (&germany, "Kunden-Tel. 030 1234567", "+49301234567"),
            (&[], "Commande n° 0112345678, réf. 0412 345 678, SIRET 005 880 596 00016", ""),
            (&[], "EAN 0036000291452, ISBN 2-07-036822-X, lat 45.76, lng 04.8356590", ""),
            (&[], "06 11 11 11 11 / 02 22 22 22 22", "+33222222222"),
            (&[], "N° vert 0 800 123 456", "+33800123456"),
            (&[], "01 11 11 11 11 - 02 22 22 22 22", "+33111111111"),
            (&[], "+33 (0)4 78 12 34 56 / 09 h", "+33478123456"),
            (&[("adresse", "1200 Market Street, San Francisco, USA")], "Call (415) 555-0134.", "+14155550134"),
        ] {
            assert_eq!(found(row, &[&format!("<p>{text}</p>")])[0], expected, "{text}");
        }
    }

    #[test]
    fn national_numbers_are_those_of_the_row_s_country() {
        let page = "<p>T 02 123 45 67, GSM 0470 12 34 56, Télécopie (02) 123 45 68</p>";
        let row = [("adresse", "Grand-Place 1, 1000 Bruxelles, Belgique")];
        assert_eq!(found(&row, &[page]), json!(["+3221234567", "+32470123456", "+3221234568"]));
    }

    #[test]
    fn pages_come_in_their_order_and_links_before_text() {
        let pages = [
            "<p>01 11 11 11 11</p>",
            "<a href=tel:0122222222>x</a><p>01 33 33 33 33 fax 01 44 44 44 44 tel 01 55 55 55 55",
        ];
        assert_eq!(found(&[], &pages), json!(["+33111111111", "", "+33144444444"]));
    }
}
