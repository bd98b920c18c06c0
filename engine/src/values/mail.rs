//! E-mail addresses and whose they are (outsend 11.4).

use super::{fold::fold, web::domain};
use crate::lists;

/// A normalised address; `None` when its syntax is wrong (outsend 11.4).
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    let (local, rest) = text.split_once('@')?;
    // a question mark may be part of the name; only one behind the `@` begins a query
    let host = rest.split_once('?').map_or(rest, |(host, _)| host).trim_end();
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".!#$%&'*+/=?^_{}~-".contains(&byte);
    let well_formed = (1..=64).contains(&local.len())
        && local.bytes().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    if !well_formed {
        return None;
    }
    let address = format!("{local}@{}", domain(host)?);
    (address.len() <= 254).then_some(address)
}

/// The valid addresses of a cell that may hold several, split on `,` `;` `|` and white space (outsend 12.18 rule 6).
pub fn addresses(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split(|letter: char| matches!(letter, ',' | ';' | '|') || letter.is_whitespace()).filter_map(email)
}

/// Whose an address is, worst first (outsend 11.4, 12.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A function's.
    Role,
    /// Nothing says whose.
    Unknown,
    /// A person's.
    Personal,
}

/// Whose a normalised address is; `label` is the name in the domain of the site where it was found (outsend 11.4).
#[must_use]
pub fn kind(address: &str, label: Option<&str>) -> Kind {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let local = local.split_once('+').map_or(local, |(name, _)| name);
    let folded = fold(local);
    let name = folded.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches('_');
    let tokens: Vec<&str> = name.split('_').collect();
    if lists::is_role(name) || tokens.first().is_some_and(|first| lists::is_role(first)) {
        return Kind::Role;
    }
    let label = label.map(fold).unwrap_or_default();
    let own = |token: &str| !lists::is_role(token) && label != token && label.split('_').all(|part| part != token);
    let alphabetic = |token: &str| !token.is_empty() && token.chars().all(char::is_alphabetic);
    let personal = match tokens.as_slice() {
        [single] => lists::is_first_name(single),
        [_, _] | [_, _, _] => {
            tokens.iter().all(|token| alphabetic(token) && own(token))
                && tokens.iter().any(|token| token.chars().count() >= 3)
        }
        _ => false,
    };
    if personal { Kind::Personal } else { Kind::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax() {
        for (text, expected) in [
            (" Jean.Dupont@Exemple.FR ", Some("jean.dupont@exemple.fr")),
            ("mailto:info@exemple.fr?subject=Hello", Some("info@exemple.fr")),
            ("MAILTO:info@exemple.fr?cc=a@b.fr", Some("info@exemple.fr")),
            ("a?b@exemple.fr", Some("a?b@exemple.fr")),
            ("o'neil+tag@exemple.fr", Some("o'neil+tag@exemple.fr")),
            ("info@bücher.de", Some("info@xn--bcher-kva.de")),
            (".a@exemple.fr", None),
            ("a.@exemple.fr", None),
            ("a..b@exemple.fr", None),
            ("é@exemple.fr", None),
            ("a b@exemple.fr", None),
            ("a@b@exemple.fr", None),
            ("a@exemple", None),
            ("a@exemple.fr.", None),
            ("a@1.2.3.4", None),
            ("a@[1.2.3.4]", None),
            ("a@-exemple.fr", None),
            ("@exemple.fr", None),
            ("a@", None),
            ("", None),
        ] {
            assert_eq!(email(text).as_deref(), expected, "{text}");
        }
        assert!(email(&format!("{}@exemple.fr", "a".repeat(64))).is_some());
        assert_eq!(email(&format!("{}@exemple.fr", "a".repeat(65))), None);
        let long = format!("{0}.{0}.{0}.fr", "a".repeat(62));
        assert!(email(&format!("{}@{long}", "a".repeat(61))).is_some());
        assert_eq!(email(&format!("{}@{long}", "a".repeat(64))), None);
    }

    #[test]
    fn kinds() {
        for (address, label, expected) in [
            ("info@a.fr", None, Kind::Role),
            ("contact-paris@a.fr", None, Kind::Role),
            ("contact2024@a.fr", None, Kind::Role),
            ("info+web@a.fr", None, Kind::Role),
            ("jean.dupont@a.fr", None, Kind::Personal),
            ("j.dupont75@a.fr", None, Kind::Personal),
            ("j-p.martin@a.fr", None, Kind::Personal),
            ("marie@a.fr", None, Kind::Personal),
            ("marie_12@a.fr", None, Kind::Personal),
            ("a.b@a.fr", None, Kind::Unknown),
            ("boutique12x@a.fr", None, Kind::Unknown),
            ("garage.dupont@a.fr", Some("garage-dupont"), Kind::Unknown),
            ("jean.dupont@dupont.fr", Some("dupont"), Kind::Unknown),
            ("jean.service@a.fr", None, Kind::Unknown),
            ("un.deux.trois.quatre@a.fr", None, Kind::Unknown),
            ("123@a.fr", None, Kind::Unknown),
        ] {
            assert_eq!(kind(address, label), expected, "{address}");
        }
        assert!(Kind::Role < Kind::Unknown && Kind::Unknown < Kind::Personal);
    }

    #[test]
    fn cells_with_several_addresses() {
        let found: Vec<String> = addresses("a@b.fr; C@D.fr|e@f.fr , non g@h.fr").collect();
        assert_eq!(found, ["a@b.fr", "c@d.fr", "e@f.fr", "g@h.fr"]);
        assert_eq!(addresses("").count(), 0);
    }
}
