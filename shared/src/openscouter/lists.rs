//! Lists of names that a field can take: codes of ISO, and the categories of the contract (openscouter 2.1, 6.1).

/// Categories of neurodivergence, in the contract's order (openscouter 6.1).
pub const ND_CATEGORIES: [&str; 13] = [
    "adhd",
    "autism",
    "dyslexia",
    "dyscalculia",
    "dyspraxia",
    "anxiety",
    "tourette",
    "ocd",
    "dysgraphia",
    "sensory_processing",
    "bipolar",
    "acquired_brain_injury",
    "intellectual_disability",
];
/// Codes of countries, one a line (ISO 3166-1 alpha-2).
pub const COUNTRIES: &str = include_str!("lists/iso-3166.txt");
/// Codes of languages, one a line (ISO 639-1).
pub const LANGUAGES: &str = include_str!("lists/iso-639.txt");
/// Codes of the currencies that people are paid in, one a line (ISO 4217).
pub const CURRENCIES: &str = include_str!("lists/iso-4217.txt");

/// Whether a list with one name a line has this one.
#[must_use]
pub fn is_listed(list: &str, name: &str) -> bool {
    list.lines().any(|line| line == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_whole() {
        assert_eq!((COUNTRIES.lines().count(), LANGUAGES.lines().count()), (249, 183));
        assert!(is_listed(CURRENCIES, "EUR") && !is_listed(CURRENCIES, "eur") && !is_listed(CURRENCIES, ""));
    }
}
