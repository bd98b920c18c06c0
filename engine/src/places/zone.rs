//! The grammar of zones (outsend 12.1): what is to be looked up for the text of one.

use std::sync::LazyLock;

use engine_types::{Lookup, ZoneAsk};
use regex::Regex;

use crate::values::fold;

/// The country whose departments, regions and communes have names and codes of their own here.
const FRANCE: &str = "FRA";

/// A department, or a region.
struct Division {
    /// The department's code, `-` or `+` of a region in Europe or overseas.
    code: &'static str,
    /// The geocoder's parameter for its kind.
    kind: &'static str,
    name: &'static str,
}

static DIVISIONS: LazyLock<Vec<Division>> = LazyLock::new(|| {
    let lines = include_str!("../../data/french_divisions.txt").lines().filter(|line| !line.starts_with('#'));
    let division = |line: &'static str| {
        let (code, rest) = line.split_once(' ')?;
        let (kind, name) = rest.split_once(' ')?;
        Some(Division { code, kind, name })
    };
    lines.filter_map(division).collect()
});

/// `<place> <n>km`
static CIRCLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^(.+?)[\s,]+([0-9]{1,3})\s*km$").ok());

/// The largest radius, in kilometres.
const LARGEST: u16 = 200;

/// What is to be looked up for a zone of a country, which its three letters name; `None` when there is no such country.
#[must_use]
pub fn zone(country: &str, text: &str) -> Option<ZoneAsk> {
    let known = celes::Country::from_alpha3(country).ok()?;
    let place = Place { iso2: known.alpha2.to_lowercase(), is_france: known.alpha3 == FRANCE };
    Some(place.zone(text.trim()))
}

/// Where a zone is looked for.
struct Place {
    iso2: String,
    is_france: bool,
}

impl Place {
    fn zone(&self, text: &str) -> ZoneAsk {
        let outline = |any_of| ZoneAsk { any_of, radius_km: None };
        let circle = CIRCLE.as_ref().and_then(|circle| circle.captures(text)).and_then(|parts| {
            let radius = parts.get(2)?.as_str().parse().ok().filter(|radius| (1..=LARGEST).contains(radius))?;
            Some((parts.get(1)?.as_str().trim(), radius))
        });
        if let Some((centre, radius)) = circle {
            let around = self.zone(centre).any_of;
            // several areas have no centre
            let any_of = if around.iter().any(|group| group.len() > 1) { self.by_form(centre) } else { around };
            return ZoneAsk { any_of, radius_km: Some(radius) };
        }
        if let Some((kind, code)) = text.split_once(':') {
            match kind.trim().to_ascii_lowercase().as_str() {
                // nothing is asked for nothing
                "insee" | "cp" if code.trim().is_empty() => return outline(Vec::new()),
                "insee" => return outline(vec![vec![commune(code)]]),
                "cp" => return outline(vec![vec![self.search("postalcode", code.trim())]]),
                _ => {}
            }
        }
        if let Some(known) = self.known(text) {
            return outline(vec![known]);
        }
        outline(self.by_form(text))
    }

    /// The divisions of France that a text names: a department by its code, a region or all of them by name.
    fn known(&self, text: &str) -> Option<Vec<Lookup>> {
        if !self.is_france {
            return None;
        }
        let folded = fold(text);
        let is_region = |division: &Division| matches!(division.code, "-" | "+");
        let of = |is_meant: &dyn Fn(&Division) -> bool| -> Vec<Lookup> {
            let meant = DIVISIONS.iter().filter(|division| is_meant(division));
            meant.map(|division| self.search(division.kind, division.name)).collect()
        };
        let found = if folded == "france" {
            of(&|division| division.code == "-")
        } else {
            let code = text.to_ascii_uppercase();
            let department = of(&|division| !is_region(division) && division.code == code);
            if department.is_empty() {
                of(&|division| is_region(division) && fold(division.name) == folded)
            } else {
                department
            }
        };
        (!found.is_empty()).then_some(found)
    }

    /// A code by its form, else a name.
    fn by_form(&self, text: &str) -> Vec<Vec<Lookup>> {
        if self.is_france && is_commune_code(text) {
            let commune = vec![commune(text)];
            return match text.parse::<u32>() {
                Ok(_) => vec![vec![self.search("postalcode", text)], commune],
                // no postal code has a letter
                Err(_) => vec![commune],
            };
        }
        let named = vec![self.search("q", text)];
        if !self.is_france && is_postal_code(text) {
            return vec![vec![self.search("postalcode", text)], named];
        }
        vec![named]
    }

    fn search(&self, name: &'static str, value: &str) -> Lookup {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let value = if name == "q" { value.to_lowercase() } else { value };
        Lookup::Search(vec![("countrycodes", self.iso2.clone()), (name, value)])
    }
}

fn commune(code: &str) -> Lookup {
    // it becomes a part of a query
    Lookup::Commune(
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect(),
    )
}

/// Whether a text has the form of an INSEE code, which all French postal codes have, too.
fn is_commune_code(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() == 5
        && (digits(text)
            || (text.starts_with('2')
                && matches!(text.as_bytes().get(1), Some(b'a' | b'A' | b'b' | b'B'))
                && text.get(2..).is_some_and(digits)))
}

/// Whether a text can be a postal code: short groups of digits and letters, with digits.
fn is_postal_code(text: &str) -> bool {
    let groups = text.split([' ', '-']);
    (3..=10).contains(&text.len())
        && text.bytes().filter(u8::is_ascii_digit).count() >= 2
        && groups.clone().all(|group| (1..=6).contains(&group.len()))
        && groups.flat_map(str::bytes).all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of the lookups, alternatives apart.
    fn asked(country: &str, text: &str) -> (Vec<String>, Option<u16>) {
        let ask = zone(country, text).unwrap();
        let keys = |group: &Vec<Lookup>| group.iter().map(Lookup::key).collect::<Vec<_>>().join(" + ");
        (ask.any_of.iter().map(keys).collect(), ask.radius_km)
    }

    #[test]
    fn the_first_form_that_fits_is_taken() {
        for (country, text, expected) in [
            ("FRA", "insee:75115", vec!["insee=75115"]),
            ("FRA", "INSEE: 2a004 ", vec!["insee=2A004"]),
            ("FRA", "cp:75015", vec!["countrycodes=fr&postalcode=75015"]),
            ("FRA", "75015", vec!["countrycodes=fr&postalcode=75015", "insee=75015"]),
            ("FRA", "2B033", vec!["insee=2B033"]),
            ("FRA", "75", vec!["countrycodes=fr&county=Paris"]),
            ("FRA", "2a", vec!["countrycodes=fr&county=Corse-du-Sud"]),
            ("FRA", "974", vec!["countrycodes=fr&state=La Réunion"]),
            ("FRA", "69", vec!["countrycodes=fr&county=Rhône + countrycodes=fr&county=Métropole de Lyon"]),
            ("FRA", "bretagne", vec!["countrycodes=fr&state=Bretagne"]),
            ("FRA", "Ile de France", vec!["countrycodes=fr&state=Île-de-France"]),
            ("FRA", "Paris", vec!["countrycodes=fr&q=paris"]),
            ("FRA", "Loire-Atlantique", vec!["countrycodes=fr&q=loire-atlantique"]),
            ("FRA", "lieu:dit", vec!["countrycodes=fr&q=lieu:dit"]),
            ("FRA", "96", vec!["countrycodes=fr&q=96"]),
            ("DEU", "10115", vec!["countrycodes=de&postalcode=10115", "countrycodes=de&q=10115"]),
            ("GBR", "SW1A 1AA", vec!["countrycodes=gb&postalcode=SW1A 1AA", "countrycodes=gb&q=sw1a 1aa"]),
            ("DEU", "Berlin", vec!["countrycodes=de&q=berlin"]),
            ("DEU", "France", vec!["countrycodes=de&q=france"]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(asked(country, text), (expected, None), "{country} {text}");
        }
        assert_eq!(asked("FRA", "Lyon 20km"), (vec!["countrycodes=fr&q=lyon".to_owned()], Some(20)));
        assert_eq!(asked("FRA", "Saint  Malo, 5 KM").0, ["countrycodes=fr&q=saint malo"]);
        assert_eq!(asked("FRA", "75015 3km").1, Some(3));
        assert_eq!(asked("FRA", "insee:75115 3km"), (vec!["insee=75115".to_owned()], Some(3)));
        assert_eq!(asked("FRA", "France 20km"), (vec!["countrycodes=fr&q=france".to_owned()], Some(20)));
        for none in ["Lyon 0km", "Lyon 201km", "10km"] {
            assert_eq!(asked("FRA", none).1, None, "{none}");
        }
        assert_eq!(asked("FRA", "France").0[0].split(" + ").count(), 13);
        assert_eq!(asked("FRA", "cp: "), (Vec::new(), None));
        assert!(zone("XYZ", "Paris").is_none() && zone("fr", "Paris").is_none());
    }

    #[test]
    fn the_divisions_are_complete() {
        let departments = |division: &&Division| !matches!(division.code, "-" | "+");
        let codes: std::collections::HashSet<_> = DIVISIONS.iter().filter(departments).map(|one| one.code).collect();
        assert_eq!(codes.len(), 96 + 5);
        assert_eq!(DIVISIONS.iter().filter(|one| !departments(one)).count(), 13 + 5);
        assert!(DIVISIONS.iter().all(|one| matches!(one.kind, "county" | "state") && one.name.trim() == one.name));
    }
}
