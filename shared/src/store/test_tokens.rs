//! Test tokens (openscouter 3.6): by hash, and one of them for a tester and a study, so that a new one revokes the
//! older.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete, delete_version},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::model::{OrganizationId, StudyId, TestToken, User, UserId};

/// How long a test token works.
const LENGTH: Duration = Duration::hours(24);

pub(super) fn test_token_key(hash: &str) -> (String, String) {
    (format!("TEST#{hash}"), "TEST".to_owned())
}

fn current_key(user: UserId, study: StudyId) -> (String, String) {
    (user_pk(user), format!("TEST#{study}"))
}

fn test_token_item((pk, sk): (String, String), token: &TestToken) -> Item {
    Item::new(pk, sk)
        .text("hash", &*token.hash)
        .text("user", token.tester.to_string())
        .text("organization", token.organization.to_string())
        .text("study", token.study.to_string())
        .number("generation", token.generation)
        .time("expires_at", token.expires_at)
        .gone_after(token.expires_at)
}

pub(super) fn read_test_token(item: &Item) -> Result<TestToken, StoreError> {
    let reader = item.read("test token");
    Ok(TestToken {
        hash: reader.text("hash")?.to_owned(),
        tester: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        generation: reader.count("generation")?,
        expires_at: reader.time("expires_at")?,
    })
}

impl Store {
    /// A new test token of a tester for a study, and the members that store it by its hash and end an older one; none when
    /// it is stored already.
    pub(super) async fn test_token_members(
        &self,
        tester: &User,
        study: StudyId,
        hash: &str,
        now: OffsetDateTime,
    ) -> Result<(TestToken, Vec<TransactWriteItem>), StoreError> {
        let token = TestToken {
            hash: hash.to_owned(),
            tester: tester.id,
            organization: tester.organization,
            study,
            generation: tester.credential_generation,
            expires_at: now + LENGTH,
        };
        let (pk, sk) = current_key(tester.id, study);
        // also one that has ended, whose place this one takes
        let older = self.query_all(pk.clone(), &sk).await?.into_iter().next();
        let version = older.as_ref().map(|item| item.read("test token").number("version")).transpose()?;
        let current = test_token_item((pk, sk), &token).number("version", version.unwrap_or(0) + 1);
        let condition = version.map_or(Condition::Absent, Condition::Version);
        let mut members = vec![
            current.put(&self.main, condition)?,
            test_token_item(test_token_key(hash), &token).put(&self.main, Condition::None)?,
        ];
        if let Some(older) = older.as_ref().and_then(|item| item.read("test token").optional_text("hash")) {
            if older == hash {
                return Ok((token, Vec::new()));
            }
            let (pk, sk) = test_token_key(older);
            members.push(delete(&self.main, pk, sk)?);
        }
        Ok((token, members))
    }

    /// The members that end a tester's test token for a study, if there is one.
    pub(super) async fn revoke_test_token_members(
        &self,
        tester: UserId,
        study: StudyId,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (pk, sk) = current_key(tester, study);
        let Some(current) = self.query_all(pk.clone(), &sk).await?.into_iter().next() else { return Ok(Vec::new()) };
        let reader = current.read("test token");
        let mut members = vec![delete_version(&self.main, pk, sk, reader.number("version")?)?];
        if let Some(hash) = reader.optional_text("hash") {
            let (pk, sk) = test_token_key(hash);
            members.push(delete(&self.main, pk, sk)?);
        }
        Ok(members)
    }

    /// Stores a new test token of a tester for a study by its hash; an older one stops working.
    ///
    /// # Errors
    /// When the store fails.
    pub fn issue_test_token<'a>(
        &'a self,
        tester: &'a User,
        study: StudyId,
        hash: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<TestToken, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let (token, members) = self.test_token_members(tester, study, hash, now).await?;
                // the answer to an earlier attempt can have been lost: then it is there
                if members.is_empty() || self.transact(members).await? == Written::Done {
                    return Ok(token);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }
}
