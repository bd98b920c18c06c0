//! Where participants go (outset 14).

use std::fmt::Write as _;

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
    let mut location = String::new();
    encode(&mut location, &filled, |byte| b"-._~/#%[]=:;$&()+,!?*@'".contains(&byte));
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
    let kept = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> =
        kept.filter(|pair| pair.split('=').next() != Some("outset_session")).map(str::to_owned).collect();
    pairs.push(format!("outset_session={session}"));
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    let location = format!("{path}?{}{fragment}", pairs.join("&"));
    completion_location(&location, |_| None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_examples() {
        let lookup = |key: &str| (key == "participant-id").then(|| "a b&c".to_owned());
        let filled = completion_location("https://p.com/c?pid={participant-id}&x={none}", lookup);
        assert_eq!(filled, "https://p.com/c?pid=a%20b%26c&x=");
        assert_eq!(add_session("https://proto.test/app?v=2", "s"), "https://proto.test/app?v=2&outset_session=s");
        assert_eq!(add_session("https://p.test#f", "s"), "https://p.test?outset_session=s#f");
        assert_eq!(add_session("https://p.test?outset_session=old&a=1", "s"), "https://p.test?a=1&outset_session=s");
    }
}
