//! E-mail addresses and whose they are (outsend 11.4).

use std::collections::HashSet;

use super::{fold::fold, plain::plain, web::domain};
use crate::lists;

/// A normalised address; `None` when its syntax is wrong (outsend 11.4).
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let text = plain(text).trim().to_lowercase();
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

/// The valid addresses of a cell that may hold several, split on `,` `;` `|` and white space, whatever words stand
/// beside them, and without what they stand in (outsend 12.18 rule 6).
pub fn addresses(cell: &str) -> impl Iterator<Item = String> + '_ {
    let words = cell.split(|letter: char| matches!(letter, ',' | ';' | '|') || letter.is_whitespace());
    words.flat_map(|word| email(word).map(|address| vec![address]).or_else(|| of_word(word)).unwrap_or_default())
}

/// Most addresses that are read of one cell.
const MAX_MAILBOXES: usize = 20;

/// The addresses that a cell means, normalised: those of `Name <a@b.fr>`, of lists, with what people write around them
/// (outsend 12.5). Empty when it holds none, or when it cannot be told what is meant.
#[must_use]
pub fn mailboxes(cell: &str) -> Vec<String> {
    if let Some(address) = email(cell) {
        return vec![address];
    }
    let text = plain(cell);
    // a list as JSON has it
    let listed =
        text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|text| text.contains('@'));
    let text = listed.unwrap_or(&text);
    let angled = |part: &str| -> Vec<String> {
        part.split('<').skip(1).filter_map(|inside| email(inside.split_once('>')?.0)).collect()
    };
    // a comma of a name parts it from its address, which loses nothing
    let parts = text.split([',', ';', '|', '\n', '\r']).filter(|part| part.contains('@'));
    let mut found: Vec<String> =
        parts.flat_map(|part| if part.contains('<') { angled(part) } else { words(part) }).collect();
    let mut seen = HashSet::new();
    found.retain(|address| seen.insert(address.clone()));
    found.truncate(MAX_MAILBOXES);
    found
}

/// The addresses among the words between two separators. Beside them may be a label (`mail:`), a remark in parentheses, a bullet,
/// and what joins two of them (`/`, `et`); of anything else nobody knows whether it is a part of the address.
fn words(part: &str) -> Vec<String> {
    const JOINING: [&str; 16] = [
        "et", "ou", "and", "or", "und", "oder", "y", "/", "-", "\u{2013}", "\u{2014}", "\u{2022}", "\u{b7}", "&", "+",
        "*",
    ];
    if let Some(address) = email(part) {
        return vec![address];
    }
    let mut remark = 0_usize;
    let mut found = Vec::new();
    for word in labelled(part).unwrap_or(part).split_whitespace() {
        remark += word.matches('(').count();
        let outside = remark == 0 || (word.starts_with('(') && word.ends_with(')'));
        remark = remark.saturating_sub(word.matches(')').count());
        let joins = || JOINING.contains(&&*word.to_lowercase());
        if word.contains('@') {
            let Some(addresses) = of_word(word) else { return Vec::new() };
            found.extend(addresses);
        } else if outside && !word.ends_with(':') && !word.starts_with('(') && !joins() {
            return Vec::new();
        }
    }
    found
}

/// The addresses of a word: one, or several with a slash between them.
fn of_word(word: &str) -> Option<Vec<String>> {
    let one = |word: &str| email(bare(word)).or_else(|| email(bare(labelled(word)?)));
    if let Some(address) = one(word) {
        return Some(vec![address]);
    }
    let parts = || word.split('/');
    let several = parts().all(|part| part.contains('@'));
    if several { parts().map(one).collect() } else { None }
}

/// What stands behind the label that a text begins with: `mail:a@b.fr`, `Adresse e-mail : a@b.fr`.
fn labelled(text: &str) -> Option<&str> {
    const LABELS: [&str; 25] = [
        "e",
        "smtp",
        "mail",
        "mails",
        "email",
        "emails",
        "courriel",
        "mel",
        "mailto",
        "contact",
        "adresse",
        "address",
        "de",
        "messagerie",
        "electronique",
        "principal",
        "principale",
        "professionnel",
        "professionnelle",
        "personnel",
        "personnelle",
        "pro",
        "perso",
        "work",
        "home",
    ];
    let (label, rest) = text.split_once(':')?;
    fold(label).split('_').all(|word| LABELS.contains(&word)).then_some(rest)
}

/// A word without what ends a sentence or a quotation, and without the pair of quotes or parentheses that it stands in.
fn bare(word: &str) -> &str {
    let word = word.trim_start_matches('`').trim_end_matches(['.', '!', '`']);
    let pair =
        [('<', '>'), ('(', ')'), ('[', ']'), ('"', '"'), ('\'', '\''), ('\u{ab}', '\u{bb}'), ('\u{201c}', '\u{201d}')];
    let inside = pair.iter().find_map(|(open, close)| word.strip_prefix(*open)?.strip_suffix(*close));
    inside.unwrap_or(word).trim_end_matches(['.', '>', '\''])
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

/// Whether a folded local part says somewhere that nobody reads what is sent there: `news-noreply`.
fn is_unread(name: &str) -> bool {
    const WORDS: [&str; 6] = ["no_reply", "noreply", "do_not_reply", "donotreply", "ne_pas_repondre", "nepasrepondre"];
    let name = format!("_{name}_");
    WORDS.iter().any(|words| name.contains(&format!("_{words}_")))
}

/// Whose a normalised address is; `label` is the name in the domain of the site where it was found (outsend 11.4).
#[must_use]
pub fn kind(address: &str, label: Option<&str>) -> Kind {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let local = local.split_once('+').map_or(local, |(name, _)| name);
    let folded = fold(local);
    let name = folded.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches('_');
    let tokens: Vec<&str> = name.split('_').collect();
    // `contact-paris`, `no-reply-news`: what is behind a function says where
    let begins = name.match_indices('_').filter_map(|(end, _)| name.get(..end));
    if begins.chain([name]).any(lists::is_role) || is_unread(name) {
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
            ("sales.team@a.fr", None, Kind::Role),
            ("jean.contact@a.fr", None, Kind::Unknown),
            ("informatique@a.fr", None, Kind::Unknown),
            ("no-reply@a.fr", None, Kind::Role),
            ("no-reply-news@a.fr", None, Kind::Role),
            ("no.reply.shop@a.fr", None, Kind::Role),
            ("shop-noreply@a.fr", None, Kind::Role),
            ("ne-pas-repondre@a.fr", None, Kind::Role),
            ("nepasrepondre@a.fr", None, Kind::Role),
            ("mailer-daemon-eu@a.fr", None, Kind::Role),
            ("marie.noreplya@a.fr", None, Kind::Personal),
        ] {
            assert_eq!(kind(address, label), expected, "{address}");
        }
        assert!(Kind::Role < Kind::Unknown && Kind::Unknown < Kind::Personal);
    }

    #[test]
    fn what_nobody_sees_is_no_part_of_an_address() {
        for text in [
            "\u{200b}ada@good.test",
            "ada@good.test\u{200b}",
            "a\u{ad}da@good.test",
            "ada@good\u{200b}.test",
            "ada@go\u{2060}od.te\u{fe0f}st",
            "\u{feff}ADA@good.test\u{a0}",
            "ada＠good．test",
            "ａｄａ@good。test",
        ] {
            assert_eq!(email(text).as_deref(), Some("ada@good.test"), "{text:?}");
        }
        assert_eq!(email("a@bu\u{308}cher.test"), email("a@b\u{fc}cher.test"));
        assert_eq!(email("a@b\u{fc}cher.test").as_deref(), Some("a@xn--bcher-kva.test"));
        // a blank within is seen by nobody either, and what stands before it may be another word
        assert_eq!(email("ada\u{a0}@good.test"), None);
    }

    #[test]
    fn mailboxes_as_people_write_them() {
        for (cell, expected) in [
            ("Ada Love <ada@good.test>", vec!["ada@good.test"]),
            ("\"Love, Ada\" <ada@good.test>, Bob <bob@good.test>", vec!["ada@good.test", "bob@good.test"]),
            ("<ada@good.test>", vec!["ada@good.test"]),
            ("ada@good.test, bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test; ADA@good.test", vec!["ada@good.test"]),
            ("ada@good.test | bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test ::: bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test.", vec!["ada@good.test"]),
            ("ada@good.test,", vec!["ada@good.test"]),
            ("(ada@good.test)", vec!["ada@good.test"]),
            ("'ada@good.test'", vec!["ada@good.test"]),
            ("ada@good.test (work, in the morning)", vec!["ada@good.test"]),
            ("E-mail : ada@good.test", vec!["ada@good.test"]),
            ("E-mail\u{a0}: ada@good.test", vec!["ada@good.test"]),
            ("Adresse e-mail : ada@good.test (work)", vec!["ada@good.test"]),
            ("mail:ada@good.test", vec!["ada@good.test"]),
            ("E-Mail:ada@good.test", vec!["ada@good.test"]),
            ("ada:bob@good.test", vec![]),
            ("ada@good.test / bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test/bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test et bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test AND bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test - bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("\u{2022} ada@good.test", vec!["ada@good.test"]),
            ("ada@good.test + bob", vec![]),
            ("[\"ada@good.test\", \"bob@good.test\"]", vec!["ada@good.test", "bob@good.test"]),
            ("['ada@good.test']", vec!["ada@good.test"]),
            ("SMTP:ada@good.test;smtp:bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test oder bob@good.test", vec!["ada@good.test", "bob@good.test"]),
            ("ada@good.test!", vec!["ada@good.test"]),
            ("ada@good.test>", vec!["ada@good.test"]),
            ("`ada@good.test`", vec!["ada@good.test"]),
            ("ada@good.test'", vec!["ada@good.test"]),
            ("_ love@good.test", vec![]),
            ("\u{2026} love@good.test", vec![]),
            ("Ne plus utiliser : ada@good.test", vec![]),
            ("http: ada@good.test", vec!["ada@good.test"]),
            ("ada\u{fe6b}good.test", vec!["ada@good.test"]),
            ("email: ada@good.test", vec!["ada@good.test"]),
            ("mailto:Ada@good.test?subject=Hi", vec!["ada@good.test"]),
            ("ada@good.test\r\nbcc: x@good.test", vec!["ada@good.test", "x@good.test"]),
            ("o'neil@good.test", vec!["o'neil@good.test"]),
            ("\"ada\"@good.test", vec![]),
            ("ada 19@good.test", vec![]),
            ("ada @good.test", vec![]),
            ("ada@ good.test", vec![]),
            ("ada@@good.test", vec![]),
            ("http://ada@good.test", vec![]),
            ("ada[at]good.test", vec![]),
            ("ada@[127.0.0.1]", vec![]),
            ("ada@[IPv6:::1]", vec![]),
            ("h\u{e4}nchen@good.test", vec![]),
            ("a/b=c@good.test", vec!["a/b=c@good.test"]),
            ("ada\\24@good.test", vec![]),
            ("ada@good.test/", vec![]),
            ("ada@sub_domain.test", vec![]),
            ("ada%40good.test", vec![]),
            ("ada@good..test", vec![]),
            ("-ada@good.test", vec!["-ada@good.test"]),
            ("ada@xn--a.test", vec![]),
            ("ada@\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}.\u{440}\u{444}", vec!["ada@xn--e1afmkfd.xn--p1ai"]),
            ("42", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(mailboxes(cell), expected, "{cell:?}");
        }
        let many: Vec<String> = (0..100).map(|number| format!("a{number}@good.test")).collect();
        assert_eq!(mailboxes(&many.join(";")).len(), MAX_MAILBOXES);
    }

    #[test]
    fn cells_with_several_addresses() {
        let found: Vec<String> = addresses("a@b.fr; C@D.fr|e@f.fr , non g@h.fr").collect();
        assert_eq!(found, ["a@b.fr", "c@d.fr", "e@f.fr", "g@h.fr"]);
        assert_eq!(addresses("").count(), 0);
        for cell in [
            "Ada Love <ada@good.test>",
            "\"Love, Ada\" <ada@good.test>.",
            "(ada@good.test)",
            "mail: ada@good.test.",
            "mail:ada@good.test",
        ] {
            assert_eq!(addresses(cell).collect::<Vec<_>>(), ["ada@good.test"], "{cell:?}");
        }
    }
}
