//! Idempotency records (outset 13.4): one item for each key, path and value, kept for 24 hours. An answer that an
//! item cannot hold is compressed and cut into parts beside it.

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    chunked::{PART, compress, decompress},
    item::Item,
    round_trips::round_trip,
};

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

fn pk(record: &str) -> String {
    format!("IDEMPOTENCY#{record}")
}

const SK: &str = "IDEMPOTENCY";

fn part_sk(part: usize) -> String {
    format!("{SK}#PART{part:03}")
}

impl Store {
    /// Claims the record for a request whose body hashes to `fingerprint`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn claim_idempotency<'a>(
        &'a self,
        record: &'a str,
        fingerprint: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            let now_s = now.unix_timestamp();
            // a retry after a lost answer must know its own claim
            let claim = uuid::Uuid::new_v4().to_string();
            let item = Item::new(pk(record), SK.to_owned())
                .text("claim", &*claim)
                .text("fingerprint", fingerprint)
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
                .expression_attribute_values(":fingerprint", AttributeValue::S(fingerprint.to_owned()))
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
            if reader.text("fingerprint")? != fingerprint {
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
        record: &'a str,
        answer: &'a Replay,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .update_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk(record)))
                .key("sk", AttributeValue::S(SK.to_owned()))
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(#status)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", AttributeValue::N(answer.status.to_string()));
            let (mut call, mut update) = if answer.body.len() <= PART {
                let call = call
                    .expression_attribute_names("#body", "body")
                    .expression_attribute_values(":body", AttributeValue::S(answer.body.clone()));
                (call, "SET #status = :status, #body = :body".to_owned())
            } else {
                let (first, parts) = self.put_packed_answer(record, &answer.body, now).await?;
                let call = call
                    .expression_attribute_values(":packed", AttributeValue::B(Blob::new(first)))
                    .expression_attribute_values(":parts", AttributeValue::N(parts.to_string()));
                (call, "SET #status = :status, packed = :packed, parts = :parts".to_owned())
            };
            if let Some(etag) = &answer.etag {
                call = call.expression_attribute_values(":etag", AttributeValue::S(etag.clone()));
                update.push_str(", etag = :etag");
            }
            call = call.update_expression(update);
            self.update(call).await
        })
    }

    /// Puts all parts of a long answer but the first beside its record: the first part, and how many there are.
    async fn put_packed_answer(
        &self,
        record: &str,
        body: &str,
        now: OffsetDateTime,
    ) -> Result<(Vec<u8>, usize), StoreError> {
        let bytes = compress(body.as_bytes())?;
        let parts: Vec<_> = bytes.chunks(PART).collect();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let item = Item::new(pk(record), part_sk(number))
                .bytes("part", part.to_vec())
                .number("ttl", now.unix_timestamp() + KEPT_S + MARGIN_S);
            let call = self.client.put_item().table_name(&self.hot).set_item(Some(item.0));
            round_trip(call.send()).await.map_err(|error| StoreError::call("PutItem", &error))?;
        }
        Ok((parts.first().copied().unwrap_or_default().to_vec(), parts.len()))
    }

    async fn packed_answer(&self, record: &str, head: &Item) -> Result<String, StoreError> {
        let reader = head.read("idempotency record");
        let mut bytes = reader.bytes("packed")?.to_vec();
        for number in 1..reader.number("parts")? {
            let part = self.get(&self.hot, pk(record), part_sk(number)).await?;
            let part = part.ok_or_else(|| reader.malformed("parts"))?;
            bytes.extend_from_slice(part.read("idempotency record").bytes("part")?);
        }
        decompress(&bytes).and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| reader.malformed("packed"))
    }

    /// Forgets a record whose request failed, so that a retry is a first request again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_idempotency<'a>(&'a self, record: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .delete_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk(record)))
                .key("sk", AttributeValue::S(SK.to_owned()));
            round_trip(call.send()).await.map_err(|error| StoreError::call("DeleteItem", &error))?;
            Ok(())
        })
    }
}
