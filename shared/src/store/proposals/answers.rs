//! What testers answer (openscouter 14.1): who accepts is assigned and gets a test token, all or nothing.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use time::{Duration, OffsetDateTime};

use crate::{
    model::{Proposal, ProposalId, ProposalStatus, StudyId, TestToken, User, WorkItem},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        item::{check, delete},
        reminders::DueReminder,
        seats::{link_key, read_progress, seats_key},
        studies::study_pk,
        test_sessions::{assigned_key, assignment_key},
    },
};

/// How long who hears an update has to send the link to the test, before work does: longer than a request lasts.
const LINK_PAUSE: Duration = Duration::seconds(30);

/// What accepting needs.
#[derive(Clone, Copy, Debug)]
pub struct Acceptance<'a> {
    /// The proposal.
    pub id: ProposalId,
    /// The tester, whose proposal it must be.
    pub tester: &'a User,
    /// SHA-256 of the test token that is handed out.
    pub token_hash: &'a str,
    /// Places of the study.
    pub places: u32,
    /// After how long a tester is reminded who has not started.
    pub remind_after: Duration,
    /// The update of Telegram's that it came by: it is heard in the same write, and work that sends the link to the test
    /// is left, in case that does not succeed at once (openscouter 15).
    pub heard: Option<i64>,
}

/// What became of accepting.
#[derive(Debug)]
pub enum Accepted {
    /// The tester takes part.
    Done(Box<Proposal>, Box<TestToken>),
    /// No proposal of the tester's.
    Missing,
    /// It stands otherwise.
    Stands(ProposalStatus),
    /// No place is left.
    Full,
}

/// What became of declining.
#[derive(Debug)]
pub enum Declined {
    /// The tester does not take part.
    Done(Box<Proposal>),
    /// No proposal of the tester's.
    Missing,
    /// It stands otherwise.
    Stands(ProposalStatus),
    /// The tester's session has begun.
    Started,
}

/// How many testers take part by a proposal.
fn accepted_key(study: StudyId) -> (String, String) {
    (study_pk(study), "ACCEPTED".to_owned())
}

impl Store {
    /// A tester accepts a proposal: it moves on, the tester is assigned, a place is taken and the test token is there, in
    /// one transaction. An older test token of the study stops working.
    ///
    /// # Errors
    /// When the store fails.
    pub fn accept_proposal<'a>(
        &'a self,
        acceptance: Acceptance<'a>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Accepted, StoreError>> {
        Box::pin(async move {
            let Acceptance { id, tester, token_hash, places, remind_after, heard } = acceptance;
            let mut tried = None;
            for attempt in 0.. {
                let proposal = self.proposal(id).await?.filter(|proposal| proposal.tester == tester.id);
                let Some(proposal) = proposal else { return Ok(Accepted::Missing) };
                let (status, study) = (proposal.status_at(now), proposal.study);
                let (token, issued) = self.test_token_members(tester, study, token_hash, now).await?;
                // the first answer to this very write can have been lost
                if tried.as_ref() == Some(&proposal) && issued.is_empty() {
                    return Ok(Accepted::Done(Box::new(proposal), Box::new(token)));
                }
                if status != ProposalStatus::Sent {
                    return Ok(Accepted::Stands(status));
                }
                if self.is_taken(study, places).await? {
                    return Ok(Accepted::Full);
                }
                let next = proposal.moved_to(ProposalStatus::Accepted, now);
                let mut members = self.move_members(&proposal, &next).await?;
                members.push(self.place_member(study, Some(places))?);
                members.push(self.due_member(DueReminder::Accepted(id, 1).key(now + remind_after))?);
                members.extend(self.acceptance_members(study, tester.id, now)?);
                members.extend(issued);
                if let Some(update) = heard {
                    members.push(self.heard_member(update, now)?);
                    members.push(self.work_member(&WorkItem::test_link(id), now + LINK_PAUSE)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(Accepted::Done(Box::new(next), Box::new(token)));
                }
                tried = Some(next);
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// A tester declines a proposal, also one that was accepted, until the session begins. The test token stops working, and
    /// the next best tester is proposed by the work that follows. The update `heard` of Telegram's that it came by is heard in
    /// the same write.
    ///
    /// # Errors
    /// When the store fails.
    pub fn decline_proposal<'a>(
        &'a self,
        id: ProposalId,
        tester: &'a User,
        heard: Option<i64>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Declined, StoreError>> {
        Box::pin(async move {
            let mut tried = None;
            for attempt in 0.. {
                let proposal = self.proposal(id).await?.filter(|proposal| proposal.tester == tester.id);
                let Some(proposal) = proposal else { return Ok(Declined::Missing) };
                let (status, study) = (proposal.status_at(now), proposal.study);
                if tried.as_ref() == Some(&proposal) {
                    return Ok(Declined::Done(Box::new(proposal)));
                }
                if !matches!(status, ProposalStatus::Sent | ProposalStatus::Accepted) {
                    return Ok(Declined::Stands(status));
                }
                if self.test_session_of(study, tester.id).await?.is_some() {
                    return Ok(Declined::Started);
                }
                let next = proposal.moved_to(ProposalStatus::Declined, now);
                let mut members = self.move_members(&proposal, &next).await?;
                members.push(check(&self.main, link_key(study, tester.id), "attribute_not_exists(pk)", None, [])?);
                members.push(self.work_member(&WorkItem::propose_next(&next), now)?);
                if status == ProposalStatus::Accepted {
                    members.push(self.place_member(study, None)?);
                    for (pk, sk) in [assignment_key(study, tester.id), assigned_key(study, tester.id)] {
                        members.push(delete(&self.main, pk, sk)?);
                    }
                    members.extend(self.revoke_test_token_members(tester.id, study).await?);
                }
                members.extend(heard.map(|update| self.heard_member(update, now)).transpose()?);
                if self.transact(members).await? == Written::Done {
                    return Ok(Declined::Done(Box::new(next)));
                }
                tried = Some(next);
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// Whether a study's places are taken, by sessions or by who accepted.
    async fn is_taken(&self, study: StudyId, places: u32) -> Result<bool, StoreError> {
        let mut taken = 0;
        for item in self.batch_get(vec![accepted_key(study), seats_key(study)]).await? {
            let reader = item.read("places");
            let count = match reader.text("sk")? {
                "ACCEPTED" => u32::try_from(reader.count("count")?).unwrap_or(u32::MAX),
                _ => read_progress(&item)?.sessions,
            };
            taken = taken.max(count);
        }
        Ok(taken >= places)
    }

    /// The member that takes a place of so many, or gives one back.
    fn place_member(&self, study: StudyId, places: Option<u32>) -> Result<TransactWriteItem, StoreError> {
        let number = |value: i64| AttributeValue::N(value.to_string());
        let (pk, sk) = accepted_key(study);
        let update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("ADD #count :by")
            .expression_attribute_names("#count", "count");
        let update = match places {
            None => update
                .condition_expression("#count > :none")
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":by", number(-1)),
            Some(places) => update
                .condition_expression("attribute_not_exists(#count) OR #count < :places")
                .expression_attribute_values(":places", number(places.into()))
                .expression_attribute_values(":by", number(1)),
        };
        let update =
            update.build().map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
