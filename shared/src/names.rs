//! Names that strangers choose: of people, organizations, clients and keys. They stand in mails, on consent pages and in
//! lists of others, so they hold neither lines nor marks that nobody sees, nor a web address (outsend 6.3, openscouter 7).

use unicode_normalization::UnicodeNormalization as _;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It holds a line break, a control or format character, or one that shows nothing.
    Invisible,
    /// It holds a web address.
    Address,
}

/// The name of somebody whose address gives none.
const NOBODY: &str = "user";
/// What an address of the web begins with, beside `…://`.
const SCHEMES: [&str; 7] = ["http:", "https:", "ftp:", "mailto:", "tel:", "javascript:", "data:"];

/// Checks a name.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str) -> Result<(), NameFault> {
    if name.chars().any(is_invisible) {
        return Err(NameFault::Invisible);
    }
    // wide forms and their kin lead to the same place
    let plain: String =
        name.nfkc().flat_map(char::to_lowercase).map(|c| if c == '\u{3002}' { '.' } else { c }).collect();
    let around = |c: char| !c.is_alphanumeric() && c != '/' && c != '.';
    let mut words = plain.split_whitespace().map(|word| word.trim_matches(around));
    if plain.contains("://") || words.any(is_address) { Err(NameFault::Address) } else { Ok(()) }
}

/// Whether a word is an address that a mail program would make a link of: with a scheme, with `www.`, or a host with a
/// port, path or query.
fn is_address(word: &str) -> bool {
    let begins = |scheme: &str| word.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
    if word.starts_with("www.") || SCHEMES.iter().any(|scheme| begins(scheme)) {
        return true;
    }
    let Some((host, _)) = word.split_once(['/', ':', '?', '#']) else { return false };
    let labels: Vec<_> = host.split('.').collect();
    let letters = |label: &str| label.chars().count() > 1 && label.chars().all(char::is_alphabetic);
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
        && labels.last().is_some_and(|last| letters(last))
}

/// Whether a character breaks a line, controls, formats or shows nothing: Unicode's Cc, Cf, Zl, Zp, the fillers, and the
/// joiner that joins nothing.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}'
        | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// The name that the local part of an e-mail address gives, where none was chosen.
#[must_use]
pub fn of_local_part(local: &str) -> String {
    if !local.chars().any(char::is_alphanumeric) {
        return NOBODY.to_owned();
    }
    if check(local).is_ok() {
        return local.to_owned();
    }
    let plain: String = local.chars().filter(|c| c.is_alphanumeric() || "._-+".contains(*c)).collect();
    if check(&plain).is_err() { NOBODY.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_none() {
        for name in
            ["Zoë O'Neil-Łuk", "J.R.R. Roe", "Node.js GmbH", "Roe: a company", "a/b", "dana.roe", "❤\u{fe0f}", "3.5/5"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["a\nb", "a\u{200d}b", "\u{2066}a", "a\u{e0041}"] {
            assert_eq!(check(name), Err(NameFault::Invisible), "{name:?}");
        }
        for name in
            ["see http://a", "WWW.a.test", "\"a.test/x\"", "a.test:80", "javascript:alert(1)", "a\u{3002}test/x"]
        {
            assert_eq!(check(name), Err(NameFault::Address), "{name}");
        }
    }

    #[test]
    fn names_of_addresses() {
        assert_eq!(of_local_part("dana.roe+x"), "dana.roe+x");
        assert_eq!(of_local_part("a.test/x"), "a.testx");
        assert_eq!(of_local_part("www.a.test"), NOBODY);
    }
}
