//! ULIDs: 48 bits of milliseconds and 80 random bits as 26 characters of Crockford's base32 (outsend 2.2).

use time::OffsetDateTime;

use crate::clock::epoch_millis;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The 26 characters of 128 bits, upper case.
#[must_use]
pub fn encode(bytes: &[u8; 16]) -> String {
    let number = u128::from_be_bytes(*bytes);
    let digit = |position: u32| ALPHABET.get(((number >> (5 * position)) & 31) as usize).copied().unwrap_or(b'0');
    (0..26).rev().map(|position| char::from(digit(position))).collect()
}

/// The 128 bits of 26 lower-case characters; `None` for any other case, length or alphabet (openscouter 2.2).
#[must_use]
pub fn decode_lower(text: &str) -> Option<[u8; 16]> {
    let upper = text.to_ascii_uppercase();
    if text != upper.to_ascii_lowercase() || parse(&upper).as_deref() != Some(&*upper) {
        return None;
    }
    let number = upper.bytes().try_fold(0_u128, |number, digit| {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        Some((number << 5) | u128::try_from(value).ok()?)
    })?;
    Some(number.to_be_bytes())
}

/// A new ULID.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn generate(now: OffsetDateTime) -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    let millis = epoch_millis(now).to_be_bytes();
    for (byte, of_time) in bytes.iter_mut().zip(millis.iter().skip(2)) {
        *byte = *of_time;
    }
    Ok(encode(&bytes))
}

/// Reads what a client sent: any case, `None` when it is no ULID.
#[must_use]
pub fn parse(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    let well_formed = text.len() == 26
        && text.bytes().all(|byte| ALPHABET.contains(&byte))
        && text.bytes().next().is_some_and(|first| (b'0'..=b'7').contains(&first));
    well_formed.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_time_and_reads_back() {
        assert_eq!(encode(&[0; 16]), "0".repeat(26));
        assert_eq!(encode(&[0xff; 16]), format!("7{}", "Z".repeat(25)));
        let early = generate(OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1)).unwrap();
        let late = generate(OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(2)).unwrap();
        assert!(early < late);
        assert_eq!(parse(&late.to_lowercase()), Some(late));
        assert_eq!(parse(&"8".repeat(26)), None);
        assert_eq!(parse(&"U".repeat(26)), None);
        let bytes = *b"0123456789abcdef";
        let text = encode(&bytes).to_lowercase();
        assert_eq!(decode_lower(&text), Some(bytes));
        assert_eq!(decode_lower(&text.to_uppercase()), None);
        assert_eq!(decode_lower(&format!("o{}", &text[1..])), None, "no aliases");
        assert_eq!(decode_lower(text.get(1..).unwrap()), None);
    }
}
