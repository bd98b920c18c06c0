//! The values of a row that are compared from run to run (outsend 15.4).

use psl::Psl as _;
use serde_json::Value;
use url::Url;

use super::key::{cut, text};
use crate::{columns, values};

/// Most bytes of a telephone number that are kept to be shown.
const MAX_PHONE: usize = 128;
/// Most bytes of a site that are kept to be shown.
const MAX_SITE: usize = 2_048;

/// What can change (outsend 15.4), in the contract's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// `rating`
    Rating,
    /// `reviews_count`
    Reviews,
    /// `telephone`
    Telephone,
    /// `site_web`
    Site,
}

impl Change {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::Reviews => "reviews_count",
            Self::Telephone => "telephone",
            Self::Site => "site_web",
        }
    }

    /// Whether it is a change of how somebody is reached (`contact_changes`, outsend 15.5).
    #[must_use]
    pub const fn is_contact(self) -> bool {
        matches!(self, Self::Telephone | Self::Site)
    }
}

/// A telephone number or a site: as the row has it, and what it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    /// As the row has it; a very long one is cut.
    pub given: String,
    form: String,
}

impl Contact {
    fn new(given: &str, most: usize, form: String) -> Self {
        Self { given: cut(given.trim().to_owned(), most), form }
    }
}

/// The values of a row that are compared; `None` when one is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Compared {
    /// The rating.
    pub rating: Option<f64>,
    /// The number of reviews.
    pub reviews: Option<f64>,
    /// The telephone number.
    pub telephone: Option<Contact>,
    /// The site.
    pub site: Option<Contact>,
}

impl Compared {
    /// What changed from `self` to `after`, in the contract's order. Numbers change where both are known; a number or
    /// a site also by coming or going.
    #[must_use]
    pub(super) fn changes(&self, after: &Self) -> Vec<Change> {
        #[expect(clippy::float_cmp, reason = "any other number is a change")]
        let number = |before: Option<f64>, after: Option<f64>| matches!((before, after), (Some(a), Some(b)) if a != b);
        let form = |contact: &Option<Contact>| contact.as_ref().map(|contact| contact.form.clone());
        let changed = [
            (Change::Rating, number(self.rating, after.rating)),
            (Change::Reviews, number(self.reviews, after.reviews)),
            (Change::Telephone, form(&self.telephone) != form(&after.telephone)),
            (Change::Site, form(&self.site) != form(&after.site)),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(change, _)| change).collect()
    }
}

/// Where a table has what is compared.
#[derive(Debug)]
pub(super) struct ComparedColumns {
    rating: Option<usize>,
    reviews: Option<usize>,
    telephone: Option<usize>,
    site: Option<usize>,
    address: Option<usize>,
}

impl ComparedColumns {
    /// Looks for the columns by their names and aliases.
    #[must_use]
    pub(super) fn new(names: &[String]) -> Self {
        let find = |name: &str| columns::find(names, name);
        Self {
            rating: find("rating"),
            reviews: find("reviews_count"),
            telephone: find("telephone"),
            site: find("site_web"),
            address: find("adresse"),
        }
    }

    /// The cells that its values are read from; empty ones where there is none.
    pub(super) fn cells<'a>(&self, row: &'a [Value]) -> [Option<&'a Value>; 5] {
        [self.rating, self.reviews, self.telephone, self.site, self.address].map(|index| row.get(index?))
    }

    /// A row's values.
    #[must_use]
    pub(super) fn of(&self, row: &[Value]) -> Compared {
        let number = |index: Option<usize>| row.get(index?).and_then(values::number);
        let contact = |index: Option<usize>, most: usize, form: &dyn Fn(&str) -> Option<String>| {
            let given = text(row, index)?;
            form(&given).map(|form| Contact::new(&given, most, form))
        };
        let address = text(row, self.address).unwrap_or_default();
        Compared {
            rating: number(self.rating),
            reviews: row.get(self.reviews.unwrap_or(usize::MAX)).and_then(values::count),
            telephone: contact(self.telephone, MAX_PHONE, &|given| phone_form(given, &address)),
            site: contact(self.site, MAX_SITE, &site_form),
        }
    }
}

/// A number in E.164, else its digits; `None` when it has none.
fn phone_form(given: &str, address: &str) -> Option<String> {
    let digits = || given.chars().filter(char::is_ascii_digit).collect::<String>();
    values::phone(given, values::country(address)).or_else(|| Some(digits()).filter(|digits| !digits.is_empty()))
}

/// A site's registrable domain and path; `None` when the text is no URL, which counts as an empty cell (outsend 11.4).
fn site_form(given: &str) -> Option<String> {
    let url = Url::parse(&values::url(given)?).ok()?;
    let host = url.host_str()?.trim_end_matches('.');
    let named = url.domain().is_some();
    let site = if named { psl::List.domain(host.as_bytes()) } else { None };
    let site = site.and_then(|domain| std::str::from_utf8(domain.as_bytes()).ok()).unwrap_or(host);
    Some(format!("{site}{}", url.path()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(row: &Value) -> Compared {
        let names: Vec<String> = ["note", "nb_avis", "Phone", "url", "Address"].map(str::to_owned).into();
        ComparedColumns::new(&names).of(row.as_array().expect("a row"))
    }

    fn changes(before: &Value, after: &Value) -> Vec<&'static str> {
        of(before).changes(&of(after)).into_iter().map(Change::as_str).collect()
    }

    #[test]
    fn what_counts_as_a_change() {
        let base = json!([4.5, 100, "01 23 45 67 89", "https://www.a.co.uk/x?y", ""]);
        for (after, expected) in [
            (json!(["4,5", "100", "+33123456789", "http://shop.a.co.uk/x", ""]), vec![]),
            (json!([null, "many", "0033123456789", "a.co.uk/x#z"]), vec![]),
            (json!([4.4, 100, "0123456789", "a.co.uk/x"]), vec!["rating"]),
            (json!([4.5, 99, "0123456780", "b.co.uk/x"]), vec!["reviews_count", "telephone", "site_web"]),
            (json!([4.5, 100, "", "a.co.uk/X"]), vec!["telephone", "site_web"]),
            (json!([4.5, 100, "0123456789", "no site"]), vec!["site_web"]),
            (json!([4.5, 100, "none", "a.co.uk"]), vec!["telephone", "site_web"]),
        ] {
            assert_eq!(changes(&base, &after), expected, "{after}");
        }
        // the country of an address, and digits where there is no number
        let belgian = json!([null, null, "02 123 45 67", null, "Bruxelles, Belgique"]);
        assert_eq!(changes(&belgian, &json!([null, null, "+32 2 123 45 67", null, null])), Vec::<&str>::new());
        assert_eq!(changes(&json!([null, null, "12-34"]), &json!([null, null, "1234"])), Vec::<&str>::new());
        let hosts = |one: &str, two: &str| changes(&json!([1, 1, 1, one]), &json!([1, 1, 1, two])).is_empty();
        assert!(hosts("http://192.0.2.1/a", "192.0.2.1/a") && !hosts("192.0.2.1", "192.0.3.1"));
        assert!(!hosts("a.github.io", "b.github.io"), "a public suffix");
    }

    #[test]
    fn what_is_shown_is_as_given_and_bounded() {
        let long = format!("a.fr/{}", "é".repeat(3_000));
        let compared = of(&json!([4, 1e3, format!("+33123456789{}", " ".repeat(400)), long]));
        assert_eq!((compared.rating, compared.reviews), (Some(4.0), Some(1_000.0)));
        assert_eq!(compared.telephone.expect("a number").given, "+33123456789");
        assert!(compared.site.expect("a site").given.len() <= MAX_SITE);
    }
}
