//! `Idempotency-Key` (outset 13.4).

/// The header is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// Reads a key: 1 to 255 visible ASCII characters, optionally as a quoted string.
///
/// # Errors
/// When it is none.
pub fn read_key(header: &[u8]) -> Result<String, Invalid> {
    let text = std::str::from_utf8(header).map_err(|_| Invalid)?.trim();
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let valid = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if valid { Ok(key.to_owned()) } else { Err(Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        assert_eq!(read_key(b"\"a-1\""), Ok("a-1".to_owned()));
        assert_eq!(read_key(b"a-1"), Ok("a-1".to_owned()));
        for bad in [&b""[..], b"\"\"", b"a b", b"\xff", &[b'a'; 256]] {
            assert_eq!(read_key(bad), Err(Invalid));
        }
    }
}
