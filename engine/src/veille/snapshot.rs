//! Keys and compared values in a form that is stored in pieces.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    compared::{Compared, ComparedColumns, Contact},
    key::Keys,
};
use crate::{Module, columns};

/// Parts of a snapshot.
pub const BUCKETS: u8 = 64;
/// Bytes after which a piece is given away: all parts together are a few megabytes at most.
const PIECE: usize = 48 * 1024;

/// A piece of a part of a snapshot. A part's pieces are kept in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The part that it belongs to.
    pub bucket: u8,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A stored piece that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a piece of a snapshot is malformed")]
pub struct Corrupt;

/// Makes a snapshot of rows.
#[derive(Debug)]
pub struct Builder {
    keys: Keys,
    compared: ComparedColumns,
    position: u64,
    full: usize,
    parts: Vec<Vec<u8>>,
}

impl Builder {
    /// A builder over the rows of a job of this type, of which the first one that comes is at `position`.
    #[must_use]
    pub fn new(module: Module, names: &[String], position: u64) -> Self {
        Self::with(module, names, position, PIECE)
    }

    pub(super) fn with(module: Module, names: &[String], position: u64, full: usize) -> Self {
        let parts = vec![Vec::new(); usize::from(BUCKETS)];
        Self { keys: Keys::new(module, names), compared: ComparedColumns::new(names), position, full, parts }
    }

    /// Takes the next row; gives away a piece when one is full. A row without a key is passed over.
    pub fn take(&mut self, row: &[Value]) -> Option<Piece> {
        let position = self.position;
        self.position += 1;
        let key = self.keys.of(row)?;
        let bucket = bucket_of(&key);
        let part = self.parts.get_mut(usize::from(bucket))?;
        write(part, &key, position, &self.compared.of(row));
        (part.len() >= self.full).then(|| Piece { bucket, bytes: std::mem::take(part) })
    }

    /// What is left, at the end of the rows or of a slice.
    #[must_use]
    pub fn finish(self) -> Vec<Piece> {
        let parts = (0..BUCKETS).zip(self.parts).filter(|(_, bytes)| !bytes.is_empty());
        parts.map(|(bucket, bytes)| Piece { bucket, bytes }).collect()
    }
}

/// The part that a key is in.
fn bucket_of(key: &str) -> u8 {
    let [first, ..] = columns::digest(key);
    first % BUCKETS
}

/// What a snapshot has of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) position: u64,
    pub(super) compared: Compared,
}

/// The rows of a part by key. Of rows with one key the first one counts (outsend 15.4).
pub(super) fn read(pieces: &[&[u8]]) -> Result<HashMap<String, Entry>, Corrupt> {
    let mut entries = HashMap::new();
    for piece in pieces {
        let mut reader = Reader(piece);
        while !reader.0.is_empty() {
            let (key, entry) = reader.entry()?;
            entries.entry(key).or_insert(entry);
        }
    }
    Ok(entries)
}

const RATING: u8 = 1;
const REVIEWS: u8 = 2;
const TELEPHONE: u8 = 4;
const SITE: u8 = 8;

fn write(part: &mut Vec<u8>, key: &str, position: u64, compared: &Compared) {
    let flag = |known: bool, flag: u8| if known { flag } else { 0 };
    part.push(
        flag(compared.rating.is_some(), RATING)
            | flag(compared.reviews.is_some(), REVIEWS)
            | flag(compared.telephone.is_some(), TELEPHONE)
            | flag(compared.site.is_some(), SITE),
    );
    write_text(part, key);
    part.extend_from_slice(&position.to_le_bytes());
    for number in [compared.rating, compared.reviews].into_iter().flatten() {
        part.extend_from_slice(&number.to_le_bytes());
    }
    for contact in [&compared.telephone, &compared.site].into_iter().flatten() {
        part.extend_from_slice(&contact.form);
        write_text(part, &contact.given);
    }
}

/// Every text here is far below 64 KiB.
fn write_text(part: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    part.extend_from_slice(&length.to_le_bytes());
    part.extend_from_slice(text.as_bytes().get(..usize::from(length)).unwrap_or_default());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*head)
    }

    fn text(&mut self) -> Result<String, Corrupt> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (head, rest) = self.0.split_at_checked(length).ok_or(Corrupt)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).map_err(|_| Corrupt)
    }

    fn number(&mut self, known: bool) -> Result<Option<f64>, Corrupt> {
        if !known {
            return Ok(None);
        }
        Some(f64::from_le_bytes(self.array()?)).filter(|number| number.is_finite()).ok_or(Corrupt).map(Some)
    }

    fn contact(&mut self, known: bool) -> Result<Option<Contact>, Corrupt> {
        if !known {
            return Ok(None);
        }
        let form = self.array()?;
        Ok(Some(Contact { form, given: self.text()? }))
    }

    fn entry(&mut self) -> Result<(String, Entry), Corrupt> {
        let [flags] = self.array()?;
        let known = |flag: u8| flags & flag != 0;
        let key = self.text()?;
        let position = u64::from_le_bytes(self.array()?);
        let compared = Compared {
            rating: self.number(known(RATING))?,
            reviews: self.number(known(REVIEWS))?,
            telephone: self.contact(known(TELEPHONE))?,
            site: self.contact(known(SITE))?,
        };
        Ok((key, Entry { position, compared }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&bytes]);
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_cut_piece_is_not() {
        let contact = |given: &str| Some(Contact { given: given.to_owned(), form: columns::digest(given) });
        let all = Compared { rating: Some(4.5), reviews: Some(0.0), telephone: contact("é"), site: contact("s") };
        let mut part = Vec::new();
        write(&mut part, "one", 7, &all);
        write(&mut part, "two", u64::MAX, &Compared::default());
        write(&mut part, "one", 9, &Compared::default());
        let entries = read(&[&part]).expect("a piece");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries["one"], Entry { position: 7, compared: all });
        assert_eq!(entries["two"], Entry { position: u64::MAX, compared: Compared::default() });
        for end in 1..part.len() {
            let whole = read(&[&part[..end]]);
            assert!(whole.is_err() || whole.is_ok_and(|entries| entries.len() <= 2));
        }
        assert_eq!(read(&[&part[..part.len() - 1]]), Err(Corrupt));
    }
}
