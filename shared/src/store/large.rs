//! Texts of any length: compressed, in as many items as they need, written in one transaction with what they belong
//! to.

use std::cell::RefCell;

use aws_sdk_dynamodb::types::TransactWriteItem;
use zstd::bulk::Compressor;

use super::{
    Store, StoreError,
    item::{Condition, Item},
};

/// Bytes of a part; an item takes 400 KB.
pub(super) const PART: usize = 350_000;

/// Fast, and still several times smaller.
const LEVEL: i32 = 1;

thread_local! {
    /// A compressor's tables are larger than most texts: each thread keeps its own.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// A text, compressed.
pub(super) fn compress(text: &[u8]) -> Result<Vec<u8>, StoreError> {
    let told = |error: std::io::Error| StoreError::Call { operation: "compress", cause: error.to_string() };
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL).map_err(told)?),
        };
        compressor.compress(text).map_err(told)
    })
}

/// A compressed text.
pub(super) fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::decode_all(bytes).ok()
}

fn part_sk(sk: &str, part: usize) -> String {
    if part == 0 { sk.to_owned() } else { format!("{sk}#PART{part:03}") }
}

impl Store {
    /// The members that put `head` with `text`: `head` carries the first part and the condition.
    pub(super) fn large_members(
        &self,
        (pk, sk): (&str, &str),
        head: Item,
        text: &str,
        condition: Condition,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let bytes = compress(text.as_bytes())?;
        let mut parts = bytes.chunks(PART);
        let first = parts.next().unwrap_or_default().to_vec();
        let rest: Vec<_> = parts.collect();
        let head = head.bytes("text", first).number("parts", rest.len() + 1);
        let mut members = vec![head.put(&self.main, condition)?];
        for (part, bytes) in (1..).zip(rest) {
            let item = Item::new(pk.to_owned(), part_sk(sk, part)).bytes("text", bytes.to_vec());
            members.push(item.put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// The text of a head that was read; of a long one, the further parts are read here.
    pub(super) async fn large_text(&self, head: &Item, (pk, sk): (&str, &str)) -> Result<String, StoreError> {
        let reader = head.read("text");
        let mut bytes = reader.bytes("text")?.to_vec();
        let parts: usize = reader.number("parts")?;
        if parts > 1 {
            let keys = (1..parts).map(|part| (pk.to_owned(), part_sk(sk, part))).collect();
            let items = self.batch_get(keys).await?;
            for part in 1..parts {
                let name = part_sk(sk, part);
                let item = items.iter().find(|item| item.read("text").optional_text("sk") == Some(&name));
                bytes.extend_from_slice(item.ok_or_else(|| reader.malformed("parts"))?.read("text").bytes("text")?);
            }
        }
        decompress(&bytes).and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| reader.malformed("text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        for text in ["", "x", &"a long text ".repeat(10_000)] {
            assert_eq!(decompress(&compress(text.as_bytes()).unwrap()).unwrap(), text.as_bytes());
        }
        assert_eq!(decompress(b"\xff\xff\xff"), None);
    }
}
