//! Idempotency records (outset 13.4, openscouter 2.10): one item for each key, path and value, kept for 24 hours.
//!
//! An answer tells of people, and is kept beyond their erasure. So it is sealed with a key that only the request itself
//! gives, of which the record has nothing; what an item cannot hold is cut into parts beside it.

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    chunked::{PART, compress, decompress},
    item::Item,
    round_trips::round_trip,
};
use crate::secret::{sha256, sha256_hex};

const KEPT_S: i64 = 24 * 60 * 60;
/// How much longer its parts stay, so that none of them ends before the record does.
const MARGIN_S: i64 = 60;
/// A request that has not answered after this long has died; its key may be used again.
const LEASE_S: i64 = 60;

/// What a request found under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: this request is the first and must finish or release the record.
    First,
    /// The first request has answered: its answer.
    Finished(Replay),
    /// The first request is still at work.
    InProgress,
    /// The key was used with another body.
    OtherRequest,
}

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
    /// `ETag`, when the answer had one.
    pub etag: Option<String>,
}

/// What a request with an idempotency key is recorded under.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    name: String,
    fingerprint: String,
    /// The fingerprint that records of before have.
    former: String,
    seal: [u8; 32],
}

impl IdempotencyRecord {
    /// The record of a request: `identity` is the caller, the path and the key, and names it within the dialect of
    /// `prefix`; `body` is what must not change.
    #[must_use]
    pub fn new(prefix: &str, identity: &str, body: &[u8]) -> Self {
        let fingerprint = sha256_hex(&[b"body\n", identity.as_bytes(), b"\n", body].concat());
        Self {
            name: format!("{prefix}{}", sha256_hex(identity.as_bytes())),
            fingerprint,
            former: sha256_hex(body),
            seal: sha256(format!("seal\n{identity}").as_bytes()),
        }
    }

    fn key(&self) -> Result<LessSafeKey, StoreError> {
        UnboundKey::new(&CHACHA20_POLY1305, &self.seal).map(LessSafeKey::new).map_err(|_| unsealed())
    }

    /// A text, so that only who asks the same again can read it.
    fn seal(&self, text: &str) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| unsealed())?;
        let mut bytes = compress(text.as_bytes())?;
        let key = self.key()?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .map_err(|_| unsealed())?;
        Ok([nonce.as_slice(), &bytes].concat())
    }

    /// What was sealed, compressed.
    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(unsealed)?;
        let mut rest = rest.to_vec();
        let key = self.key()?;
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut rest);
        Ok(opened.map_err(|_| unsealed())?.to_vec())
    }
}

fn unsealed() -> StoreError {
    StoreError::Malformed { entity: "idempotency record", attribute: "packed" }
}

fn pk(record: &str) -> String {
    format!("IDEMPOTENCY#{record}")
}

const SK: &str = "IDEMPOTENCY";

fn part_sk(part: usize) -> String {
    format!("{SK}#PART{part:03}")
}

impl Store {
    /// Claims the record for a request.
    ///
    /// # Errors
    /// When the store fails.
    pub fn claim_idempotency<'a>(
        &'a self,
        record: &'a IdempotencyRecord,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            let now_s = now.unix_timestamp();
            // a retry after a lost answer must know its own claim
            let claim = uuid::Uuid::new_v4().to_string();
            let item = Item::new(pk(&record.name), SK.to_owned())
                .text("claim", &*claim)
                .text("fingerprint", &*record.fingerprint)
                .number("lease", now_s + LEASE_S)
                .number("ttl", now_s + KEPT_S);
            let call = self
                .client
                .put_item()
                .table_name(&self.hot)
                .set_item(Some(item.0))
                .condition_expression(
                    "attribute_not_exists(pk) OR #ttl <= :now OR \
                     (attribute_not_exists(#status) AND lease <= :now AND fingerprint = :fingerprint)",
                )
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":now", AttributeValue::N(now_s.to_string()))
                .expression_attribute_values(":fingerprint", AttributeValue::S(record.fingerprint.clone()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match round_trip(call.send()).await {
                Ok(_) => return Ok(Claim::First),
                Err(error) => error,
            };
            let known = match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                    Item::from(failed.item().cloned().unwrap_or_default())
                }
                _ => return Err(StoreError::call("PutItem", &error)),
            };
            let reader = known.read("idempotency record");
            if reader.optional_text("claim") == Some(&claim) {
                return Ok(Claim::First);
            }
            let fingerprint = reader.text("fingerprint")?;
            if fingerprint != record.fingerprint && fingerprint != record.former {
                return Ok(Claim::OtherRequest);
            }
            let Ok(status) = reader.number("status") else { return Ok(Claim::InProgress) };
            let body = match reader.optional_text("body") {
                Some(body) => body.to_owned(),
                None => self.packed_answer(record, &known).await?,
            };
            Ok(Claim::Finished(Replay { status, body, etag: reader.optional_text("etag").map(str::to_owned) }))
        })
    }

    /// Stores the first request's answer under its record.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish_idempotency<'a>(
        &'a self,
        record: &'a IdempotencyRecord,
        answer: &'a Replay,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .update_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk(&record.name)))
                .key("sk", AttributeValue::S(SK.to_owned()))
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(#status)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", AttributeValue::N(answer.status.to_string()));
            let (first, parts) = self.put_packed_answer(record, &answer.body, now).await?;
            let mut call = call
                .expression_attribute_values(":packed", AttributeValue::B(Blob::new(first)))
                .expression_attribute_values(":parts", AttributeValue::N(parts.to_string()))
                .expression_attribute_values(":sealed", AttributeValue::N("1".to_owned()));
            let mut update = "SET #status = :status, packed = :packed, parts = :parts, sealed = :sealed".to_owned();
            if let Some(etag) = &answer.etag {
                call = call.expression_attribute_values(":etag", AttributeValue::S(etag.clone()));
                update.push_str(", etag = :etag");
            }
            call = call.update_expression(update);
            self.update(call).await
        })
    }

    /// Seals an answer, and puts all parts of a long one but the first beside its record: the first part, and how many there are.
    async fn put_packed_answer(
        &self,
        record: &IdempotencyRecord,
        body: &str,
        now: OffsetDateTime,
    ) -> Result<(Vec<u8>, usize), StoreError> {
        let bytes = record.seal(body)?;
        let parts: Vec<_> = bytes.chunks(PART).collect();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let item = Item::new(pk(&record.name), part_sk(number))
                .bytes("part", part.to_vec())
                .number("ttl", now.unix_timestamp() + KEPT_S + MARGIN_S);
            let call = self.client.put_item().table_name(&self.hot).set_item(Some(item.0));
            round_trip(call.send()).await.map_err(|error| StoreError::call("PutItem", &error))?;
        }
        Ok((parts.first().copied().unwrap_or_default().to_vec(), parts.len()))
    }

    async fn packed_answer(&self, record: &IdempotencyRecord, head: &Item) -> Result<String, StoreError> {
        let reader = head.read("idempotency record");
        let mut bytes = reader.bytes("packed")?.to_vec();
        for number in 1..reader.number("parts")? {
            let part = self.get(&self.hot, pk(&record.name), part_sk(number)).await?;
            let part = part.ok_or_else(|| reader.malformed("parts"))?;
            bytes.extend_from_slice(part.read("idempotency record").bytes("part")?);
        }
        // of before, it is only packed
        if reader.flag("sealed")? {
            bytes = record.open(&bytes)?;
        }
        decompress(&bytes).and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| reader.malformed("packed"))
    }

    /// Forgets a record whose request failed, so that a retry is a first request again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_idempotency<'a>(&'a self, record: &'a IdempotencyRecord) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .delete_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk(&record.name)))
                .key("sk", AttributeValue::S(SK.to_owned()));
            round_trip(call.send()).await.map_err(|error| StoreError::call("DeleteItem", &error))?;
            Ok(())
        })
    }
}
