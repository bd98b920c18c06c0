//! Participants' sessions (outset 14).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    client::Written,
    item::{Condition, Item},
    retry::after_lost_race,
    studies::{study_item, study_pk},
};
use crate::{
    clock::epoch_micros,
    model::{OrganizationId, ParticipantSession, SessionState, SessionToken, Status, Study, StudyId},
    secret::sha256_hex,
};

/// What a visit of a start link leads to.
#[derive(Clone, Debug)]
pub enum StartOutcome {
    /// A session, new or resumed; and the study it belongs to.
    Session(SessionToken, Box<Study>),
    /// The uid's session is finished.
    AlreadyUsed,
    /// New participants cannot start now.
    NotActive,
    /// The study has ended.
    Closed,
    /// There is no such study.
    NotFound,
}

pub(super) fn session_pk(hash: &str) -> String {
    format!("SESSION#{hash}")
}

fn uid_sk(uid: &str) -> String {
    format!("UID#{}", sha256_hex(uid.as_bytes()))
}

fn session_item(session: &ParticipantSession) -> Item {
    let metadata = serde_json::to_string(&session.metadata).unwrap_or_else(|_| "{}".to_owned());
    Item::new(session_pk(&session.token_hash), "SESSION".to_owned())
        .text("study", session.study.to_string())
        .text("organization", session.organization.to_string())
        .optional_text("uid", session.uid.as_deref())
        .text("metadata", metadata)
        .time("started_at", session.started_at)
}

fn read_session(token_hash: &str, item: &Item) -> Result<ParticipantSession, StoreError> {
    let reader = item.read("session");
    Ok(ParticipantSession {
        token_hash: token_hash.to_owned(),
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        uid: reader.optional_text("uid").map(str::to_owned),
        metadata: reader.parsed("metadata", |text| serde_json::from_str(text).ok())?,
        started_at: reader.time("started_at")?,
        completed_at: reader.optional_time("completed_at")?,
    })
}

impl Store {
    /// A participant's session.
    ///
    /// # Errors
    /// When the store fails.
    pub fn session<'a>(
        &'a self,
        token: &'a SessionToken,
    ) -> BoxFuture<'a, Result<Option<ParticipantSession>, StoreError>> {
        Box::pin(async move {
            let hash = token.hash();
            let item = self.get(&self.main, session_pk(&hash), "SESSION".to_owned()).await?;
            item.as_ref().map(|item| read_session(&hash, item)).transpose()
        })
    }

    /// One visit of a start link, by the table of outset 14.1. With `dry`, only says what a visit
    /// would meet (HEAD): a session in the answer is then not stored.
    ///
    /// # Errors
    /// When the store fails.
    pub fn start_session<'a>(
        &'a self,
        study: StudyId,
        uid: Option<&'a str>,
        metadata: &'a BTreeMap<String, String>,
        now: OffsetDateTime,
        dry: bool,
    ) -> BoxFuture<'a, Result<StartOutcome, StoreError>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                if let Some(outcome) = self.try_start(study, uid, metadata, now, dry).await? {
                    return Ok(outcome);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// `None` when another visit or writer was faster.
    async fn try_start(
        &self,
        id: StudyId,
        uid: Option<&str>,
        metadata: &BTreeMap<String, String>,
        now: OffsetDateTime,
        dry: bool,
    ) -> Result<Option<StartOutcome>, StoreError> {
        let link = async {
            match uid {
                Some(uid) => self.get(&self.main, study_pk(id), uid_sk(uid)).await,
                None => Ok(None),
            }
        };
        let (study, link) = futures_util::future::try_join(self.linked_study(id), link).await?;
        let Some(study) = study else { return Ok(Some(StartOutcome::NotFound)) };
        let known = match &link {
            Some(link) => Some(self.linked_session(link).await?),
            None => None,
        };
        if let Some((token, session, _)) = &known {
            match session.state_at(now) {
                SessionState::Finished => return Ok(Some(StartOutcome::AlreadyUsed)),
                SessionState::Running => return Ok(Some(StartOutcome::Session(token.clone(), Box::new(study)))),
                SessionState::Expired => {}
            }
        }
        match study.status {
            Status::Draft | Status::Paused => return Ok(Some(StartOutcome::NotActive)),
            Status::Completed | Status::Closed => return Ok(Some(StartOutcome::Closed)),
            Status::Open | Status::InProgress => {}
        }
        let token = SessionToken::generate()
            .map_err(|error| StoreError::Call { operation: "random", cause: error.to_string() })?;
        if dry {
            return Ok(Some(StartOutcome::Session(token, Box::new(study))));
        }
        let session = ParticipantSession {
            token_hash: token.hash(),
            study: study.id,
            organization: study.organization,
            uid: uid.map(str::to_owned),
            metadata: metadata.clone(),
            started_at: now,
            completed_at: None,
        };
        let written = self.write_start(&study, &session, &token, known.map(|(_, _, version)| version), now).await?;
        Ok(written.then(|| StartOutcome::Session(token, Box::new(study))))
    }

    async fn linked_session(&self, link: &Item) -> Result<(SessionToken, ParticipantSession, u64), StoreError> {
        let reader = link.read("participant link");
        let token = reader.parsed("token", SessionToken::parse)?;
        let session = self.session(&token).await?.ok_or_else(|| reader.malformed("token"))?;
        Ok((token, session, reader.number("version")?))
    }

    async fn write_start(
        &self,
        study: &Study,
        session: &ParticipantSession,
        token: &SessionToken,
        replaced: Option<u64>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        // listed with its study, so that both can be removed together
        let listed = Item::new(study_pk(study.id), format!("SESSION#{}", session.token_hash));
        let mut members =
            vec![session_item(session).put(&self.main, Condition::Absent)?, listed.put(&self.main, Condition::Absent)?];
        let next = match study.status {
            Status::Open => study.moved_to(Status::InProgress, now),
            _ => study.clone(),
        };
        if next == *study {
            members.push(self.still_active(study)?);
        } else {
            members.push(study_item(&next).put(&self.main, Condition::Version(study.version))?);
            let Some(moves) = self.moves(study, &next).await? else { return Ok(false) };
            members.extend(moves);
        }
        if let Some(uid) = &session.uid {
            // an expired session's link is taken over by one visit only
            let condition = replaced.map_or(Condition::Absent, Condition::Version);
            let link = Item::new(study_pk(study.id), uid_sk(uid))
                .text("token", token.reveal())
                .number("version", replaced.unwrap_or(0) + 1);
            members.push(link.put(&self.main, condition)?);
        }
        Ok(self.transact(members).await? == Written::Done)
    }

    /// A transaction member that holds while the study takes participants.
    fn still_active(&self, study: &Study) -> Result<aws_sdk_dynamodb::types::TransactWriteItem, StoreError> {
        let check = aws_sdk_dynamodb::types::ConditionCheck::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(study_pk(study.id)))
            .key("sk", AttributeValue::S("STUDY".to_owned()))
            .condition_expression("#status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", AttributeValue::S(study.status.as_str().to_owned()))
            .build()
            .map_err(|error| StoreError::Call { operation: "ConditionCheck", cause: error.to_string() })?;
        Ok(aws_sdk_dynamodb::types::TransactWriteItem::builder().condition_check(check).build())
    }

    /// Marks a session finished at `now`, once: `Ok(false)` when it was already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn complete_session<'a>(
        &'a self,
        token: &'a SessionToken,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(session_pk(&token.hash())))
                .key("sk", AttributeValue::S("SESSION".to_owned()))
                .update_expression("SET completed_at = :now")
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(completed_at)")
                .expression_attribute_values(":now", AttributeValue::N(epoch_micros(now).to_string()));
            self.update(call).await
        })
    }
}
