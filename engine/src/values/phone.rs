//! Telephone numbers (outsend 11.4).

use super::{fold::fold, plain::plain};

/// Whose rules a national number follows (outsend 11.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// France, with its overseas numbers.
    France,
    /// Belgium.
    Belgium,
    /// Switzerland.
    Switzerland,
    /// Luxembourg.
    Luxembourg,
    /// Germany.
    Germany,
    /// Spain.
    Spain,
    /// Italy.
    Italy,
    /// Great Britain.
    Britain,
    /// The Netherlands.
    Netherlands,
    /// The United States and Canada.
    NorthAmerica,
    /// One without a plan here: only its international numbers can be read.
    Other,
}

/// How a country writes its numbers.
struct Plan {
    country: Country,
    code: &'static str,
    trunk: &'static str,
    /// Fewest and most digits behind the trunk prefix.
    length: (usize, usize),
}

const fn plan(country: Country, code: &'static str, trunk: &'static str, length: (usize, usize)) -> Plan {
    Plan { country, code, trunk, length }
}

const PLANS: [Plan; 10] = [
    plan(Country::France, "33", "0", (9, 9)),
    plan(Country::Belgium, "32", "0", (8, 9)),
    plan(Country::Switzerland, "41", "0", (9, 9)),
    plan(Country::Luxembourg, "352", "", (4, 11)),
    plan(Country::Germany, "49", "0", (6, 11)),
    plan(Country::Spain, "34", "", (9, 9)),
    plan(Country::Italy, "39", "", (6, 11)),
    plan(Country::Britain, "44", "0", (9, 10)),
    plan(Country::Netherlands, "31", "0", (9, 9)),
    plan(Country::NorthAmerica, "1", "1", (10, 10)),
];

/// The overseas parts of France: their code and how their national numbers begin.
const OVERSEAS: [(&str, &[&str]); 4] = [
    ("262", &["262", "263", "692", "693"]),
    ("590", &["590", "690", "691"]),
    ("594", &["594", "694"]),
    ("596", &["596", "696", "697"]),
];

/// Country codes that the ITU assigned; no one is the beginning of another.
const CODES: [&str; 216] = [
    "1", "7", "20", "211", "212", "213", "216", "218", "220", "221", "222", "223", "224", "225", "226", "227", "228",
    "229", "230", "231", "232", "233", "234", "235", "236", "237", "238", "239", "240", "241", "242", "243", "244",
    "245", "246", "247", "248", "249", "250", "251", "252", "253", "254", "255", "256", "257", "258", "260", "261",
    "262", "263", "264", "265", "266", "267", "268", "269", "27", "290", "291", "297", "298", "299", "30", "31", "32",
    "33", "34", "350", "351", "352", "353", "354", "355", "356", "357", "358", "359", "36", "370", "371", "372", "373",
    "374", "375", "376", "377", "378", "379", "380", "381", "382", "383", "385", "386", "387", "389", "39", "40", "41",
    "420", "421", "423", "43", "44", "45", "46", "47", "48", "49", "500", "501", "502", "503", "504", "505", "506",
    "507", "508", "509", "51", "52", "53", "54", "55", "56", "57", "58", "590", "591", "592", "593", "594", "595",
    "596", "597", "598", "599", "60", "61", "62", "63", "64", "65", "66", "670", "672", "673", "674", "675", "676",
    "677", "678", "679", "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692", "800",
    "808", "81", "82", "84", "850", "852", "853", "855", "856", "86", "870", "878", "880", "881", "882", "883", "886",
    "888", "90", "91", "92", "93", "94", "95", "960", "961", "962", "963", "964", "965", "966", "967", "968", "970",
    "971", "972", "973", "974", "975", "976", "977", "979", "98", "992", "993", "994", "995", "996", "998",
];

/// Folded names at the end of an address, or alone between commas.
const NAMES: [(&str, Country); 50] = [
    ("france", Country::France),
    ("belgique", Country::Belgium),
    ("belgium", Country::Belgium),
    ("belgie", Country::Belgium),
    ("belgien", Country::Belgium),
    ("suisse", Country::Switzerland),
    ("switzerland", Country::Switzerland),
    ("schweiz", Country::Switzerland),
    ("svizzera", Country::Switzerland),
    ("luxembourg", Country::Luxembourg),
    ("luxemburg", Country::Luxembourg),
    ("allemagne", Country::Germany),
    ("germany", Country::Germany),
    ("deutschland", Country::Germany),
    ("espagne", Country::Spain),
    ("spain", Country::Spain),
    ("espana", Country::Spain),
    ("italie", Country::Italy),
    ("italy", Country::Italy),
    ("italia", Country::Italy),
    ("royaume_uni", Country::Britain),
    ("united_kingdom", Country::Britain),
    ("great_britain", Country::Britain),
    ("grande_bretagne", Country::Britain),
    ("angleterre", Country::Britain),
    ("england", Country::Britain),
    ("uk", Country::Britain),
    ("pays_bas", Country::Netherlands),
    ("netherlands", Country::Netherlands),
    ("nederland", Country::Netherlands),
    ("etats_unis", Country::NorthAmerica),
    ("united_states", Country::NorthAmerica),
    ("usa", Country::NorthAmerica),
    ("canada", Country::NorthAmerica),
    ("portugal", Country::Other),
    ("monaco", Country::Other),
    ("maroc", Country::Other),
    ("morocco", Country::Other),
    ("algerie", Country::Other),
    ("algeria", Country::Other),
    ("tunisie", Country::Other),
    ("tunisia", Country::Other),
    ("senegal", Country::Other),
    ("cote_d_ivoire", Country::Other),
    ("autriche", Country::Other),
    ("austria", Country::Other),
    ("osterreich", Country::Other),
    ("irlande", Country::Other),
    ("ireland", Country::Other),
    ("andorre", Country::Other),
];

/// Folded codes of two letters, as cells that hold a country alone have them.
const LETTERS: [(&str, Country); 12] = [
    ("fr", Country::France),
    ("be", Country::Belgium),
    ("ch", Country::Switzerland),
    ("lu", Country::Luxembourg),
    ("de", Country::Germany),
    ("es", Country::Spain),
    ("it", Country::Italy),
    ("gb", Country::Britain),
    ("uk", Country::Britain),
    ("nl", Country::Netherlands),
    ("us", Country::NorthAmerica),
    ("ca", Country::NorthAmerica),
];

/// The country that a row's address tells: by its name, else by a French postal code (outsend 11.4).
#[must_use]
pub fn country(address: &str) -> Option<Country> {
    let parts = address.split([',', ';', '\n', '(', ')']).map(fold);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let named = |part: &str, ends: bool| {
        NAMES.iter().find(|(name, _)| match part.strip_suffix(name) {
            // "rue de Belgique" names a country at its end only when nothing follows it
            Some(before) => before.is_empty() || (ends && before.ends_with('_')),
            None => false,
        })
    };
    let last = parts.len().saturating_sub(1);
    let found = parts.iter().enumerate().rev().find_map(|(index, part)| named(part, index == last));
    let postal = |word: &str| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    let french = || parts.iter().any(|part| part.split('_').any(postal));
    found.map(|(_, country)| *country).or_else(|| french().then_some(Country::France))
}

/// The country of a cell that holds one and nothing else, by its code of two letters or its name.
#[must_use]
pub fn nation(cell: &str) -> Country {
    let folded = fold(cell);
    let coded = LETTERS.iter().find(|(code, _)| *code == folded).map(|(_, country)| *country);
    coded.or_else(|| country(cell)).unwrap_or(Country::Other)
}

/// What stands between a number and its extension.
const EXTENSIONS: [&str; 5] = ["ext", "poste", "#", "x", "bureau"];
/// What stands between the numbers of one cell.
const BETWEEN: [&str; 14] =
    ["/", ";", "|", ",", "\n", "\r", " ou ", " or ", " et ", " and ", " ::: ", " & ", " - ", " + "];

/// A text without what stands in parentheses and has letters: `(portable)`.
fn without_remarks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('(') {
        let Some((inside, after)) = behind.split_once(')') else { break };
        kept.push_str(before);
        if !inside.chars().any(char::is_alphabetic) {
            kept.extend(["(", inside, ")"]);
        }
        rest = after;
    }
    kept + rest
}

/// Digits with a leading `+`, without what callers write around a number.
fn compact(text: &str) -> String {
    let lower = without_remarks(plain(text).trim()).to_lowercase();
    let text = lower.strip_prefix("tel:").unwrap_or(&lower);
    let text = EXTENSIONS.iter().fold(text, |text, word| match text.split_once(word) {
        // only behind a number
        Some((before, _)) if before.bytes().filter(u8::is_ascii_digit).count() >= 6 => before,
        _ => text,
    });
    let digits = |text: &str| {
        let mut kept = String::new();
        for letter in text.chars() {
            if letter.is_ascii_digit() || (letter == '+' && kept.is_empty()) {
                kept.push(letter);
            }
        }
        match kept.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None => kept,
        }
    };
    let plain = digits(text);
    if plain.starts_with('+') && text.contains("(0)") { digits(&text.replace("(0)", "")) } else { plain }
}

/// Whether the digits behind the trunk prefix are a number of France.
fn french(digits: &str) -> bool {
    digits.len() == 9 && !digits.starts_with('0') && !digits.starts_with("89")
}

fn overseas(digits: &str) -> Option<&'static str> {
    OVERSEAS.iter().find(|(_, starts)| starts.iter().any(|start| digits.starts_with(start))).map(|(code, _)| *code)
}

fn international(digits: &str) -> bool {
    if !(8..=15).contains(&digits.len()) || digits.starts_with('0') {
        return false;
    }
    let Some(code) = CODES.iter().find(|code| digits.starts_with(**code)) else { return false };
    let rest = digits.get(code.len()..).unwrap_or_default();
    if OVERSEAS.iter().any(|(overseas, _)| overseas == code) {
        return rest.len() == 9;
    }
    match PLANS.iter().find(|plan| plan.code == *code) {
        Some(Plan { country: Country::France, .. }) => french(rest),
        Some(plan) => (plan.length.0..=plan.length.1).contains(&rest.len()),
        None => true,
    }
}

/// A number in E.164, of several in a cell the first; `None` when there is none (outsend 11.4). `country` is what the row's
/// address tells; where it tells none, France is assumed.
#[must_use]
pub fn phone(text: &str, country: Option<Country>) -> Option<String> {
    // the whole first: a `/` may stand between a number's own digits
    let parts = BETWEEN
        .iter()
        .fold(vec![text], |parts, between| parts.into_iter().flat_map(|part| part.split(between)).collect());
    number(text, country).or_else(|| parts.into_iter().find_map(|part| number(part, country)))
}

fn number(text: &str, known: Option<Country>) -> Option<String> {
    let (compact, country) = (compact(text), known.unwrap_or(Country::France));
    if let Some(digits) = compact.strip_prefix('+') {
        return abroad(digits).map(|digits| format!("+{digits}"));
    }
    let found = national_number(&compact, country).or_else(|| {
        // without its plus: with the code of the country itself, no number of it has so many digits
        let plan = PLANS.iter().find(|plan| plan.country == country && plan.country != Country::NorthAmerica)?;
        let digits = compact.strip_prefix(plan.code).filter(|rest| rest.len() >= plan.length.0.max(8))?;
        abroad(&format!("{}{digits}", plan.code)).map(|digits| format!("+{digits}"))
    });
    // a spreadsheet takes the first zero away; without a country, nine digits may be anything
    found.or_else(|| known.and_then(|country| national_number(&format!("0{compact}"), country)))
}

/// The digits of an international number, without the trunk prefix that some write behind the code.
fn abroad(digits: &str) -> Option<String> {
    if international(digits) {
        return Some(digits.to_owned());
    }
    let plan = PLANS.iter().find(|plan| plan.trunk == "0" && digits.starts_with(plan.code))?;
    let rest = digits.strip_prefix(plan.code)?.strip_prefix(plan.trunk)?;
    let digits = format!("{}{rest}", plan.code);
    international(&digits).then_some(digits)
}

fn national_number(compact: &str, country: Country) -> Option<String> {
    let plan = PLANS.iter().find(|plan| plan.country == country)?;
    let rest = match compact.strip_prefix(plan.trunk) {
        Some(rest) if country != Country::NorthAmerica || compact.len() > plan.length.1 => rest,
        _ if country == Country::NorthAmerica => compact,
        _ => return None,
    };
    let code = match country {
        Country::France if !french(rest) => return None,
        Country::France => overseas(rest).unwrap_or(plan.code),
        _ => plan.code,
    };
    let number = format!("{code}{rest}");
    ((plan.length.0..=plan.length.1).contains(&rest.len()) && international(&number)).then(|| format!("+{number}"))
}

/// How a number in E.164 is dialled inside its country, `0612345678`; without a plan, the number behind its code
/// (outsend 12.18 rule 9).
#[must_use]
pub fn national(e164: &str) -> String {
    let digits = e164.trim_start_matches('+');
    let code = CODES.iter().find(|code| digits.starts_with(**code)).copied().unwrap_or_default();
    let rest = digits.get(code.len()..).unwrap_or_default();
    let trunk = match PLANS.iter().find(|plan| plan.code == code) {
        Some(Plan { country: Country::NorthAmerica, .. }) => "",
        Some(plan) => plan.trunk,
        None if OVERSEAS.iter().any(|(overseas, _)| *overseas == code) => "0",
        None => "",
    };
    format!("{trunk}{rest}")
}

/// Whether a number in E.164 is a mobile one by its country's plan (outsend 11.4).
#[must_use]
pub fn is_mobile(e164: &str) -> bool {
    let digits = e164.trim_start_matches('+');
    let Some(code) = CODES.iter().find(|code| digits.starts_with(**code)).copied() else { return false };
    let rest = digits.get(code.len()..).unwrap_or_default();
    let starts = |starts: &[&str]| starts.iter().any(|start| rest.starts_with(start));
    match code {
        "33" | "34" => starts(&["6", "7"]),
        "32" => rest.len() == 9 && starts(&["4"]),
        "41" => starts(&["74", "75", "76", "77", "78", "79"]),
        "352" => rest.len() == 9 && starts(&["6"]),
        "49" => starts(&["15", "16", "17"]),
        "39" => starts(&["3"]),
        "44" => starts(&["7"]),
        "31" => starts(&["6"]),
        "262" | "590" | "594" | "596" => starts(&["69"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_france() {
        for (text, expected) in [
            ("06 12 34 56 78", Some("+33612345678")),
            ("tel:+33612345678", Some("+33612345678")),
            ("0033 6 12 34 56 78", Some("+33612345678")),
            ("+33 (0)1 23 45 67 89", Some("+33123456789")),
            ("(+33) 1.23.45.67.89", Some("+33123456789")),
            ("01-23-45-67-89 poste 12", Some("+33123456789")),
            ("0123456789;ext=4", Some("+33123456789")),
            ("0123456789 Ext. 4", Some("+33123456789")),
            ("0262 12 34 56", Some("+262262123456")),
            ("0263123456", Some("+262263123456")),
            ("0692123456", Some("+262692123456")),
            ("0693123456", Some("+262693123456")),
            ("0590123456", Some("+590590123456")),
            ("0690123456", Some("+590690123456")),
            ("0691123456", Some("+590691123456")),
            ("0594123456", Some("+594594123456")),
            ("0694123456", Some("+594694123456")),
            ("0596123456", Some("+596596123456")),
            ("0696123456", Some("+596696123456")),
            ("0697123456", Some("+596697123456")),
            ("+262 692 12 34 56", Some("+262692123456")),
            ("0899123456", None),
            ("+33899123456", None),
            ("0012345678", None),
            ("612345678", None),
            ("061234567", None),
            ("06123456789", None),
            ("0612345678 / 0712345678", Some("+33612345678")),
            ("n/a; 0712345678", Some("+33712345678")),
            ("06/12/34/56/78", Some("+33612345678")),
            ("+330612345678", Some("+33612345678")),
            ("+33(0)612345678", Some("+33612345678")),
            ("33612345678", Some("+33612345678")),
            ("33 6 12 34 56 78", Some("+33612345678")),
            ("330612345678", Some("+33612345678")),
            ("\u{202a}+33 6 12 34 56 78\u{202c}", Some("+33612345678")),
            ("０６ 12 34 56 78", Some("+33612345678")),
            ("00 33 6 12 34 56 78", Some("+33612345678")),
            ("+33 6 12 34 56 78 #12", Some("+33612345678")),
            ("+33 6 12 34 56 78 x21", Some("+33612345678")),
            ("Tel : 06 12 34 56 78", Some("+33612345678")),
            ("p:+33612345678", Some("+33612345678")),
            ("=+33612345678", Some("+33612345678")),
            ("06 12 34 56 78 (portable)", Some("+33612345678")),
            ("+33 6 12 34 56 78 (bureau 2)", Some("+33612345678")),
            ("3.36123E+10", None),
            ("75001", None),
            ("3615", None),
            ("", None),
        ] {
            assert_eq!(phone(text, None).as_deref(), expected, "{text}");
        }
        assert_eq!(phone("612345678", Some(Country::France)).as_deref(), Some("+33612345678"));
        assert_eq!(phone("732829320", None), None, "as a SIREN is written");
    }

    #[test]
    fn numbers_of_other_countries() {
        for (text, country, expected) in [
            ("0470 12 34 56", Country::Belgium, Some("+32470123456")),
            ("02 123 45 67", Country::Belgium, Some("+3221234567")),
            ("079 123 45 67", Country::Switzerland, Some("+41791234567")),
            ("621 123 456", Country::Luxembourg, Some("+352621123456")),
            ("0151 12345678", Country::Germany, Some("+4915112345678")),
            ("612 345 678", Country::Spain, Some("+34612345678")),
            ("06 1234 5678", Country::Italy, Some("+390612345678")),
            ("320 123 4567", Country::Italy, Some("+393201234567")),
            ("07911 123456", Country::Britain, Some("+447911123456")),
            ("06 12345678", Country::Netherlands, Some("+31612345678")),
            ("(212) 555-0123", Country::NorthAmerica, Some("+12125550123")),
            ("1 212 555 0123", Country::NorthAmerica, Some("+12125550123")),
            ("2 212 555 0123", Country::NorthAmerica, None),
            ("+212 612 345678", Country::France, Some("+212612345678")),
            ("+999 12345678", Country::France, None),
            ("+210 12345678", Country::France, None),
            ("+32 123", Country::France, None),
            ("+1234567", Country::France, None),
            ("+1 212 555 01234", Country::France, None),
            ("+4123456789012345", Country::France, None),
            ("0612345678", Country::Other, None),
        ] {
            assert_eq!(phone(text, Some(country)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn countries_of_addresses() {
        for (address, expected) in [
            ("12 rue de Rivoli, 75001 Paris", Some(Country::France)),
            ("12 rue de Rivoli, Paris", None),
            ("Grand-Place 1, 1000 Bruxelles, Belgique", Some(Country::Belgium)),
            ("Grand-Place 1, 1000 Bruxelles (Belgique)", Some(Country::Belgium)),
            ("1000 Bruxelles Belgique", Some(Country::Belgium)),
            ("12 rue de Belgique, 75001 Paris", Some(Country::France)),
            ("10 Downing Street, London, United Kingdom", Some(Country::Britain)),
            ("Deutschland, 10115 Berlin", Some(Country::Germany)),
            ("Calle Mayor, Madrid, España", Some(Country::Spain)),
            ("Rabat, Maroc", Some(Country::Other)),
            ("", None),
        ] {
            assert_eq!(country(address), expected, "{address}");
        }
    }

    #[test]
    fn national_forms() {
        for (number, expected, mobile) in [
            ("+33612345678", "0612345678", true),
            ("+33123456789", "0123456789", false),
            ("+262692123456", "0692123456", true),
            ("+596596123456", "0596123456", false),
            ("+32470123456", "0470123456", true),
            ("+34612345678", "612345678", true),
            ("+390612345678", "0612345678", false),
            ("+352621123456", "621123456", true),
            ("+12125550123", "2125550123", false),
            ("+212612345678", "612345678", false),
        ] {
            assert_eq!(national(number), expected);
            assert_eq!(is_mobile(number), mobile, "{number}");
        }
    }

    #[test]
    fn no_code_begins_another() {
        for code in CODES {
            assert!(CODES.iter().all(|other| *other == code || !other.starts_with(code)), "{code}");
        }
    }
}
