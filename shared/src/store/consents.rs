//! Consents of testers, and the special-category data that one of them covers: in a partition of its own
//! (openscouter 18, 21).

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, check, check_version, delete},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::{
    clock::epoch_millis,
    model::{AuditEntry, Consent, ConsentKind, TestSession, UserId, WorkItem, WorkKind},
};

/// Sessions that are looked at at a time.
const AT_A_TIME: usize = 8;
/// Longer than any request lasts.
const UNDER_WAY: Duration = Duration::minutes(2);

pub(super) fn consent_key(user: UserId, kind: ConsentKind) -> (String, String) {
    (user_pk(user), format!("CONSENT#{}", kind.as_str()))
}

pub(super) fn special_key(user: UserId) -> (String, String) {
    (format!("SPECIAL#{user}"), "SPECIAL".to_owned())
}

/// A consent as the write that `audit` records left it.
fn consent_item(user: UserId, consent: &Consent, audit: &AuditEntry) -> Item {
    let (pk, sk) = consent_key(user, consent.kind);
    Item::new(pk, sk)
        .text("record", audit.id.to_string())
        .text("kind", consent.kind.as_str())
        .text("of", &*consent.version)
        .time("given_at", consent.given_at)
        .optional_time("revoked_at", consent.revoked_at)
}

pub(super) fn read_consent(item: &Item) -> Result<(Consent, u64), StoreError> {
    let reader = item.read("consent");
    let consent = Consent {
        kind: reader.parsed("kind", ConsentKind::parse)?,
        version: reader.text("of")?.to_owned(),
        given_at: reader.time("given_at")?,
        revoked_at: reader.optional_time("revoked_at")?,
    };
    Ok((consent, reader.number("version")?))
}

/// Up to which time of their beginning sessions are reached by the withdrawal of a consent, where `testing` is the
/// consent that sessions need as it is now; `None` means all.
fn reached(kind: ConsentKind, revoked_at: OffsetDateTime, testing: Option<Consent>) -> Option<OffsetDateTime> {
    match testing.filter(|_| kind == ConsentKind::Testing) {
        None => Some(revoked_at),
        Some(consent) if consent.revoked_at.is_some() => None,
        // a session that was asked for beside it can have begun a little before it
        Some(consent) => Some(revoked_at.max(consent.given_at - Duration::seconds(1))),
    }
}

/// Whether a session began at or before `last`, to the millisecond: one that began in the same second, after the
/// withdrawal, is another matter.
fn is_reached(session: &TestSession, last: Option<OffsetDateTime>) -> bool {
    last.is_none_or(|last| epoch_millis(session.began_at()) <= epoch_millis(last))
}

impl Store {
    /// A tester's consents, in the contract's order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn consents(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Consent>, StoreError>> {
        Box::pin(async move {
            let keys = ConsentKind::ALL.map(|kind| consent_key(user, kind)).to_vec();
            let mut consents = Vec::new();
            for item in self.batch_get(keys).await? {
                consents.push(read_consent(&item)?.0);
            }
            consents.sort_by_key(|consent| consent.kind.as_str() != "testing");
            Ok(consents)
        })
    }

    /// Whether a tester's consent of a kind holds for this version of the text.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_consent<'a>(
        &'a self,
        user: UserId,
        kind: ConsentKind,
        version: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.consent(user, kind).await?.is_some_and(|(consent, _)| consent.holds(version))) })
    }

    async fn consent(&self, user: UserId, kind: ConsentKind) -> Result<Option<(Consent, u64)>, StoreError> {
        self.stored_consent(user, kind).await?.as_ref().map(read_consent).transpose()
    }

    async fn stored_consent(&self, user: UserId, kind: ConsentKind) -> Result<Option<Item>, StoreError> {
        let (pk, sk) = consent_key(user, kind);
        self.get(&self.main, pk, sk).await
    }

    /// Gives a consent; one that holds already stays as it is. Whether it is new comes with it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_consent<'a>(
        &'a self,
        user: UserId,
        consent: &'a Consent,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(Consent, bool), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let item = self.stored_consent(user, consent.kind).await?;
                let known = item.as_ref().map(read_consent).transpose()?;
                let version = known.as_ref().map_or(0, |(_, version)| *version);
                if let Some((known, _)) = known.filter(|(known, _)| known.holds(&consent.version)) {
                    // an earlier attempt of this call can have lost its answer
                    let record = item.as_ref().and_then(|item| item.read("consent").optional_text("record"));
                    return Ok((known, record == Some(&audit.id.to_string())));
                }
                if self.write_consents(user, &[(consent.clone(), version)], audit).await? {
                    return Ok((consent.clone(), true));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Writes consents that were at these versions; what follows from a withdrawal follows from the first one's.
    async fn write_consents(
        &self,
        user: UserId,
        consents: &[(Consent, u64)],
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let Some((consent, version)) = consents.first() else { return Ok(false) };
        let mut members = Vec::new();
        for (consent, version) in consents {
            let condition = if *version == 0 { Condition::Absent } else { Condition::Version(*version) };
            members.push(consent_item(user, consent, audit).number("version", version + 1).put(&self.main, condition)?);
        }
        members.extend(self.audit_members(audit)?);
        members.push(self.tester_member(user, &format!("consent-{}-{}", consent.kind.as_str(), version + 1))?);
        if let Some(revoked_at) = consent.revoked_at {
            let (pk, sk) = special_key(user);
            members.push(delete(&self.main, pk, sk)?);
            // what was under way when it was withdrawn has arrived by the second time
            for (number, due) in [(1, revoked_at), (2, revoked_at + UNDER_WAY)] {
                let id = format!("consent-{user}-{}-{}-{number}", consent.kind.as_str(), version + 1);
                let subject = format!("{user} {} {}", consent.kind.as_str(), epoch_millis(revoked_at));
                let work = WorkItem { id, kind: WorkKind::WithdrawConsent, subject, attempt: 0 };
                members.push(self.work_member(&work, due)?);
            }
        }
        Ok(self.transact(members).await? == Written::Done)
    }

    /// Withdraws a consent and queues what follows; of one that was withdrawn already nothing is new. `None` when it
    /// was never given. Who takes no part any more leaves nothing to match by: with `testing`, `special_category` ends.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_consent<'a>(
        &'a self,
        user: UserId,
        kind: ConsentKind,
        now: OffsetDateTime,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<Option<Consent>, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some((known, version)) = self.consent(user, kind).await? else { return Ok(None) };
                if known.revoked_at.is_some() {
                    return Ok(Some(known));
                }
                let beside = match kind {
                    ConsentKind::Testing => self.consent(user, ConsentKind::SpecialCategory).await?,
                    ConsentKind::SpecialCategory => None,
                };
                let beside = beside.filter(|(consent, _)| consent.revoked_at.is_none());
                let ended = [Some((known, version)), beside].into_iter().flatten();
                let ended: Vec<_> =
                    ended.map(|(consent, version)| (Consent { revoked_at: Some(now), ..consent }, version)).collect();
                if self.write_consents(user, &ended, audit).await? {
                    return Ok(ended.into_iter().next().map(|(consent, _)| consent));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Ends the running sessions that the withdrawal of a consent reaches (openscouter 18), so that nothing is taken in
    /// any more when it is answered. Run twice, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_running_tests(
        &self,
        user: UserId,
        (kind, revoked_at): (ConsentKind, OffsetDateTime),
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let consent = self.consent(user, ConsentKind::Testing);
            let (consent, running) = futures_util::future::try_join(consent, self.running_tests(user, now)).await?;
            let last = reached(kind, revoked_at, consent.map(|(consent, _)| consent));
            let mut ended = Vec::new();
            for session in running {
                if is_reached(&session, last) {
                    ended.push(self.end_test_session(session.id, now));
                }
            }
            stream::iter(ended).buffer_unordered(AT_A_TIME).try_collect().await
        })
    }

    /// Whether a tester has withdrawn the consent that sessions need.
    pub(super) async fn has_withdrawn(&self, user: UserId) -> Result<bool, StoreError> {
        let consent = self.consent(user, ConsentKind::Testing).await?;
        Ok(consent.is_some_and(|(consent, _)| consent.revoked_at.is_some()))
    }

    /// The member that holds unless a tester has withdrawn the consent that sessions need.
    pub(super) fn consent_member(&self, user: UserId) -> Result<TransactWriteItem, StoreError> {
        check(&self.main, consent_key(user, ConsentKind::Testing), "attribute_not_exists(revoked_at)", None, [])
    }

    /// The special categories that a tester named.
    ///
    /// # Errors
    /// When the store fails.
    pub fn special_categories(&self, user: UserId) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = special_key(user);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(Vec::new()) };
            item.read("special categories").parsed("categories", |text| serde_json::from_str(text).ok())
        })
    }

    /// Keeps the special categories that a tester named, as long as the consent is what it was; `Ok(false)` when it
    /// is not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_special_categories<'a>(
        &'a self,
        user: UserId,
        categories: &'a [String],
        version: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = special_key(user);
            let text = serde_json::to_string(categories).unwrap_or_else(|_| "[]".to_owned());
            let item = Item::new(pk, sk).text("categories", text);
            let change = format!("categories-{}", uuid::Uuid::new_v4());
            for attempt in 0..MAX_ATTEMPTS {
                let consent = self.consent(user, ConsentKind::SpecialCategory).await?;
                let Some((consent, at)) = consent.filter(|(consent, _)| consent.holds(version)) else {
                    return Ok(false);
                };
                // a withdrawal in between is noticed
                let (pk, sk) = consent_key(user, consent.kind);
                let members = vec![
                    check_version(&self.main, pk, sk, at)?,
                    item.clone().put(&self.main, Condition::None)?,
                    self.tester_member(user, &change)?,
                ];
                if self.transact(members).await? == Written::Done {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// What follows from the withdrawal of a consent (openscouter 18): running sessions end, and what was captured of
    /// the tester goes with what was made of it. Only sessions that began before the withdrawal are touched, or before
    /// the consent was given again; while none is given that sessions need, all of them are. Run twice, nothing
    /// changes. `Ok(false)` when `enough` said so before the end.
    ///
    /// # Errors
    /// When the store fails.
    pub fn withdraw_consent<'a>(
        &'a self,
        user: UserId,
        (kind, revoked_at): (ConsentKind, OffsetDateTime),
        now: OffsetDateTime,
        enough: &'a (dyn Fn() -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let consent = self.consent(user, ConsentKind::Testing).await?.map(|(consent, _)| consent);
            let last = reached(kind, revoked_at, consent);
            let ids = self.tested(user).await?.into_iter().map(|(id, _)| id);
            let forget = |id| async move {
                if enough() {
                    return Ok(false);
                }
                let session = self.test_session(id).await?;
                if session.is_some_and(|session| is_reached(&session, last)) {
                    self.forget_test_session(id, now).await?;
                }
                Ok::<_, StoreError>(true)
            };
            let done: Vec<bool> = stream::iter(ids.map(forget)).buffer_unordered(AT_A_TIME).try_collect().await?;
            Ok(done.into_iter().all(|done| done))
        })
    }
}
