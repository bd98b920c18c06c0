//! Texts of any length: compressed, in as many items as they need, written in one transaction with what they belong
//! to.

use std::cell::RefCell;

use aws_sdk_dynamodb::types::TransactWriteItem;
use zstd::bulk::Compressor;

use super::{
    Store, StoreError, after_lost_race,
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
    /// The members that put `head` with `text`: `head` carries the first part and the condition. Head and parts have
    /// a mark in common, so that a reader knows which belong together.
    pub(super) fn large_members(
        &self,
        (pk, sk): (&str, &str),
        head: Item,
        text: &str,
        condition: Condition,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mark = uuid::Uuid::new_v4().to_string();
        let bytes = compress(text.as_bytes())?;
        let mut parts = bytes.chunks(PART);
        let first = parts.next().unwrap_or_default().to_vec();
        let rest: Vec<_> = parts.collect();
        let head = head.bytes("text", first).number("parts", rest.len() + 1).text("mark", &*mark);
        let mut members = vec![head.put(&self.main, condition)?];
        for (part, bytes) in (1..).zip(rest) {
            let item = Item::new(pk.to_owned(), part_sk(sk, part)).bytes("text", bytes.to_vec()).text("mark", &*mark);
            members.push(item.put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// The text of a head that was read; of a long one, the further parts are read here. Where it was replaced in
    /// between, the head that belongs to the text comes back with it; `None` when it is gone.
    pub(super) async fn large_text(
        &self,
        head: Item,
        (pk, sk): (&str, &str),
    ) -> Result<Option<(Item, String)>, StoreError> {
        let mut head = head;
        for attempt in 0.. {
            if let Some(bytes) = self.joined_parts(&head, (pk, sk)).await? {
                let text = decompress(&bytes).and_then(|text| String::from_utf8(text).ok());
                let text = text.ok_or_else(|| head.read("text").malformed("text"))?;
                return Ok(Some((head, text)));
            }
            after_lost_race(attempt).await?;
            match self.get(&self.main, pk.to_owned(), sk.to_owned()).await? {
                Some(known) => head = known,
                None => return Ok(None),
            }
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// All parts of a text together; `None` when one of them is another text's.
    async fn joined_parts(&self, head: &Item, (pk, sk): (&str, &str)) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = head.read("text");
        let mut bytes = reader.bytes("text")?.to_vec();
        let parts: usize = reader.number("parts")?;
        if parts < 2 {
            return Ok(Some(bytes));
        }
        let keys = (1..parts).map(|part| (pk.to_owned(), part_sk(sk, part))).collect();
        let items = self.batch_get(keys).await?;
        for part in 1..parts {
            let name = part_sk(sk, part);
            let own = |item: &&Item| {
                let part = item.read("text");
                part.optional_text("sk") == Some(&name) && part.optional_text("mark") == reader.optional_text("mark")
            };
            let Some(item) = items.iter().find(own) else { return Ok(None) };
            bytes.extend_from_slice(item.read("text").bytes("text")?);
        }
        Ok(Some(bytes))
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
