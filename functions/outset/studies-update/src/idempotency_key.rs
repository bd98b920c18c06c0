//! `Idempotency-Key` (outset 13.4).

/// The header is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// Reads a key: 1 to 255 visible ASCII characters, optionally as a quoted string.
///
/// # Errors
/// When it is none.
pub(crate) fn read(header: &[u8]) -> Result<String, Invalid> {
    let text = std::str::from_utf8(header).map_err(|_| Invalid)?.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None => text.to_owned(),
    };
    let valid = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if valid { Ok(key) } else { Err(Invalid) }
}

/// What stands up to the closing quote of a structured-field string, which must end the text (RFC 9651, 4.2.5).
fn unquote(rest: &str) -> Result<String, Invalid> {
    let mut key = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or(Invalid)? {
            '"' => return if chars.as_str().is_empty() { Ok(key) } else { Err(Invalid) },
            '\\' => key.push(chars.next().filter(|c| matches!(c, '"' | '\\')).ok_or(Invalid)?),
            c => key.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        assert_eq!(read(b"\"a-1\""), Ok("a-1".to_owned()));
        assert_eq!(read(b"a-1"), Ok("a-1".to_owned()));
        assert_eq!(read(b" \"a\\\"b\\\\\" "), Ok("a\"b\\".to_owned()));
        assert_eq!(read(&[b'a'; 255]).map(|key| key.len()), Ok(255));
        let bad_quotes = [&b"\"a"[..], b"\"a\"b", b"\"a\\c\"", b"\"a b\"", b"\"a\\"];
        for bad in [&b""[..], b"\"\"", b"a b", b"\xff", &[b'a'; 256]].into_iter().chain(bad_quotes) {
            assert_eq!(read(bad), Err(Invalid));
        }
    }
}
