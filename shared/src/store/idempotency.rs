//! Idempotency records (outset 13.4): one item for each key, path and value, kept for 24 hours.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    item::Item,
    large::{PART, compress, decompress},
    trips::trip,
};
use crate::secret::sha256_hex;

const KEPT_S: i64 = 24 * 60 * 60;
/// A request that has not answered after this long has died; its key may be used again.
const LEASE_S: i64 = 60;

/// Bytes of an answer that stands in the record as it is; a longer one is compressed and cut into parts.
const MOST_INLINE: usize = 100_000;

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

fn part_sk(digest: &str, part: usize) -> String {
    format!("{SK}#{digest}#{part:02}")
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
            let error = match trip(call.send()).await {
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
            if reader.optional_text("body").is_none() && reader.optional_text("digest").is_none() {
                return Ok(Claim::InProgress);
            }
            Ok(Claim::Finished(Replay {
                status: reader.number("status")?,
                body: self.kept_body(record, &known).await?,
                etag: reader.optional_text("etag").map(str::to_owned),
            }))
        })
    }

    /// The body of a stored answer.
    async fn kept_body(&self, record: &str, known: &Item) -> Result<String, StoreError> {
        let reader = known.read("idempotency record");
        let Some(digest) = reader.optional_text("digest") else { return Ok(reader.text("body")?.to_owned()) };
        let mut bytes = Vec::new();
        for part in 0..reader.number("parts")? {
            let found = self.get(&self.hot, pk(record), part_sk(digest, part)).await?;
            let found = found.ok_or_else(|| reader.malformed("parts"))?;
            bytes.extend_from_slice(found.read("idempotency record").bytes("body")?);
        }
        decompress(&bytes).and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| reader.malformed("body"))
    }

    /// Puts the parts of a long body beside its record, under its digest; how many there are.
    async fn keep_parts(
        &self,
        record: &str,
        digest: &str,
        body: &str,
        now: OffsetDateTime,
    ) -> Result<usize, StoreError> {
        let packed = compress(body.as_bytes())?;
        for (part, bytes) in packed.chunks(PART).enumerate() {
            let item = Item::new(pk(record), part_sk(digest, part))
                .bytes("body", bytes.to_vec())
                .number("ttl", now.unix_timestamp() + KEPT_S);
            let call = self.client.put_item().table_name(&self.hot).set_item(Some(item.0));
            trip(call.send()).await.map_err(|error| StoreError::call("PutItem", &error))?;
        }
        Ok(packed.len().div_ceil(PART))
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
            let mut kept = vec![("status", AttributeValue::N(answer.status.to_string()))];
            if answer.body.len() <= MOST_INLINE {
                kept.push(("body", AttributeValue::S(answer.body.clone())));
            } else {
                let digest = sha256_hex(answer.body.as_bytes());
                let parts = self.keep_parts(record, &digest, &answer.body, now).await?;
                kept.push(("parts", AttributeValue::N(parts.to_string())));
                kept.push(("digest", AttributeValue::S(digest)));
            }
            if let Some(etag) = &answer.etag {
                kept.push(("etag", AttributeValue::S(etag.clone())));
            }
            let set: Vec<_> = kept.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
            let mut call = self
                .client
                .update_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk(record)))
                .key("sk", AttributeValue::S(SK.to_owned()))
                .update_expression(format!("SET {}", set.join(", ")))
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(#status)");
            for (name, value) in kept {
                call = call
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(format!(":{name}"), value);
            }
            self.update(call).await
        })
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
            trip(call.send()).await.map_err(|error| StoreError::call("DeleteItem", &error))?;
            Ok(())
        })
    }
}
