//! The id of a study in a path, in all spellings (outset 7.1).

use percent_encoding::percent_decode_str;
use uuid::Uuid;

/// What a path segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentId {
    /// The path is routed nowhere.
    Unrouted,
    /// Routed, and the id of nothing.
    NotFound,
    /// An id.
    Id(Uuid),
}

/// Reads a segment as it stands in the path, percent-encoded.
#[must_use]
pub fn read(segment: &str) -> SegmentId {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if decoded.is_empty() || decoded.contains(['/', '.']) {
        return SegmentId::Unrouted;
    }
    let bare = decoded.replace("urn:", "").replace("uuid:", "");
    let digits = bare.trim_matches(['{', '}']).replace('-', "");
    let well_formed = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match Uuid::try_parse(&digits) {
        Ok(id) if well_formed => SegmentId::Id(id),
        _ => SegmentId::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let id = "0b5e7c1a-4d2f-4e8c-9a6b-000000000001";
        let all =
            [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("%7B{id}%7D"), format!("urn:uuid:{id}")];
        for spelling in all {
            assert_eq!(read(&spelling), SegmentId::Id(Uuid::try_parse(id).unwrap()), "{spelling}");
        }
        assert_eq!(read("abc"), SegmentId::NotFound);
        assert_eq!(read("URN:UUID:x"), SegmentId::NotFound);
        assert_eq!(read("a.json"), SegmentId::Unrouted);
        assert_eq!(read("a%2Fb"), SegmentId::Unrouted);
    }

    proptest::proptest! {
        #[test]
        fn every_id_is_read_in_upper_case_too(bytes in proptest::array::uniform16(0_u8..)) {
            let id = Uuid::from_bytes(bytes);
            proptest::prop_assert_eq!(read(&id.to_string().to_uppercase()), SegmentId::Id(id));
        }

        #[test]
        fn any_segment_is_read_or_refused(segment in ".*") {
            let _ = read(&segment);
        }
    }
}
