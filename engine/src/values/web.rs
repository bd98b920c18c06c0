//! URLs and domains (outsend 11.4).

use url::{Host, Url};

/// A normalised URL; `None` when the text is none, which counts as an empty cell (outsend 11.4).
#[must_use]
pub fn url(text: &str) -> Option<String> {
    parse(text).map(String::from)
}

fn parse(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    let with_scheme = if scheme(text) { text.to_owned() } else { format!("https://{}", text.trim_start_matches('/')) };
    let mut url = Url::parse(&with_scheme).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    Some(url)
}

/// Whether a text begins with a scheme: `localhost:80` and `exemple.fr:8080` do not.
fn scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, rest)| {
        name.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && (rest.starts_with("//") || !(rest.starts_with(|next: char| next.is_ascii_digit()) || name.contains('.')))
    })
}

/// The lower-case host of a URL, in punycode and without the dot at its end (outsend 11.4).
#[must_use]
pub fn host(text: &str) -> Option<String> {
    parse(text)?.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

/// A domain of at least two labels, lower case and in punycode (outsend 11.4, the part of an address after `@`).
#[must_use]
pub fn domain(text: &str) -> Option<String> {
    // the parser would also decode percent signs and read IPv4 addresses: only letters get that far
    if text.bytes().any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'-' && byte != b'.') {
        return None;
    }
    // most names are in the form already that the parser would give them
    let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let domain = if text.bytes().all(usual) && !text.contains("xn--") {
        text.to_owned()
    } else {
        let Ok(Host::Domain(domain)) = Host::parse(text) else { return None };
        domain
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, last) = domain.rsplit_once('.')?;
    let top = last.starts_with("xn--") || last.bytes().all(|byte| byte.is_ascii_alphabetic());
    (top && domain.len() <= 253 && domain.split('.').all(label)).then_some(domain)
}

/// Second levels below which others register their names.
const SHARED: [&str; 8] = ["ac", "asso", "co", "com", "edu", "gouv", "net", "org"];

/// The label of a site's domain that is its own name: `dupont` of `https://www.dupont.co.uk/` (outsend 11.4, e-mail
/// kind).
#[must_use]
pub fn site_label(site: &str) -> Option<String> {
    let host = host(site)?;
    let labels: Vec<&str> = host.split('.').collect();
    let suffix = match labels.as_slice() {
        [.., _, second, _] if SHARED.contains(second) => 2,
        _ => 1,
    };
    labels.len().checked_sub(suffix + 1).and_then(|index| labels.get(index)).map(|label| (*label).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, expected) in [
            (" exemple.fr ", Some("https://exemple.fr/")),
            ("HTTP://WWW.Exemple.FR:80/A?b=C#d", Some("http://www.exemple.fr/A?b=C")),
            ("https://bücher.example:443", Some("https://xn--bcher-kva.example/")),
            ("exemple.fr:8080/x", Some("https://exemple.fr:8080/x")),
            ("//exemple.fr", Some("https://exemple.fr/")),
            ("ftp://exemple.fr", None),
            ("mailto:a@exemple.fr", None),
            ("javascript:alert(1)", None),
            ("https://user@exemple.fr", None),
            ("https://u:p@exemple.fr", None),
            ("pas de site", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(url(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn domains() {
        assert_eq!(domain("Exemple.FR").as_deref(), Some("exemple.fr"));
        assert_eq!(domain("bücher.de").as_deref(), Some("xn--bcher-kva.de"));
        assert_eq!(domain("exemple.рф").as_deref(), Some("exemple.xn--p1ai"));
        for text in
            ["fr", "a..fr", ".fr", "a.fr.", "-a.fr", "a-.fr", "a_b.fr", "1.2.3.4", "%41.fr", "a.b2", "a b.fr", ""]
        {
            assert_eq!(domain(text), None, "{text}");
        }
        assert_eq!(domain(&format!("{}.fr", "a".repeat(64))), None);
    }

    #[test]
    fn labels_of_sites() {
        for (site, label) in [
            ("https://www.dupont.fr/contact", Some("dupont")),
            ("shop.dupont.co.uk", Some("dupont")),
            ("com.fr", Some("com")),
            ("localhost", None),
        ] {
            assert_eq!(site_label(site).as_deref(), label, "{site}");
        }
    }
}
