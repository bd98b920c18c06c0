//! Test tokens (openscouter 3.6): by hash, and one of them for a tester and a study, so that a new one revokes the
//! older.

use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete},
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
            let token = TestToken {
                hash: hash.to_owned(),
                tester: tester.id,
                organization: tester.organization,
                study,
                generation: tester.credential_generation,
                expires_at: now + LENGTH,
            };
            let (pk, sk) = current_key(tester.id, study);
            for attempt in 0..MAX_ATTEMPTS {
                // also one that has ended, whose place this one takes
                let older = self.query_all(pk.clone(), &sk).await?.into_iter().next();
                let version = older.as_ref().map(|item| item.read("test token").number("version")).transpose()?;
                let current =
                    test_token_item((pk.clone(), sk.clone()), &token).number("version", version.unwrap_or(0) + 1);
                let condition = version.map_or(Condition::Absent, Condition::Version);
                let mut members = vec![
                    current.put(&self.main, condition)?,
                    test_token_item(test_token_key(hash), &token).put(&self.main, Condition::None)?,
                ];
                if let Some(older) = older.as_ref().and_then(|item| item.read("test token").optional_text("hash")) {
                    // the answer to an earlier attempt can have been lost: then it is the new one
                    if older == hash {
                        return Ok(token);
                    }
                    let (pk, sk) = test_token_key(older);
                    members.push(delete(&self.main, pk, sk)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(token);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }
}
