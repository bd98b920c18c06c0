//! The quiz: a version is an item for good, and one item names the newest (openscouter 17, 18).

use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use super::{
    BoxFuture, Store, StoreError,
    accounts::user_item,
    after_lost_race,
    client::Written,
    item::{Condition, Item, check_version},
    user_items::user_pk,
};
use crate::{
    clock::epoch_micros,
    model::{AttemptId, AuditEntry, Quiz, QuizAttempt, User, UserId},
};

const QUIZ: &str = "QUIZ";
const CURRENT: &str = "CURRENT";
/// The item of a tester's tries of late.
const ATTEMPTS: &str = "ATTEMPTS";
/// How often the quiz can be tried in a day.
const MAX_TRIES: usize = 3;
const DAY: Duration = Duration::hours(24);

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It counts.
    Kept,
    /// Three were made within 24 hours.
    TooOften,
    /// The tester passed the quiz before.
    Qualified,
    /// The account is gone.
    Gone,
    /// A newer version of the quiz was published meanwhile.
    Replaced,
}

/// Tries of late: the attempt's id, and when in microseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Tries(Vec<(String, i64)>);

fn version_sk(version: u32) -> String {
    format!("VERSION#{version:08}")
}

fn read_attempt(tester: UserId, item: &Item) -> Result<QuizAttempt, StoreError> {
    let reader = item.read("quiz attempt");
    Ok(QuizAttempt {
        id: reader.parsed("id", AttemptId::parse)?,
        tester,
        version: reader.number("quiz")?,
        answers: reader.parsed("answers", |text| serde_json::from_str(text).ok())?,
        score: reader.number("score")?,
        passed: reader.flag("passed")?,
        created_at: reader.time("created_at")?,
    })
}

impl Store {
    /// The active version of the quiz.
    ///
    /// # Errors
    /// When the store fails.
    pub fn quiz(&self) -> BoxFuture<'_, Result<Option<Quiz>, StoreError>> {
        Box::pin(async move {
            let Some(current) = self.get(&self.main, QUIZ.to_owned(), CURRENT.to_owned()).await? else {
                return Ok(None);
            };
            let version = current.read("quiz").number("version")?;
            let sk = version_sk(version);
            let Some(item) = self.get(&self.main, QUIZ.to_owned(), sk.clone()).await? else { return Ok(None) };
            let Some((item, text)) = self.large_text(item, (QUIZ, &sk)).await? else { return Ok(None) };
            let reader = item.read("quiz");
            Ok(Some(Quiz {
                version,
                passing_score: reader.number("passing_score")?,
                questions: serde_json::from_str(&text).map_err(|_| reader.malformed("text"))?,
                updated_at: reader.time("updated_at")?,
            }))
        })
    }

    /// The members that publish a version after the one before, 0 for none. A version never changes, so that its
    /// parts belong together; the current item names it.
    fn quiz_members(&self, before: u32, quiz: &Quiz, sign: Uuid) -> Result<Vec<TransactWriteItem>, StoreError> {
        let condition = if before == 0 { Condition::Absent } else { Condition::Version(before.into()) };
        let sk = version_sk(quiz.version);
        let current = Item::new(QUIZ.to_owned(), CURRENT.to_owned()).number("version", quiz.version);
        let head = Item::new(QUIZ.to_owned(), sk.clone())
            .text("sign", sign.to_string())
            .number("passing_score", quiz.passing_score)
            .time("updated_at", quiz.updated_at);
        let text = serde_json::to_string(&quiz.questions)
            .map_err(|error| StoreError::Call { operation: "quiz", cause: error.to_string() })?;
        let mut members = vec![current.put(&self.main, condition)?];
        members.extend(self.large_members((QUIZ, &sk), head, &text, Condition::Absent)?);
        Ok(members)
    }

    /// Publishes a quiz as the next version, which it is given; no two share one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish_quiz<'a>(
        &'a self,
        quiz: &'a Quiz,
        audit: &'a (dyn Fn(&Quiz) -> AuditEntry + Send + Sync),
    ) -> BoxFuture<'a, Result<Quiz, StoreError>> {
        Box::pin(async move {
            let (sign, mut tried) = (Uuid::new_v4(), None);
            for attempt in 0.. {
                // the answer to an earlier attempt can have been lost
                if let Some(version) = tried
                    && let Some(item) = self.get(&self.main, QUIZ.to_owned(), version_sk(version)).await?
                    && item.read("quiz").optional_text("sign") == Some(&sign.to_string())
                {
                    return Ok(Quiz { version, ..quiz.clone() });
                }
                let current = self.get(&self.main, QUIZ.to_owned(), CURRENT.to_owned()).await?;
                let before = current.as_ref().map(|item| item.read("quiz").number("version")).transpose()?.unwrap_or(0);
                let next = Quiz { version: before + 1, ..quiz.clone() };
                tried = Some(next.version);
                let mut members = self.quiz_members(before, &next, sign)?;
                members.extend(self.audit_members(&audit(&next))?);
                if self.transact(members).await? == Written::Done {
                    return Ok(next);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// Keeps a tester's attempt as long as its version is the active one, the tester has not passed yet and has made
    /// fewer than three in 24 hours. One that passed qualifies the user, who is read again when somebody else's change
    /// was faster.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attempt_quiz<'a>(
        &'a self,
        attempt: &'a QuizAttempt,
        mut user: User,
    ) -> BoxFuture<'a, Result<Attempted, StoreError>> {
        Box::pin(async move {
            let (id, now) = (attempt.id.to_string(), attempt.created_at);
            for try_number in 0.. {
                if user.qualified {
                    return Ok(Attempted::Qualified);
                }
                let (mut tries, version) = self.tries_of(user.id).await?;
                if tries.0.iter().any(|(known, _)| *known == id) {
                    return Ok(Attempted::Kept); // the answer to an earlier try was lost
                }
                tries.0.retain(|(_, at)| *at > epoch_micros(now - DAY));
                if tries.0.len() >= MAX_TRIES {
                    return Ok(Attempted::TooOften);
                }
                tries.0.push((id.clone(), epoch_micros(now)));
                match self.transact(self.attempt_members(attempt, &user, (&tries, version))?).await? {
                    Written::Done => return Ok(Attempted::Kept),
                    // unless the attempt is there, because the first answer to this very write was lost
                    Written::Refused(failed) if failed.contains(&2) && !failed.contains(&1) => {
                        return Ok(Attempted::Replaced);
                    }
                    Written::Refused(failed) if failed == [3] => {
                        let Some(account) = self.account(user.id).await? else { return Ok(Attempted::Gone) };
                        user = account.user;
                    }
                    Written::Refused(_) => {}
                }
                after_lost_race(try_number).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// A tester's tries of late, and the version of the item that names them, which is 0 where there is none.
    async fn tries_of(&self, tester: UserId) -> Result<(Tries, u64), StoreError> {
        match self.get(&self.main, user_pk(tester), ATTEMPTS.to_owned()).await? {
            None => Ok((Tries::default(), 0)),
            Some(item) => {
                let reader = item.read("attempts");
                Ok((reader.parsed("tries", |text| serde_json::from_str(text).ok())?, reader.number("version")?))
            }
        }
    }

    /// The members that keep an attempt: the tries of late, the attempt, its quiz that must be the active one, and the
    /// user whom it qualifies.
    fn attempt_members(
        &self,
        attempt: &QuizAttempt,
        user: &User,
        (tries, version): (&Tries, u64),
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (pk, id) = (user_pk(user.id), attempt.id.to_string());
        let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
        let of_late = Item::new(pk.clone(), ATTEMPTS.to_owned())
            .text("tries", serde_json::to_string(tries).unwrap_or_else(|_| "[]".to_owned()))
            .number("version", version + 1);
        let item = Item::new(pk, format!("ATTEMPT#{id}"))
            .text("id", id)
            .number("quiz", attempt.version)
            .text("answers", serde_json::to_string(&attempt.answers).unwrap_or_else(|_| "[]".to_owned()))
            .number("score", attempt.score)
            .number("passed", u8::from(attempt.passed))
            .time("created_at", attempt.created_at);
        let mut members = vec![
            of_late.put(&self.main, condition)?,
            item.put(&self.main, Condition::Absent)?,
            check_version(&self.main, QUIZ.to_owned(), CURRENT.to_owned(), attempt.version.into())?,
        ];
        if attempt.passed {
            let qualified = User {
                qualified: true,
                capacity_score: Some(attempt.score),
                version: user.version + 1,
                ..user.clone()
            };
            members.push(user_item(&qualified).put(&self.main, Condition::Version(user.version))?);
            members.extend(self.user_places(&qualified)?);
        }
        Ok(members)
    }

    /// A tester's attempts, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attempts_of(&self, tester: UserId) -> BoxFuture<'_, Result<Vec<QuizAttempt>, StoreError>> {
        Box::pin(async move {
            let items = self.query(user_pk(tester), "ATTEMPT#").await?;
            let mut attempts = items.iter().map(|item| read_attempt(tester, item)).collect::<Result<Vec<_>, _>>()?;
            attempts.sort_by_key(|attempt: &QuizAttempt| attempt.created_at);
            Ok(attempts)
        })
    }
}
