//! The key that a row is known by from run to run (outsend 15.4).

use std::borrow::Cow;

use serde_json::Value;

use crate::{Module, columns, values};

/// Most bytes of a key. A longer one is cut, and ends with a digest of the whole, so that it still tells rows apart.
pub const MAX_KEY: usize = 256;
/// Bytes that a cut key ends with: `#` and 32 hexadecimal digits.
const TAIL: usize = 33;

/// What a row of a job is known by.
#[derive(Debug)]
enum Rule {
    /// A listing, and what somebody wrote about it.
    Review { link: Option<usize>, reviewer: Option<usize>, text: Option<usize> },
    /// An e-mail address.
    Address(Option<usize>),
    /// The first of a listing, name and address, and site.
    Place { link: Option<usize>, name: Option<usize>, address: Option<usize>, site: Option<usize> },
}

/// Reads the keys of a table's rows.
#[derive(Debug)]
pub(super) struct Keys(Rule);

impl Keys {
    /// The keys of a job's rows, by the type of the job and the columns that its table has.
    pub(super) fn new(module: Module, names: &[String]) -> Self {
        let find = |name: &str| columns::find(names, name);
        Self(match module {
            Module::Reviews => Rule::Review {
                link: find("lien_google_maps"),
                reviewer: find("reviewer_name"),
                text: find("review_text"),
            },
            Module::VerifyEmails => Rule::Address(find("email")),
            _ => Rule::Place {
                link: find("lien_google_maps"),
                name: find("nom"),
                address: find("adresse"),
                site: find("site_web"),
            },
        })
    }

    /// A row's key; `None` when it has none and is ignored. A review needs its listing, and its writer or its text; a
    /// place without a listing needs both its name and its address, or a site.
    pub(super) fn of(&self, row: &[Value]) -> Option<String> {
        let url = |index: Option<usize>| values::url(&text(row, index)?);
        let folded = |index: Option<usize>| Some(values::fold(&text(row, index)?)).filter(|text| !text.is_empty());
        let key = match self.0 {
            Rule::Review { link, reviewer, text } => {
                let (link, reviewer, text) = (url(link)?, folded(reviewer), folded(text));
                if reviewer.is_none() && text.is_none() {
                    return None;
                }
                format!("{link}|{}|{}", reviewer.unwrap_or_default(), text.unwrap_or_default())
            }
            Rule::Address(address) => match values::email(&text(row, address)?) {
                Some(address) => address,
                None => folded(address)?,
            },
            Rule::Place { link, name, address, site } => match (url(link), folded(name), folded(address)) {
                (Some(link), _, _) => link,
                (None, Some(name), Some(address)) => format!("{name}|{address}"),
                _ => url(site)?,
            },
        };
        Some(bounded(key))
    }
}

/// The text of a cell that is not blank.
pub(super) fn text(row: &[Value], index: Option<usize>) -> Option<Cow<'_, str>> {
    row.get(index?).filter(|cell| !values::is_blank(cell)).map(values::cell_text)
}

fn bounded(key: String) -> String {
    if key.len() <= MAX_KEY {
        return key;
    }
    let digest = columns::digest(&key);
    let mut short = cut(key, MAX_KEY - TAIL);
    short.push('#');
    for byte in digest {
        short.push_str(&format!("{byte:02x}"));
    }
    short
}

/// A text of at most so many bytes.
pub(super) fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(module: Module, columns: &[&str], row: &Value) -> Option<String> {
        let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        Keys::new(module, &names).of(row.as_array().expect("a row"))
    }

    #[test]
    fn keys_by_type() {
        let place = ["Name", "address", "Website", "lien_google_maps"];
        let of = |row: Value| key(Module::Scrap, &place, &row);
        assert_eq!(of(json!(["A", "B", "c.fr", "HTTP://M.Test/1#x"])).as_deref(), Some("http://m.test/1"));
        assert_eq!(of(json!(["Café É", "1, rue", "c.fr", "no link"])).as_deref(), Some("cafe_e|1_rue"));
        assert_eq!(of(json!(["A", " ", "c.fr", null])).as_deref(), Some("https://c.fr/"));
        assert_eq!(of(json!(["--", "B", "c.fr"])).as_deref(), Some("https://c.fr/"));
        assert_eq!(of(json!(["A", null, "no site", ""])), None);
        assert_eq!(of(json!([])), None);
        let of = |row: Value| key(Module::VerifyEmails, &["Mail"], &row);
        assert_eq!(of(json!([" Mailto:A.B@C.fr "])).as_deref(), Some("a.b@c.fr"));
        assert_eq!(of(json!(["not @ one"])).as_deref(), Some("not_one"));
        assert_eq!(of(json!([" "])), None);
        let of = |row: Value| key(Module::Reviews, &["lien_google_maps", "reviewer_name", "review_text"], &row);
        assert_eq!(of(json!(["m.test", "Zoé", "Bien !"])).as_deref(), Some("https://m.test/|zoe|bien"));
        assert_eq!(of(json!(["m.test", "Zoé", null])).as_deref(), Some("https://m.test/|zoe|"));
        assert_eq!(of(json!(["m.test", "", " "])), None);
        assert_eq!(of(json!([null, "Zoé", "Bien"])), None);
    }

    #[test]
    fn long_keys_are_cut_and_still_differ() {
        let of = |text: String| key(Module::Scrap, &["nom", "adresse"], &json!([text, "x"])).expect("a key");
        let (one, two) = (of("é".repeat(500)), of(format!("{}a", "é".repeat(500))));
        assert!(one.len() <= MAX_KEY && two.len() <= MAX_KEY && one != two);
        assert_eq!(of("a".repeat(MAX_KEY - 2)).len(), MAX_KEY);
    }
}
