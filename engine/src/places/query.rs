//! What a query looks for: tags of OpenStreetMap's objects, or a part of their names (outsend 12.1).

use std::{collections::HashMap, sync::LazyLock};

use regex::{Regex, RegexBuilder};
use unicode_normalization::UnicodeNormalization as _;

use crate::lists;

/// The keys that make a named object a place; the first that it has tells its category.
const KINDS: [&str; 7] = ["amenity", "shop", "craft", "office", "tourism", "leisure", "healthcare"];

/// Letters that are written with and without their accents; the server's regular expressions know no classes of them.
const ACCENTS: [(char, &str); 6] = [
    ('a', "a|à|â|ä|À|Â|Ä"),
    ('c', "c|ç|Ç"),
    ('e', "e|é|è|ê|ë|É|È|Ê|Ë"),
    ('i', "i|î|ï|Î|Ï"),
    ('o', "o|ô|ö|Ô|Ö"),
    ('u', "u|ù|û|ü|Ù|Û|Ü"),
];

/// Words, and the tag that they mean.
static WORDS: LazyLock<HashMap<&'static str, (&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../data/places.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(words).collect()
});

/// The words of an entry, each with the tag that it means.
fn words(entry: &'static str) -> impl Iterator<Item = (&'static str, (&'static str, &'static str))> {
    let known = entry.split_once(": ").and_then(|(tag, words)| Some((tag.split_once('=')?, words)));
    known.into_iter().flat_map(|(tag, words)| words.split(", ").map(move |word| (word, tag)))
}

/// The tag that a word means; what a deployment adds comes first.
fn tag_of(word: &str) -> Option<(&'static str, &'static str)> {
    let added = lists::additions(lists::PLACES_FILE).into_iter().flat_map(words);
    added.filter(|(known, _)| *known == word).map(|(_, tag)| tag).next().or_else(|| WORDS.get(word).copied())
}

/// The tags of an object.
pub(super) type Tags = HashMap<String, String>;

/// What a query looks for.
pub(super) enum Query {
    Tag(&'static str, &'static str),
    /// A part of the name, as a regular expression, and the same as it is compared here.
    Name(String, Option<Regex>),
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        match tag_of(&lists::singular(text)) {
            Some((key, value)) => Self::Tag(key, value),
            None => {
                let part = expression(&text.trim().nfc().collect::<String>().to_lowercase());
                let compared = RegexBuilder::new(&part).case_insensitive(true).build().ok();
                Self::Name(part, compared)
            }
        }
    }

    /// The filter of the Overpass query language.
    pub(super) fn filter(&self) -> String {
        match self {
            Self::Tag(key, value) => format!("[\"{key}\"=\"{value}\"]"),
            Self::Name(part, _) => {
                // a string's own escapes
                let part = part.replace('\\', r"\\").replace('"', "\\\"");
                format!("[~\"^({})$\"~\".\"][\"name\"~\"{part}\",i]", KINDS.join("|"))
            }
        }
    }

    /// The category of an object that it looks for; `None` of another one.
    pub(super) fn category<'a>(&self, tags: &'a Tags) -> Option<&'a str> {
        match self {
            Self::Tag(key, value) => tags.get(*key).map(String::as_str).filter(|known| known == value),
            Self::Name(_, compared) => {
                let kind = KINDS.iter().find_map(|key| tags.get(*key))?;
                compared.as_ref()?.is_match(tags.get("name")?).then_some(kind.as_str())
            }
        }
    }
}

/// A regular expression that means just a text, with its accents or without.
fn expression(text: &str) -> String {
    let mut expression = String::with_capacity(text.len());
    for letter in text.chars() {
        let accents = ACCENTS.iter().find(|(base, forms)| *base == letter || forms.contains(letter) && letter != '|');
        match (accents, letter) {
            (Some((_, forms)), _) => expression.extend(["(", forms, ")"]),
            (None, '\\' | '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|') => {
                expression.extend(['\\', letter]);
            }
            (None, letter) if letter.is_control() => expression.push('.'),
            (None, letter) => expression.push(letter),
        }
    }
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn words_in_any_form_mean_a_tag() {
        for (query, filter) in [
            ("dentiste", "[\"amenity\"=\"dentist\"]"),
            (" Dentistes ", "[\"amenity\"=\"dentist\"]"),
            ("Agences immobilières", "[\"office\"=\"estate_agent\"]"),
            ("real-estate", "[\"office\"=\"estate_agent\"]"),
            ("Vétérinaires", "[\"amenity\"=\"veterinary\"]"),
            ("cafés", "[\"amenity\"=\"cafe\"]"),
            ("gas station", "[\"amenity\"=\"fuel\"]"),
            ("fitness", "[\"leisure\"=\"fitness_centre\"]"),
        ] {
            assert_eq!(Query::new(query).filter(), filter, "{query}");
        }
    }

    #[test]
    fn other_texts_are_parts_of_names() {
        let kinds = "[~\"^(amenity|shop|craft|office|tourism|leisure|healthcare)$\"~\".\"]";
        for (query, name) in [
            ("Myrtyl 4", "myrtyl 4"),
            ("x+y (z)", r"x\\+y \\(z\\)"),
            ("\"x\"", "\\\"x\\\""),
            (r"x\y", r"x\\\\y"),
            ("\"];[]", "\\\"\\\\];\\\\[\\\\]"),
            ("çx", "(c|ç|Ç)x"),
        ] {
            assert_eq!(Query::new(query).filter(), format!("{kinds}[\"name\"~\"{name}\",i]"), "{query}");
        }
        for (query, name, found) in [
            ("lycee", "Lycée Voltaire", true),
            ("Lycée", "LYCEE VOLTAIRE", true),
            ("Élysée", "elysee", true),
            ("Lyce\u{301}e", "Lycée Voltaire", true),
            ("a|b", "a", false),
            ("a.b", "axb", false),
        ] {
            let named = tags(&[("amenity", "school"), ("name", name)]);
            assert_eq!(Query::new(query).category(&named).is_some(), found, "{query}");
        }
        let paul = Query::new("PAUL");
        assert_eq!(paul.category(&tags(&[("shop", "bakery"), ("name", "Chez Paul")])), Some("bakery"));
        assert_eq!(paul.category(&tags(&[("highway", "primary"), ("name", "Rue Paul")])), None);
        assert_eq!(paul.category(&tags(&[("shop", "bakery"), ("name", "Pierre")])), None);
        let dentist = Query::new("dentist");
        assert_eq!(dentist.category(&tags(&[("amenity", "dentist")])), Some("dentist"));
        assert_eq!(dentist.category(&tags(&[("amenity", "doctors"), ("name", "Dentist")])), None);
    }

    #[test]
    fn a_deployment_adds_words() {
        assert!(lists::add(lists::PLACES_FILE, "shop=wool: Laine").is_err());
        for wrong in ["shop wool: laine", "shop=wool: laines", "shop=wool: fil, laine\nshop=yarn: fil"] {
            assert!(lists::add(lists::PLACES_FILE, wrong).is_err(), "{wrong}");
        }
        lists::add(lists::PLACES_FILE, "shop=wool: laine, magasin de laine\n").unwrap();
        assert_eq!(Query::new("Magasins de laine").filter(), "[\"shop\"=\"wool\"]");
    }

    #[test]
    fn the_table_is_in_its_form() {
        let text = include_str!("../../data/places.txt");
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let mut words = 0;
        for line in &lines {
            let (tag, of_tag) = line.split_once(": ").unwrap();
            assert!(tag.split_once('=').is_some_and(|(key, _)| KINDS.contains(&key)), "{line}");
            for word in of_tag.split(", ") {
                assert_eq!(lists::singular(word), word, "{line}");
                words += 1;
            }
        }
        assert_eq!(WORDS.len(), words, "a word stands once");
    }
}
