//! Where participants go (outset 14).

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

/// The query parameter that carries the session.
const SESSION: &str = "outset_session";

/// The completion URL with each `{key}` filled from the session's metadata, then encoded as a `Location`.
#[must_use]
pub fn completion_location(template: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let key = after.split_once('}').filter(|(key, _)| is_key(key));
        match key {
            Some((key, left)) => {
                let value = lookup(key).unwrap_or_default();
                encode(&mut filled, &value, |byte| matches!(byte, b'-' | b'.' | b'_' | b'~'));
                rest = left;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    as_location(&filled)
}

/// What cannot stand in a URL is percent-encoded, as Django does for `Location`.
fn as_location(url: &str) -> String {
    let mut location = String::new();
    encode(&mut location, url, |byte| b"-._~/#%[]=:;$&()+,!?*@'".contains(&byte));
    location
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn encode(text: &mut String, part: &str, keep: impl Fn(u8) -> bool) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || keep(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// The target URL with `outset_session` in its query, in place of an older one.
#[must_use]
pub fn add_session(target: &str, session: &str) -> String {
    let (url, fragment) = target.split_once('#').map_or((target, None), |(url, fragment)| (url, Some(fragment)));
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let is_session = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq(SESSION.bytes())
    };
    let mut pairs: Vec<&str> = if query.is_empty() { Vec::new() } else { query.split('&').collect() };
    pairs.retain(|pair| !is_session(pair));
    let mut value = String::new();
    encode(&mut value, session, |byte| matches!(byte, b'-' | b'.' | b'_' | b'~'));
    let added = format!("{SESSION}={value}");
    pairs.push(&added);
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    as_location(&format!("{path}?{}{fragment}", pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_examples() {
        let lookup = |key: &str| (key == "participant-id").then(|| "a b&c".to_owned());
        let filled = completion_location("https://p.com/c?pid={participant-id}&x={none}", lookup);
        assert_eq!(filled, "https://p.com/c?pid=a%20b%26c&x=");
        assert_eq!(
            completion_location("https://ü.de/{a{b c}\"{}", |_| None),
            "https://%C3%BC.de/%7Ba%7Bb%20c%7D%22%7B%7D"
        );
        assert_eq!(completion_location("/{a}", |_| Some("ü/{b}".to_owned())), "/%C3%BC%2F%7Bb%7D");
        assert_eq!(add_session("https://proto.test/app?v=2", "s"), "https://proto.test/app?v=2&outset_session=s");
        let kept = "https://p.test/?a={b}&&c=%zz&outset_session=s";
        assert_eq!(add_session("https://p.test/?a={b}&&c=%zz", "s"), kept.replace('{', "%7B").replace('}', "%7D"));
        assert_eq!(add_session("https://p.test?outset%5Fsession=old", "s"), "https://p.test?outset_session=s");
        assert_eq!(add_session("https://p.test#f", "s"), "https://p.test?outset_session=s#f");
        assert_eq!(add_session("https://p.test?outset_session=old&a=1", "s"), "https://p.test?a=1&outset_session=s");
    }
}
