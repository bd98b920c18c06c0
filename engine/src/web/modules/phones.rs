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
        sitemap: 0,
    },
    find,
};

/// Letters before a number in which a word says that it is a fax.
const BEFORE: usize = 30;

/// Numbers of a page that are looked at.
const MAX_NUMBERS: usize = 500;

/// What looks like a number: digits in groups, with what people write between them.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:\+|\(\+|\(?0)[0-9][0-9 .\-/()\u{a0}\u{202f}]{6,22}[0-9]").ok());

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
    for hit in NUMBER.iter().flat_map(|number| number.find_iter(text)).take(MAX_NUMBERS) {
        // a longer row of digits is something else
        let next = text.get(hit.end()..).and_then(|rest| rest.chars().next());
        let before = text.get(..hit.start()).and_then(|before| before.chars().next_back());
        if [next, before].iter().any(|letter| letter.is_some_and(|letter| letter.is_ascii_digit())) {
            continue;
        }
        if let Some(number) = values::phone(hit.as_str(), country) {
            found.push(Candidate { number, fax: is_fax(text, hit.start()) });
        }
    }
    found
}

/// Whether the words before a number say fax; a later word that says telephone takes it back.
fn is_fax(text: &str, at: usize) -> bool {
    // what stands before another number is about that one
    let before = text.get(..at).unwrap_or_default().chars().rev().take(BEFORE);
    let before: Vec<char> = before.take_while(|letter| !letter.is_ascii_digit()).collect();
    let before: String = before.into_iter().rev().collect();
    let folded = values::fold(&before);
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
