//! What people say of test sessions (openscouter 10.2): with the session, and named by its author for the export.

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, check},
    test_sessions::{key as session_key, test_session_pk},
    user_items::user_pk,
};
use crate::model::{FeedbackId, Role, TestSessionId, UserId};

/// With a session: what was said, by role. With a business user: the sessions of which something was said.
const FEEDBACK: &str = "FEEDBACK#";

fn said_key(session: TestSessionId, role: Role) -> (String, String) {
    (test_session_pk(session), format!("{FEEDBACK}{}", role.as_str()))
}

fn given_key(author: UserId, session: TestSessionId) -> (String, String) {
    (user_pk(author), format!("{FEEDBACK}{session}"))
}

/// What somebody says of a session (openscouter 10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Id.
    pub id: FeedbackId,
    /// The session.
    pub session: TestSessionId,
    /// In which role.
    pub role: Role,
    /// Who; `None` when it was said before that was kept.
    pub author: Option<UserId>,
    /// 1 to 5.
    pub rating: u32,
    /// In words.
    pub comment: Option<String>,
    /// When.
    pub created_at: OffsetDateTime,
}

/// What became of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackGiven {
    /// It is kept.
    Done,
    /// There was feedback of this role before.
    Before,
    /// The tester has withdrawn the consent that sessions need.
    Withdrawn,
    /// The session is gone.
    Gone,
}

fn read_feedback(session: TestSessionId, role: Role, item: &Item) -> Result<Feedback, StoreError> {
    let reader = item.read("feedback");
    Ok(Feedback {
        id: reader.parsed("id", FeedbackId::parse)?,
        session,
        role,
        author: reader.optional_text("author").and_then(UserId::parse),
        rating: reader.number("rating")?,
        comment: reader.optional_text("comment").map(str::to_owned),
        created_at: reader.time("created_at")?,
    })
}

impl Store {
    /// Keeps feedback, once for each role, while the session is there; a tester's as long as the consent is not
    /// withdrawn.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_feedback<'a>(
        &'a self,
        feedback: &'a Feedback,
        tester: UserId,
    ) -> BoxFuture<'a, Result<FeedbackGiven, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = said_key(feedback.session, feedback.role);
            let item = Item::new(pk.clone(), sk.clone())
                .text("id", feedback.id.to_string())
                .optional_text("author", feedback.author.map(|author| author.to_string()).as_deref())
                .number("rating", feedback.rating)
                .optional_text("comment", feedback.comment.as_deref())
                .time("created_at", feedback.created_at);
            for attempt in 0.. {
                let mut members = vec![
                    item.clone().put(&self.main, Condition::Absent)?,
                    // what removes a session removes what was said of it
                    check(&self.main, session_key(feedback.session), "attribute_exists(pk)", None, [])?,
                ];
                let own = feedback.role == Role::Tester;
                if own {
                    members.push(self.consent_member(tester)?);
                } else {
                    members.push(self.tester_counts_member(tester, &[("sum", feedback.rating), ("count", 1)])?);
                    members.push(self.tester_member(tester, &format!("rated-{}", feedback.id))?);
                    // a tester's is found by the session, which is the tester's own
                    if let Some(author) = feedback.author {
                        let (pk, sk) = given_key(author, feedback.session);
                        members.push(Item::new(pk, sk).put(&self.main, Condition::None)?);
                    }
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(FeedbackGiven::Done),
                    Written::Refused(failed) if failed.contains(&1) => return Ok(FeedbackGiven::Gone),
                    Written::Refused(failed) if own && failed == [2] => return Ok(FeedbackGiven::Withdrawn),
                    Written::Refused(failed) if !failed.is_empty() => {
                        let known = self.get(&self.main, pk, sk).await?;
                        let ours = known.is_some_and(|known| known.0 == item.0);
                        return Ok(if ours { FeedbackGiven::Done } else { FeedbackGiven::Before });
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// What was said of a session in a role.
    ///
    /// # Errors
    /// When the store fails.
    pub fn feedback(&self, session: TestSessionId, role: Role) -> BoxFuture<'_, Result<Option<Feedback>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = said_key(session, role);
            let item = self.get(&self.main, pk, sk).await?;
            item.map(|item| read_feedback(session, role, &item)).transpose()
        })
    }

    /// The sessions of which a business user said something, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub fn feedback_given(&self, author: UserId) -> BoxFuture<'_, Result<Vec<TestSessionId>, StoreError>> {
        Box::pin(async move {
            let items = self.query(user_pk(author), FEEDBACK).await?;
            let session = |item: &Item| {
                item.read("feedback of a user").parsed("sk", |sk| TestSessionId::parse(sk.strip_prefix(FEEDBACK)?))
            };
            items.iter().map(session).collect()
        })
    }

    /// What business users said of these sessions, at most 100, in no order; without those that are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn feedback_of_owners<'a>(
        &'a self,
        sessions: &'a [TestSessionId],
    ) -> BoxFuture<'a, Result<Vec<Feedback>, StoreError>> {
        Box::pin(async move {
            let keys = sessions.iter().map(|session| said_key(*session, Role::Business)).collect();
            let read = |item: Item| {
                let session = item.pk().strip_prefix("SESS#").and_then(TestSessionId::parse);
                let session = session.ok_or_else(|| item.read("feedback").malformed("pk"))?;
                read_feedback(session, Role::Business, &item)
            };
            self.batch_get(keys).await?.into_iter().map(read).collect()
        })
    }

    /// Takes what a business user said of a session off that user's list; once more, nothing changes.
    pub(super) async fn forget_feedback_given(&self, session: TestSessionId) -> Result<(), StoreError> {
        let given = self.feedback(session, Role::Business).await?.and_then(|feedback| feedback.author);
        match given {
            Some(author) => self.batch_delete(vec![given_key(author, session)]).await,
            None => Ok(()),
        }
    }
}
