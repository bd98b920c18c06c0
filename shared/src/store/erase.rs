//! Deletion of an account with everything that hangs on it (outsend 6.2, openscouter 18, 21).
//!
//! The account goes in the request, and with it every credential, since each of them is checked against its user.
//! What is left is found through the partitions of the user and of the organization and is removed by work, in
//! slices. **This is the one place that knows what an account consists of**: whoever adds an entity that names a
//! user, an organization or a study adds it here, and a test that reads both tables after a deletion watches it.
//! What stays is the audit trail, which names ids and no person, and the payouts, which are financial records
//! (openscouter 21): ids, amounts and states.

use ranked::Change;
use std::collections::HashSet;

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, StudyFilter, UpdateError,
    accounts::{email_key, session_key},
    after_lost_race,
    client::Written,
    collection::{Collection, newest_first, study_rank},
    connections::code_key,
    consents::special_key,
    feed::feed_pk,
    item::{Condition, Item, delete},
    jobs::{Ending, JobFilter, every_collection},
    organizations::{ORGANIZATIONS, key_pk, organization_pk},
    outreach::organization_queue,
    participants::session_pk,
    payouts::{self, organization_lists},
    proposals::organization_proposal_lists,
    refresh_tokens::family_key,
    retry::MAX_ATTEMPTS,
    rights::{ERASURES, due_rank},
    studies::study_pk,
    test_sessions::{assigned_key, assignment_key, study_lists, test_lists},
    test_tokens::test_token_key,
    tokens::{listed_tokens, token_key},
    user_items::user_pk,
    user_keys::key_key,
    webhooks::{WEBHOOK, secrets_pk},
    work::work_key,
};
use crate::model::{
    AuditEntry, ConnectionId, FamilyId, OrganizationId, Owner, Redelivery, Status, Study, StudyId, User, UserId,
    WorkItem, WorkKind,
};

/// Studies that one slice removes.
const SLICE: u32 = 25;

impl Store {
    /// Deletes a user as it was read, and queues the removal of everything else; `Ok(false)` when the user changed
    /// meanwhile. The address is free again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_account<'a>(
        &'a self,
        user: &'a User,
        audit: &'a AuditEntry,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let gone = (user_pk(user.id), "USER".to_owned());
            for attempt in 0..MAX_ATTEMPTS {
                // the version is checked by writing it once more, as a tombstone that the work removes
                let tombstone = Item::new(gone.0.clone(), gone.1.clone()).number("version", user.version + 1);
                let (pk, sk) = email_key(&user.email);
                let mut members = vec![
                    tombstone.clone().put(&self.main, Condition::Version(user.version))?,
                    delete(&self.main, pk, sk)?,
                    self.work_member(&erasure(user), now)?,
                ];
                members.extend(self.audit_members(audit)?);
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => {
                        // the first answer to this very write can have been lost
                        let known = self.get(&self.main, gone.0.clone(), gone.1.clone()).await?;
                        return Ok(known.is_none_or(|known| known.0 == tombstone.0));
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Removes a slice of what hangs on a deleted account: credentials first. `Ok(true)` when nothing is left.
    ///
    /// # Errors
    /// When the store fails.
    pub fn erase_slice(
        &self,
        user: UserId,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            self.erase_keys(organization).await?;
            // what starts jobs goes before them, and what starts that before it
            if !self.erase_veilles(user).await? || !self.erase_pipelines(user).await? {
                return Ok(false);
            }
            // while the user's place in the lanes is still there
            if !self.erase_jobs(user, now).await? {
                return Ok(false);
            }
            if !self.erase_threads(user).await? {
                return Ok(false);
            }
            // a tester's sessions are in studies of others
            let tests = self.tested(user).await?;
            for (session, study) in tests.iter().take(SLICE as usize) {
                self.erase_test_session(*session, *study, user).await?;
            }
            if !tests.is_empty() {
                return Ok(false);
            }
            self.erase_tests_of(user).await?;
            if !self.erase_tester(user, now).await? {
                return Ok(false);
            }
            // an admin's are to other organizations, too
            for connection in self.connections_of(user).await? {
                self.end_connection(&connection, None).await?;
            }
            self.erase_user(user).await?;
            let tokens = self.tokens_page(Some(organization), 0, SLICE, now).await?;
            for token in &tokens.members {
                self.revoke_token(token, None).await?;
            }
            let connections = self.connections_page(Some(organization), 0, SLICE, now).await?;
            for connection in &connections.members {
                self.end_connection(connection, None).await?;
            }
            let filter = (StudyFilter::All, None);
            let first = move |_: u64| Some(0);
            let studies = self.studies_page(organization, filter, None, SLICE, &first).await?;
            let studies = studies.map(|page| page.members).unwrap_or_default();
            for listed in &studies {
                if !self.erase_study(&listed.study, now).await? {
                    return Ok(false);
                }
            }
            if !(tokens.members.is_empty() && connections.members.is_empty() && studies.is_empty()) {
                return Ok(false);
            }
            self.erase_organization(organization).await?;
            self.end_own_key(organization, now).await.map(|()| true)
        })
    }

    /// What a tester has beside the sessions; `Ok(true)` when nothing is left.
    async fn erase_tester(&self, user: UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        self.unplace_tester(user).await?;
        self.erase_proposals_of(user).await?;
        self.erase_payouts(user, now).await
    }

    /// Every item of a partition of the main table, and before it those that `beside` finds for an item.
    pub(super) async fn erase_partition(
        &self,
        pk: String,
        prefix: &str,
        beside: impl Fn(&Item, &str) -> Option<(String, String)>,
    ) -> Result<(), StoreError> {
        let items = self.query_all(pk, prefix).await?;
        let (mut keys, mut found) = (HashSet::new(), HashSet::new());
        for item in &items {
            let sk = item.read("item").text("sk")?;
            found.extend(beside(item, sk));
            keys.insert((item.pk().to_owned(), sk.to_owned()));
        }
        self.batch_delete(found.into_iter().collect()).await?;
        self.batch_delete(keys.into_iter().collect()).await
    }

    /// A slice of a user's jobs: ended, deleted, and their rows removed. `Ok(true)` when none is left.
    async fn erase_jobs(&self, user: UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let jobs = self.jobs_page(user, &JobFilter::default(), (0, SLICE), now).await?;
        for job in &jobs {
            if let Some(ended) = self.end_job(job.id, Ending::Cancelled, now).await? {
                self.delete_job(&ended, now).await?;
            }
        }
        if !jobs.is_empty() {
            return Ok(false);
        }
        for list in every_collection(user) {
            self.erase_partition(list, "", |_, _| None).await?;
        }
        Ok(true)
    }

    /// The empty lists of a tester's sessions.
    async fn erase_tests_of(&self, user: UserId) -> Result<(), StoreError> {
        for list in test_lists(user) {
            self.erase_partition(list, "", |_, _| None).await?;
        }
        Ok(())
    }

    /// What a user has in the table of short-lived records: one-time tokens and codes. What leads to them goes last.
    async fn erase_short_lived(&self, user: UserId) -> Result<(), StoreError> {
        let listed = self.query_in(&self.hot, user_pk(user), "").await?;
        let (mut found, mut lists) = (Vec::new(), Vec::new());
        for item in &listed {
            let sk = item.read("item").text("sk")?;
            found.extend(listed_tokens(item).iter().map(|hash| token_key(hash)));
            found.extend(sk.strip_prefix("CODE#").and_then(ConnectionId::parse).map(code_key));
            lists.push((item.pk().to_owned(), sk.to_owned()));
        }
        self.batch_delete_in(&self.hot, found).await?;
        self.batch_delete_in(&self.hot, lists).await
    }

    async fn erase_user(&self, user: UserId) -> Result<(), StoreError> {
        self.erase_short_lived(user).await?;
        if let Some(erasure) = self.erasure_of(user).await? {
            self.remove_everywhere(&[ERASURES.to_owned()], due_rank(erasure.due_at, user)).await?;
        }
        self.erase_partition(user_pk(user), "", |item, sk| {
            if let Some(hash) = sk.strip_prefix("LOGIN#") {
                return Some(session_key(hash));
            }
            if sk.starts_with("OSK#") {
                return item.read("user key").optional_text("hash").map(key_key);
            }
            if sk.starts_with("TEST#") {
                return item.read("test token").optional_text("hash").map(test_token_key);
            }
            if sk == "PAYEE" {
                return Self::payee_link(item);
            }
            if sk == "TELEGRAM" {
                return Self::telegram_chat(item);
            }
            if let Some(study) = sk.strip_prefix("ASSIGNED#") {
                return StudyId::parse(study).map(|study| assignment_key(study, user));
            }
            sk.strip_prefix("FAMILY#").and_then(FamilyId::parse).map(family_key)
        })
        .await?;
        // nothing is announced to who is gone
        for prefix in ["OUTBOX#", "SENT#"] {
            self.erase_partition(feed_pk(user), prefix, |item, _| {
                let named = item.read("work").optional_text("work")?;
                Some(work_key(named))
            })
            .await?;
        }
        self.erase_partition(feed_pk(user), WEBHOOK, |_, sk| {
            Some(work_key(&Redelivery::work_id(sk.strip_prefix(WEBHOOK)?)))
        })
        .await?;
        self.drop_items(&feed_pk(user), "").await?;
        self.drop_items(&secrets_pk(user), "").await?;
        // after the consent that allowed it
        self.batch_delete(vec![special_key(user)]).await
    }

    /// The Outset keys of an organization.
    async fn erase_keys(&self, organization: OrganizationId) -> Result<(), StoreError> {
        self.erase_partition(organization_pk(organization), "KEY#", |item, _| {
            let hash = item.read("api key").optional_text("hash")?;
            Some((key_pk(hash), "KEY".to_owned()))
        })
        .await
    }

    /// A study that is about to go, closed, so that nobody begins anything meanwhile; `None` when it is gone.
    async fn closed(&self, study: &Study, now: OffsetDateTime) -> Result<Option<Study>, StoreError> {
        if study.status == Status::Closed {
            return Ok(Some(study.clone()));
        }
        let close = move |study: &Study| {
            let open = study.status != Status::Closed;
            Ok::<_, std::convert::Infallible>(open.then(|| study.moved_to(Status::Closed, now)))
        };
        match self.update_study(study.organization, study.id, None, &close).await {
            Ok(study) => Ok(Some(study)),
            Err(UpdateError::NotFound | UpdateError::Refused(_)) => Ok(None),
            Err(UpdateError::Store(error)) => Err(error),
        }
    }

    /// A slice of a study: its sessions first, what finds it last. `Ok(true)` when nothing is left.
    async fn erase_study(&self, study: &Study, now: OffsetDateTime) -> Result<bool, StoreError> {
        let Some(study) = self.closed(study, now).await? else { return Ok(true) };
        let tests = self.test_links(study.id).await?;
        for (session, tester) in tests.iter().take(SLICE as usize) {
            self.erase_test_session(*session, study.id, *tester).await?;
        }
        if tests.len() > SLICE as usize {
            return Ok(false);
        }
        if let Some(report) = self.study_report(study.id).await? {
            self.drop_report(&report).await?;
        }
        self.erase_proposals(study.id).await?;
        let pk = study_pk(study.id);
        self.drop_agent_jobs(pk.clone()).await?;
        self.erase_approvals(study.id).await?;
        for list in study_lists(study.id).into_iter().chain(payouts::study_lists(study.id)) {
            self.drop_items(&list, "").await?;
        }
        self.erase_partition(pk.clone(), "SESSION#", |_, sk| {
            Some((session_pk(sk.strip_prefix("SESSION#")?), "SESSION".to_owned()))
        })
        .await?;
        self.erase_partition(pk.clone(), "ASSIGNED#", |_, sk| {
            let tester = UserId::parse(sk.strip_prefix("ASSIGNED#")?)?;
            Some(assigned_key(study.id, tester))
        })
        .await?;
        self.end_open_checkout(&study, now).await?;
        self.take_off(study.id, study.created_at).await?;
        let lists: Vec<_> = Collection::of(&study).iter().map(|collection| collection.pk(study.organization)).collect();
        let rank = study_rank(study.created_at, study.id);
        // it is found by its item and its rank: the rest of it goes before, and those two together
        self.drop_but(&pk, "", &["STUDY"]).await?;
        for attempt in 0..MAX_ATTEMPTS {
            if let Some(mut members) = self.rank_in_all(&lists, &Change::Remove(rank.clone())).await? {
                members.push(delete(&self.main, pk.clone(), "STUDY".to_owned())?);
                members.extend(self.gone_members(study.id, study.created_at)?);
                if self.transact(members).await? == Written::Done {
                    self.forget(study.id, study.created_at).await?;
                    return Ok(true);
                }
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// The organization itself, and the lists that are empty by now.
    async fn erase_organization(&self, id: OrganizationId) -> Result<(), StoreError> {
        if let Some(organization) = self.organization(id).await? {
            let rank = newest_first(organization.created_at, id.as_bytes());
            self.remove_everywhere(&[ORGANIZATIONS_RANKED.to_owned()], rank).await?;
        }
        for list in Collection::every().iter().map(|collection| collection.pk(id)) {
            self.erase_partition(list, "", |_, _| None).await?;
        }
        for list in ["tokens", "connections"] {
            self.erase_partition(format!("RANK#{id}#{list}"), "", |_, _| None).await?;
        }
        for list in
            organization_lists(id).into_iter().chain(organization_proposal_lists(id)).chain([organization_queue(id)])
        {
            self.drop_items(&list, "").await?;
        }
        self.batch_delete(vec![(ORGANIZATIONS.to_owned(), organization_pk(id))]).await?;
        self.erase_partition(organization_pk(id), "", |_, _| None).await
    }
}

/// The operator's ranked list.
const ORGANIZATIONS_RANKED: &str = super::audit::ORGANIZATIONS;

/// The work that removes what is left of an account.
fn erasure(user: &User) -> WorkItem {
    let address = Owner::Email(&user.email.hash()).partition();
    WorkItem {
        id: format!("erase-{}", user.id),
        kind: WorkKind::Erase,
        subject: format!("{} {} {address}", user.id, user.organization),
        attempt: 0,
    }
}
