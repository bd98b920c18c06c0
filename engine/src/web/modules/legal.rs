//! Legal pages of French sites: company numbers (outsend 12.11) and notices (outsend 12.13).

use std::{cmp::Reverse, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::{
    values,
    web::{
        enricher::{Enricher, Found, RowView},
        visit::{Plan, Visit},
    },
};

/// The pages of both.
const PLAN: Plan = Plan {
    more: 5,
    words: &["mentions_legales", "legal", "cgv", "cgu", "conditions", "impressum", "a_propos", "contact"],
    twice: false,
    ..Plan::HOME
};
/// `legal_ids`.
pub(super) const IDS: Enricher = Enricher { plan: PLAN, find: ids };
/// `legal_mentions`.
pub(super) const MENTIONS: Enricher = Enricher { plan: PLAN, find: mentions };

/// Letters after a word in which a number is the one that the word names.
const NEAR: usize = 80;
/// Numbers of a page that are looked at.
const MAX_NUMBERS: usize = 1_000;
/// Numbers of who hosts sites: OVH, Gandi, IONOS.
const HOSTS: [&str; 3] = ["424761419", "423093459", "431303775"];

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[0-9](?:[ .\u{a0}\u{202f}]?[0-9]){8,13}").ok());
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\b(?:siret|siren|rcs|r\.c\.s|tva)").ok());
static VAT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\bFR[ .\u{a0}]?[0-9A-HJ-NP-Z]{2}(?:[ .\u{a0}\u{202f}]?[0-9]){9}\b").ok());

/// A company number of a site.
struct Number {
    siren: String,
    siret: Option<String>,
    labelled: bool,
    occurrences: usize,
    page: usize,
    at: usize,
}

fn ids(_: &RowView<'_>, visit: &Visit) -> Found {
    let mut all: Vec<Number> = Vec::new();
    for (page, content) in visit.pages.iter().enumerate() {
        for number in numbers(&content.parts.text, page) {
            match all.iter_mut().find(|known| known.siren == number.siren && known.siret == number.siret) {
                Some(known) => {
                    known.occurrences += 1;
                    known.labelled |= number.labelled;
                }
                None => all.push(number),
            }
        }
    }
    let best = all.into_iter().min_by_key(|number| {
        let foreign = HOSTS.contains(&number.siren.as_str());
        let order = (number.siret.is_none(), !number.labelled, Reverse(number.occurrences), number.page, number.at);
        (foreign, order)
    });
    let url = best.as_ref().and_then(|best| visit.pages.get(best.page)).map(|page| page.url.to_string());
    let (siren, siret) = best.map(|best| (best.siren, best.siret.unwrap_or_default())).unwrap_or_default();
    Found { cells: vec![siren.into(), siret.into(), url.unwrap_or_default().into()], counts: Vec::new() }
}

/// The valid numbers of a text.
fn numbers(text: &str, page: usize) -> Vec<Number> {
    let labels: Vec<usize> = WORD.iter().flat_map(|word| word.find_iter(text)).map(|hit| hit.end()).collect();
    // the last word before a number is the nearest one
    let label = |at: usize| {
        let before = labels.partition_point(|end| *end <= at).checked_sub(1).and_then(|last| labels.get(last))?;
        let between = text.get(*before..at)?;
        (between.chars().take(NEAR + 1).count() <= NEAR).then_some(*before)
    };
    let mut found: Vec<Number> = Vec::new();
    for vat in VAT.iter().flat_map(|vat| vat.find_iter(text)).take(MAX_NUMBERS) {
        if let Some(number) = values::vat(vat.as_str()) {
            let siren = number.get(4..).unwrap_or_default().to_owned();
            found.push(Number { siren, siret: None, labelled: true, occurrences: 1, page, at: vat.start() });
        }
    }
    for hit in NUMBER.iter().flat_map(|number| number.find_iter(text)).take(MAX_NUMBERS) {
        let before = text.get(..hit.start()).and_then(|before| before.chars().next_back());
        let after = text.get(hit.end()..).and_then(|after| after.chars().next());
        let joined = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '+');
        if joined(before) || joined(after) || is_foreign(text, hit.start()) {
            continue;
        }
        let (text, at) = (hit.as_str(), hit.start());
        let siret = values::siret(text);
        let siren = siret.as_ref().and_then(|siret| siret.get(..9)).map(str::to_owned).or_else(|| values::siren(text));
        let Some(siren) = siren else { continue };
        // a word names one company: what stands behind its number is another one's
        let own = |label: &usize| found.iter().all(|other| other.siren == siren || other.at < *label || other.at > at);
        let labelled = label(at).filter(own).is_some();
        found.push(Number { siren, siret, labelled, occurrences: 1, page, at });
    }
    found
}

/// Whether what stands before a number says that it is a telephone's, or one of another country: `(0)`, `DE `.
fn is_foreign(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default().trim_end();
    let mut letters = before.chars().rev();
    let last = [letters.next(), letters.next(), letters.next()];
    let country = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_uppercase());
    let word = last[2].is_none_or(|letter| !letter.is_alphanumeric());
    before.ends_with("(0)") || (country(last[0]) && country(last[1]) && word && !before.ends_with("FR"))
}

/// The rules of 12.13, in the order of its columns: each an expression whose first group is the value.
const RULES: [(Mention, &str); 7] = [
    (
        Mention::Name,
        r"(?i:raison sociale|dénomination(?: sociale)?|société éditrice|éditeur du site|édité par(?: la société)?)\s*(?::|est|-)?\s*(?:la société\s+)?([^\n,;:|(]{2,80})",
    ),
    (
        Mention::Form,
        r"\b(SARL|SASU|SAS|EURL|SNC|SCOP|SCI|SA|EI|S\.A\.R\.L\.?|S\.A\.S\.U\.?|S\.A\.S\.?|S\.A\.|(?i:auto-entrepreneur|association))(?:[^\p{L}\p{N}]|$)",
    ),
    (
        Mention::Capital,
        r"(?i:capital(?:\s+social)?(?:\s+variable)?)\s*(?:de|:|est de|s'élève à)?\s*([0-9][0-9 .,\u{a0}\u{202f}]*\s*(?:€|(?i:euros?|EUR)))",
    ),
    (
        Mention::Register,
        r"(?i:\bR\.?C\.?S\.?|registre du commerce et des sociétés)\s*(?:de|d'|:)?\s*([\p{L}][\p{L}' -]{1,40}?)\s*(?:n°|sous le numéro|:)?\s*([AB])?\s*([0-9]{3}[ .\u{a0}]?[0-9]{3}[ .\u{a0}]?[0-9]{3})\b",
    ),
    (
        Mention::Registered,
        r"\b([0-9]{3}[ .\u{a0}]?[0-9]{3}[ .\u{a0}]?[0-9]{3})\s*(?i:R\.?C\.?S\.?)\s*(?:de|d'|:)?\s*(\p{Lu}[\p{L}'-]*(?:[ -]\p{Lu}[\p{L}'-]*){0,3})",
    ),
    (
        Mention::Address,
        r"(?i:siège(?:\s+social)?)\s*(?:est\s+)?(?:situé(?:\s+(?:au|à))?|sis|au|à)?\s*:?\s*([^\n]{3,120}?(?:\n[^\n]{0,60}?)?\b[0-9]{4,5}\s+[\p{L}][\p{L}' -]{1,40})",
    ),
    (
        Mention::Director,
        r"(?i:(?:direct(?:eur|rice)s?|responsable)\s+de\s+(?:la\s+)?publication|gérante?s?|présidente?|représentant(?:e)?\s+légal(?:e)?)\s*(?:est|:|-)?\s*(?i:monsieur|madame|mme\.?|mm?\.|mlle)?\s*((?:\p{Lu}[\p{L}'.-]*)(?:[ ]\p{Lu}[\p{L}'.-]*){1,3})",
    ),
];

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mention {
    Name,
    Form,
    Capital,
    Register,
    /// The number first, then the register.
    Registered,
    Address,
    Director,
}

static EXPRESSIONS: LazyLock<Vec<(Mention, Regex)>> =
    LazyLock::new(|| RULES.iter().filter_map(|(mention, text)| Some((*mention, Regex::new(text).ok()?))).collect());

fn mentions(_: &RowView<'_>, visit: &Visit) -> Found {
    let (mut source, mut formed) = (None, None);
    let mut cells: Vec<Value> = Vec::new();
    for (mention, expression) in EXPRESSIONS.iter() {
        // a cell that the usual order filled already
        if *mention == Mention::Registered && cells.last().is_some_and(|cell| *cell != "") {
            continue;
        }
        let found = visit.pages.iter().find_map(|page| Some((page, value(*mention, expression, &page.parts.text)?)));
        if let Some((page, _)) = &found {
            // a form alone may stand anywhere: its page counts when there is nothing else
            let of = if *mention == Mention::Form { &mut formed } else { &mut source };
            of.get_or_insert_with(|| page.url.to_string());
        }
        if *mention == Mention::Registered {
            cells.pop();
        }
        cells.push(found.map(|(_, text)| text).unwrap_or_default().into());
    }
    let vat = visit.pages.iter().find_map(|page| {
        let hits = VAT.iter().flat_map(|vat| vat.find_iter(&page.parts.text));
        Some((page, hits.filter_map(|hit| values::vat(hit.as_str())).next()?))
    });
    if let Some((page, _)) = &vat {
        source.get_or_insert_with(|| page.url.to_string());
    }
    cells.push(vat.map(|(_, number)| number).unwrap_or_default().into());
    cells.push(source.or(formed).unwrap_or_default().into());
    Found { cells, counts: Vec::new() }
}

fn value(mention: Mention, expression: &Regex, text: &str) -> Option<String> {
    expression.captures_iter(text).find_map(|found| {
        let group = |index: usize| found.get(index).map(|group| group.as_str().trim());
        let value = group(1)?.trim_end_matches(['.', ',', '-', ' ']);
        match mention {
            Mention::Form => {
                let word = found.get(1)?;
                is_form(value, text.get(..word.start())?, text.get(word.end()..)?).then(|| form(value))
            }
            Mention::Registered => {
                let town = group(2)?.trim_end_matches(['.', ',', '-', ' ']);
                Some(format!("RCS {town} {}", values::siren(value)?))
            }
            Mention::Register => {
                let siren = values::siren(group(3)?)?;
                let letter = group(2).map(|letter| format!("{letter} ")).unwrap_or_default();
                Some(format!("RCS {value} {letter}{siren}"))
            }
            Mention::Capital => Some(value.split_whitespace().collect::<Vec<_>>().join(" ")),
            // a title alone is nobody's name
            Mention::Director => (!value.starts_with("M.") && !value.starts_with("Mme")).then(|| value.to_owned()),
            Mention::Name => (!value.is_empty()).then(|| value.to_owned()),
            Mention::Address => (!value.is_empty()).then(|| value.replace('\n', " ")),
        }
    })
}

/// Whether a word that may be a legal form is one where it stands: `SA` is Saturday, too, and an association anybody's.
fn is_form(word: &str, before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let rest = after.split('\n').next().unwrap_or_default().trim_start();
    if word.eq_ignore_ascii_case("association") {
        return !word.starts_with('a')
            || ["loi", "régie", "déclarée", "à but", "sans but"].iter().any(|start| rest.starts_with(start))
            || line.trim_end().ends_with([':', ',']);
    }
    if word.contains('.') || word.eq_ignore_ascii_case("auto-entrepreneur") {
        return true;
    }
    let next = rest.split(char::is_whitespace).next().unwrap_or_default();
    // an hour, a flight, a word of another language
    let hour = word == "SA" && next.starts_with(|letter: char| letter.is_ascii_digit());
    let code = next.starts_with(char::is_alphabetic) && next.contains(|letter: char| letter.is_ascii_digit());
    let goes_on = next.starts_with(char::is_lowercase) && !GOES_ON.contains(&next.trim_matches([',', '.']));
    let last = line.split(char::is_whitespace).rfind(|part| !part.is_empty()).unwrap_or_default();
    let named = !last.starts_with(char::is_lowercase) || last.ends_with([':', ',']) || BEFORE.contains(&last);
    named && !hour && !code && !goes_on
}

/// Small words behind a legal form, and before one.
const GOES_ON: [&str; 15] = [
    "au",
    "à",
    "a",
    "de",
    "dont",
    "et",
    "est",
    "en",
    "ayant",
    "immatriculée",
    "inscrite",
    "sise",
    "représentée",
    "société",
    "domiciliée",
];
const BEFORE: [&str; 9] = ["une", "la", "en", "est", "juridique", "forme", "statut", "société", "type"];

/// A legal form as the contract writes it.
fn form(text: &str) -> String {
    let plain = text.replace('.', "");
    match plain.to_lowercase().as_str() {
        form @ ("auto-entrepreneur" | "association") => form.to_owned(),
        _ => plain.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::web::testing::{site, visited};

    fn numbers_of(pages: &[&str]) -> Value {
        visited(IDS, &site("https://dupont.fr/", pages))
    }

    #[test]
    fn company_numbers() {
        for (page, siren, siret) in [
            ("<p>SIRET : 732 829 320 00074</p>", "732829320", "73282932000074"),
            ("<p>RCS Paris B 732 829 320</p>", "732829320", ""),
            ("<p>TVA intracommunautaire : FR 44 732829320</p>", "732829320", ""),
            ("<p>732829320</p>", "732829320", ""),
            ("<p>Siren 123456789, tél. 01 23 45 67 89</p>", "", ""),
            ("<p>Hébergeur : OVH, RCS Lille 424 761 419. Éditeur : SIREN 732829320</p>", "732829320", ""),
            ("<p>Hébergeur : OVH SAS, RCS Lille 424 761 419 00045</p>", "424761419", "42476141900045"),
            ("<p>x73282932000074 7328293200007412</p>", "", ""),
            ("<p>USt-IdNr.: DE 732829320, VAT GB 732 829 320, +33 (0)7 32 82 93 20</p>", "", ""),
            ("<p>SIREN 732829320, assurance n° 552100554, 552100554</p>", "732829320", ""),
        ] {
            let cells = numbers_of(&[page]);
            assert_eq!((cells[0].as_str(), cells[1].as_str()), (Some(siren), Some(siret)), "{page}");
        }
        let cells = numbers_of(&["<p>Bonjour</p>", "<p>SIRET 73282932000074</p>"]);
        assert_eq!(cells, json!(["732829320", "73282932000074", "https://dupont.fr/page1"]));
        assert_eq!(visited(IDS, &Visit::default()), json!(["", "", ""]));
    }

    #[test]
    fn a_notice_is_read() {
        assert_eq!(EXPRESSIONS.len(), RULES.len(), "an expression cannot be read");
        let page = "<h1>Mentions légales</h1><p>Raison sociale : Garage Dupont<br>SARL au capital de 10 000 € <br>\
            Siège social : 12 rue de la Paix, 75002 Paris<br>RCS Paris B 732 829 320<br>N° TVA : FR44732829320<br>\
            Directrice de la publication : Mme Marie Dupont</p>";
        let cells = visited(MENTIONS, &site("https://dupont.fr/", &["<p>Bonjour</p>", page]));
        let expected = json!([
            "Garage Dupont",
            "SARL",
            "10 000 €",
            "RCS Paris B 732829320",
            "12 rue de la Paix, 75002 Paris",
            "Marie Dupont",
            "FR44732829320",
            "https://dupont.fr/page1"
        ]);
        assert_eq!(cells, expected);
        assert_eq!(visited(MENTIONS, &Visit::default()), json!(["", "", "", "", "", "", "", ""]));
    }

    #[test]
    fn notices_are_written_in_many_ways() {
        for (index, page, expected) in [
            (0, "<p>Le site est édité par la société Les Pains de Lyon, SAS</p>", "Les Pains de Lyon"),
            (0, "<p>Dénomination sociale : ACME</p>", "ACME"),
            (1, "<p>ACME, S.A.S. au capital variable</p>", "SAS"),
            (1, "<p>SASUKE</p>", ""),
            (1, "<p>MO-FR 8-18, SA 9.00-13.00 Uhr</p>", ""),
            (1, "<p>Vol SAS AF1234, ticket SA. The SA program. L'association des amis</p>", ""),
            (1, "<p>Forme juridique : SA</p>", "SA"),
            (1, "<p>Les Amis, association régie par la loi de 1901</p>", "association"),
            (1, "<p>Association loi 1901</p>", "association"),
            (2, "<p>Capital social : 7.622,45 euros</p>", "7.622,45 euros"),
            (3, "<p>immatriculée au RCS de Lyon sous le numéro 732829320</p>", "RCS Lyon 732829320"),
            (
                3,
                "<p>au Registre du Commerce et des Sociétés de Lyon sous le numéro 732 829 320</p>",
                "RCS Lyon 732829320",
            ),
            (3, "<p>RCS Lyon 123 456 789</p>", ""),
            (3, "<p>ACME SARL, 732 829 320 R.C.S. Lyon</p>", "RCS Lyon 732829320"),
            (4, "<p>dont le siège social est sis 3 place Bellecour, 69002 Lyon</p>", "3 place Bellecour, 69002 Lyon"),
            (4, "<p>Siège social : 3 place Bellecour<br>69002 Lyon</p>", "3 place Bellecour 69002 Lyon"),
            (4, "<p>Siège social : Rue de Bourg 11, 1003 Lausanne</p>", "Rue de Bourg 11, 1003 Lausanne"),
            (
                4,
                "<p>dont le siège social est situé au 3 place Bellecour 69002 Lyon</p>",
                "3 place Bellecour 69002 Lyon",
            ),
            (5, "<p>Gérant : Jean-Pierre Martin</p>", "Jean-Pierre Martin"),
            (5, "<p>Responsable de la publication : Paul Durand</p>", "Paul Durand"),
            (5, "<p>Représentant légal : M. Paul de</p>", ""),
        ] {
            let cells = visited(MENTIONS, &site("https://dupont.fr/", &[page]));
            assert_eq!(cells[index], expected, "{page}");
        }
    }
}
