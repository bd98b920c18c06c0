//! Items: typed reading and writing of attributes, so that a malformed item is an error and not a guess.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem},
};
use time::OffsetDateTime;

use super::StoreError;
use crate::{
    clock::{epoch_micros, from_epoch_micros},
    model::{RefreshTokens, Replaced},
};

/// One DynamoDB item.
#[derive(Clone, Debug, Default)]
pub(super) struct Item(pub(super) HashMap<String, AttributeValue>);

impl From<HashMap<String, AttributeValue>> for Item {
    fn from(attributes: HashMap<String, AttributeValue>) -> Self {
        Self(attributes)
    }
}

impl Item {
    pub(super) fn new(pk: String, sk: String) -> Self {
        Self::default().text("pk", pk).text("sk", sk)
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    pub(super) fn optional_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Refresh tokens; the one that works has the attribute's name.
    pub(super) fn refresh_tokens(self, name: &str, tokens: &RefreshTokens) -> Self {
        let (current, beside, replaced) = tokens.stored();
        self.text(name, current)
            .optional_text("beside", beside.as_deref())
            .optional_text("replaced_tokens", (!replaced.is_empty()).then(|| replaced_text(replaced)).as_deref())
    }

    pub(super) fn number(self, name: &str, value: impl ToString) -> Self {
        self.with(name, AttributeValue::N(value.to_string()))
    }

    pub(super) fn bytes(self, name: &str, value: Vec<u8>) -> Self {
        self.with(name, AttributeValue::B(Blob::new(value)))
    }

    pub(super) fn time(self, name: &str, value: OffsetDateTime) -> Self {
        self.number(name, epoch_micros(value))
    }

    pub(super) fn optional_time(self, name: &str, value: Option<OffsetDateTime>) -> Self {
        match value {
            Some(value) => self.time(name, value),
            None => self,
        }
    }

    /// The first whole second at which the item is not shown any more. It is not before `end`: until then its own
    /// `expires_at` decides, to the microsecond.
    pub(super) fn gone_after(self, end: OffsetDateTime) -> Self {
        self.number("ttl", end.unix_timestamp() + i64::from(end.nanosecond() > 0))
    }

    pub(super) fn texts(self, name: &str, values: &[String]) -> Self {
        self.with(name, text_list(values))
    }

    /// About how many bytes the item is.
    pub(super) fn size(&self) -> usize {
        let of = |value: &AttributeValue| match value {
            AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            _ => 1,
        };
        self.0.iter().map(|(name, value)| name.len() + of(value)).sum()
    }

    /// Whether the item's time has not passed: DynamoDB removes what has ended up to days later.
    pub(super) fn lives_at(&self, now: impl FnOnce() -> OffsetDateTime) -> bool {
        let end = self.0.get("ttl").and_then(|end| end.as_n().ok()?.parse::<i64>().ok());
        end.is_none_or(|end| now().unix_timestamp() < end)
    }

    /// The partition key, empty when there is none.
    pub(super) fn pk(&self) -> &str {
        self.0.get("pk").and_then(|value| value.as_s().ok()).map_or("", String::as_str)
    }

    pub(super) fn read(&self, entity: &'static str) -> Reader<'_> {
        Reader { item: self, entity }
    }

    /// A transaction member that puts this item if `condition` holds.
    pub(super) fn put(self, table: &str, condition: Condition) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(table).set_item(Some(self.0));
        put = match condition {
            Condition::None => put,
            Condition::Absent => put.condition_expression("attribute_not_exists(pk)"),
            Condition::Present => put.condition_expression("attribute_exists(pk)"),
            Condition::Version(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
        };
        let put = put.build().map_err(|error| StoreError::Call { operation: "Put", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl Item {
    /// A transaction member that puts this item unless one is there whose `ttl` has not passed: reads do not show one
    /// whose has.
    pub(super) fn put_over_ended(self, table: &str, now: OffsetDateTime) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(self.0))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now.unix_timestamp().to_string()))
            .build()
            .map_err(|error| StoreError::Call { operation: "Put", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A transaction member that puts this item unless one is there that has not expired: DynamoDB removes what has
    /// ended up to days later.
    pub(super) fn put_unless_live(self, table: &str, now: OffsetDateTime) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(self.0))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", AttributeValue::N(epoch_micros(now).to_string()))
            .build()
            .map_err(|error| StoreError::Call { operation: "Put", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl Item {
    /// A transaction member that puts this item as long as the one that is there says `said`; `None` means that none is.
    pub(super) fn put_where(
        self,
        table: &str,
        said: Option<(&str, AttributeValue)>,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(table).set_item(Some(self.0));
        let put = match said {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some((name, value)) => put
                .condition_expression("#name = :value")
                .expression_attribute_names("#name", name)
                .expression_attribute_values(":value", value),
        };
        let put = put.build().map_err(|error| StoreError::Call { operation: "Put", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Texts as a list.
pub(super) fn text_list(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().cloned().map(AttributeValue::S).collect())
}

/// What a write rests on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    /// Another member of the transaction carries the condition.
    None,
    /// There is no such item yet.
    Absent,
    /// There is such an item.
    Present,
    /// The item still has this version.
    Version(u64),
}

/// A transaction member that deletes an item.
pub(super) fn delete(table: &str, pk: String, sk: String) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder()
        .table_name(table)
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .build()
        .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// A transaction member that deletes an item that still has a version.
pub(super) fn delete_version(
    table: &str,
    pk: String,
    sk: String,
    version: u64,
) -> Result<TransactWriteItem, StoreError> {
    delete_where(table, (pk, sk), ("version", AttributeValue::N(version.to_string())))
}

/// A transaction member that deletes an item whose attribute `name` still has a value.
pub(super) fn delete_where(
    table: &str,
    (pk, sk): (String, String),
    (name, value): (&str, AttributeValue),
) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder()
        .table_name(table)
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .condition_expression("#name = :value")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":value", value)
        .build()
        .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// A transaction member that holds as long as an item still has a version.
pub(super) fn check_version(
    table: &str,
    pk: String,
    sk: String,
    version: u64,
) -> Result<TransactWriteItem, StoreError> {
    let version = [(":value", AttributeValue::N(version.to_string()))];
    check(table, (pk, sk), "#name = :value", Some("version"), version)
}

/// A transaction member that holds as long as a condition does, in which `#name` stands for the attribute `name`.
pub(super) fn check(
    table: &str,
    (pk, sk): (String, String),
    condition: &str,
    name: Option<&str>,
    values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
) -> Result<TransactWriteItem, StoreError> {
    let mut check = ConditionCheck::builder()
        .table_name(table)
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .condition_expression(condition);
    if let Some(name) = name {
        check = check.expression_attribute_names("#name", name);
    }
    for (value, given) in values {
        check = check.expression_attribute_values(value, given);
    }
    let check =
        check.build().map_err(|error| StoreError::Call { operation: "ConditionCheck", cause: error.to_string() })?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// Reads attributes of one entity.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    item: &'a Item,
    entity: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn malformed(&self, attribute: &'static str) -> StoreError {
        StoreError::Malformed { entity: self.entity, attribute }
    }

    pub(super) fn optional_text(&self, name: &'static str) -> Option<&'a str> {
        self.item.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    /// The texts of a list; none when it is not there.
    pub(super) fn texts(&self, name: &'static str) -> Vec<String> {
        let values = self.item.0.get(name).and_then(|value| value.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(|value| value.as_s().ok().cloned()).collect()
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, StoreError> {
        self.optional_text(name).ok_or_else(|| self.malformed(name))
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(self.text(name)?).ok_or_else(|| self.malformed(name))
    }

    /// Refresh tokens under the name of the one that works.
    pub(super) fn refresh_tokens(&self, name: &'static str) -> Result<RefreshTokens, StoreError> {
        let replaced = match self.optional_text("replaced_tokens") {
            Some(text) => replaced_of(text).ok_or_else(|| self.malformed("replaced_tokens"))?,
            // as it was written when one was kept
            None => {
                let one = self.optional_text("replaced").zip(self.optional_time("replaced_at")?);
                let by = self.text(name)?;
                one.map(|(hash, at)| Replaced { hash: hash.to_owned(), by: by.to_owned(), at }).into_iter().collect()
            }
        };
        Ok(RefreshTokens::from_stored(self.text(name)?.to_owned(), self.optional_text("beside"), replaced))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, StoreError> {
        let text = self.item.0.get(name).and_then(|value| value.as_n().ok()).ok_or_else(|| self.malformed(name))?;
        text.parse().map_err(|_| self.malformed(name))
    }

    /// A count; one that older items lack is 0.
    pub(super) fn count(&self, name: &'static str) -> Result<u64, StoreError> {
        if self.item.0.contains_key(name) { self.number(name) } else { Ok(0) }
    }

    /// A flag; one that older items lack is not set.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, StoreError> {
        if self.item.0.contains_key(name) { Ok(self.number::<u8>(name)? == 1) } else { Ok(false) }
    }

    pub(super) fn bytes(&self, name: &'static str) -> Result<&'a [u8], StoreError> {
        let blob = self.item.0.get(name).and_then(|value| value.as_b().ok()).ok_or_else(|| self.malformed(name))?;
        Ok(blob.as_ref())
    }

    pub(super) fn time(&self, name: &'static str) -> Result<OffsetDateTime, StoreError> {
        from_epoch_micros(self.number(name)?).ok_or_else(|| self.malformed(name))
    }

    pub(super) fn optional_time(&self, name: &'static str) -> Result<Option<OffsetDateTime>, StoreError> {
        if self.item.0.contains_key(name) { self.time(name).map(Some) } else { Ok(None) }
    }
}

/// Refresh tokens that were replaced: each with the next one and the microsecond.
fn replaced_text(replaced: &[Replaced]) -> String {
    let one = |one: &Replaced| format!("{}@{}@{}", one.hash, one.by, one.at.unix_timestamp_nanos() / 1_000);
    replaced.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What [`replaced_text`] gave.
fn replaced_of(text: &str) -> Option<Vec<Replaced>> {
    let one = |text: &str| {
        let mut parts = text.splitn(3, '@').map(str::to_owned);
        let (hash, by, at) = (parts.next()?, parts.next()?, parts.next()?);
        let at = OffsetDateTime::from_unix_timestamp_nanos(at.parse::<i128>().ok()?.checked_mul(1_000)?).ok()?;
        Some(Replaced { hash, by, at })
    };
    text.split_whitespace().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_tokens_come_back_also_as_they_were_written_before() {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(1_700_000_000_000_001);
        let mut tokens = RefreshTokens::first("t".to_owned());
        for (presented, next) in [("t", "a"), ("t", "b"), ("a", "c")] {
            tokens.issue(presented, next.to_owned(), at);
        }
        let item = Item::new("a".to_owned(), "b".to_owned()).refresh_tokens("hash", &tokens);
        assert_eq!(item.read("token").refresh_tokens("hash").unwrap(), tokens);
        let before =
            Item::new("a".to_owned(), "b".to_owned()).text("hash", "x").text("replaced", "w").time("replaced_at", at);
        let read = before.read("token").refresh_tokens("hash").unwrap();
        assert_eq!(read.stored().2, [Replaced { hash: "w".to_owned(), by: "x".to_owned(), at }]);
    }

    #[test]
    fn an_item_lives_until_its_time() {
        let item = Item::new("a".to_owned(), "b".to_owned());
        let at = |seconds| move || OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
        assert!(item.lives_at(at(i64::from(i32::MAX))));
        let ending = item.number("ttl", 10);
        assert!(ending.lives_at(at(9)) && !ending.lives_at(at(10)) && !ending.lives_at(at(11)));
        let whole = Item::default().gone_after(at(10)());
        assert!(whole.lives_at(at(9)) && !whole.lives_at(at(10)));
        let within = Item::default().gone_after(at(10)() + time::Duration::milliseconds(1));
        assert!(within.lives_at(at(10)) && !within.lives_at(at(11)), "reads show it until its own time decides");
    }
}
