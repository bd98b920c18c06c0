//! ULIDs with the time of our own clock, read strictly (outsend 2.2, openscouter 2.2).

use ::ulid::Ulid;
use time::OffsetDateTime;

use crate::clock::epoch_millis;

/// The 26 characters of 128 bits, upper case.
#[must_use]
pub fn encode(bytes: &[u8; 16]) -> String {
    Ulid::from_bytes(*bytes).to_string()
}

/// The 128 bits of 26 lower-case characters; `None` for any other case, length or alphabet (openscouter 2.2).
#[must_use]
pub fn decode_lower(text: &str) -> Option<[u8; 16]> {
    let is_lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    read(text).filter(|_| is_lower).map(|ulid| ulid.to_bytes())
}

/// The milliseconds since the Unix epoch that 26 characters begin with.
#[must_use]
pub fn millis(text: &str) -> Option<i64> {
    read(text).and_then(|ulid| i64::try_from(ulid.timestamp_ms()).ok())
}

/// A new ULID.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn generate(now: OffsetDateTime) -> Result<String, getrandom::Error> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)?;
    let millis = u64::from_ne_bytes(epoch_millis(now).to_ne_bytes());
    Ok(Ulid::from_parts(millis, u128::from_ne_bytes(random)).to_string())
}

/// Reads 26 characters of either case. The first holds three bits: a larger one would be cut off.
fn read(text: &str) -> Option<Ulid> {
    let fits = text.bytes().next().is_some_and(|first| (b'0'..=b'7').contains(&first));
    Ulid::from_string(text).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_not() {
        assert_eq!(encode(&[0; 16]), "0".repeat(26));
        assert_eq!(encode(&[0xff; 16]), format!("7{}", "Z".repeat(25)));
        assert_eq!(decode_lower(&"8".repeat(26)), None);
        assert_eq!(decode_lower(&"u".repeat(26)), None);
        let bytes = *b"0123456789abcdef";
        let text = encode(&bytes).to_lowercase();
        assert_eq!(decode_lower(&text), Some(bytes));
        assert_eq!(decode_lower(&text.to_uppercase()), None);
        assert_eq!(decode_lower(&format!("o{}", &text[1..])), None, "no aliases");
        assert_eq!(decode_lower(text.get(1..).unwrap()), None);
    }

    proptest::proptest! {
        #[test]
        fn sorts_by_time_and_reads_back(early in 0_i64..253_402_300_799_998, later in 1_i64..1_000_000) {
            let at = |millis: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
            let late = generate(at((early + later).min(253_402_300_799_999))).unwrap();
            proptest::prop_assert!(generate(at(early)).unwrap() < late);
            proptest::prop_assert_eq!(decode_lower(&late.to_lowercase()).map(|bytes| encode(&bytes)), Some(late));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-zA-Z\u{fc}]{0,27}") {
            let strict = decode_lower(&text).map(|bytes| encode(&bytes).to_lowercase());
            proptest::prop_assert!(strict.is_none_or(|known| known == text));
        }
    }
}
