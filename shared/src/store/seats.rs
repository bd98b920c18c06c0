//! The seats of a study for testers (openscouter 5.1, 10.3): one item that gives out numbers. A tester's session begins with a
//! number from here, in one write that neither waits for nor is in the way of another, so that a thousand testers can
//! start at once; who starts again after a fault meets the number that is reserved. What nobody came back for is free
//! again when the study would be full otherwise.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, TransactWriteItem, Update, builders::UpdateBuilder},
};
use time::{Duration, OffsetDateTime};

use super::{Store, StoreError, after_lost_race, client::unhindered, item::Item, studies::study_pk};
use crate::{
    clock::epoch_millis,
    model::{SplitRatio, Study, StudyId, TestSession, TestStatus, UserId, VariantLabel},
};

/// The one session of a study and a tester.
pub(super) fn link_key(study: StudyId, tester: UserId) -> (String, String) {
    (study_pk(study), format!("TESTER#{tester}"))
}

const SK: &str = "PLACES";
/// What is counted of sessions that went with their tester's account; missing as long as none did.
const GONE: [&str; 3] = ["gone", "gone_completed", "gone_confirmed"];
/// After how long nobody comes back for a number: longer than any request lasts.
const LEFT: Duration = Duration::seconds(60);

/// What is counted of a study's sessions (openscouter 9.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Sessions.
    pub sessions: u32,
    /// Sessions that were completed, whatever came after.
    pub completed: u32,
    /// Sessions whose notes the tester confirmed.
    pub confirmed: u32,
    /// Session reports that were made.
    pub reported: u32,
    /// Sessions, completed ones and confirmed ones that went with their tester's account.
    pub gone: (u32, u32, u32),
}

impl Progress {
    /// The same without what went with testers' accounts: as many sessions as lists show (openscouter 9.2).
    #[must_use]
    pub const fn shown(self) -> Self {
        let (sessions, completed, confirmed) = self.gone;
        Self {
            sessions: self.sessions.saturating_sub(sessions),
            completed: self.completed.saturating_sub(completed),
            confirmed: self.confirmed.saturating_sub(confirmed),
            gone: (0, 0, 0),
            ..self
        }
    }
}

/// A number that was asked for.
#[derive(Debug)]
pub(super) enum Ticket {
    /// The number, from 0, and what was chosen with each number up to it.
    Taken(u32, Vec<Choice>),
    /// No new sessions.
    Shut,
    /// No seat is left.
    Full,
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A session has the number.
    Used,
    /// The number was not needed: its seat is free again.
    Void,
    /// Nobody came back for it since this time, in milliseconds since the Unix epoch: its seat is free again.
    Left(i64),
}

/// What a session's creator chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The study's ratio decides.
    Auto,
    /// This one.
    Explicit(VariantLabel),
    /// The number was given back.
    Void,
}

impl Choice {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "-",
            Self::Explicit(VariantLabel::A) => "A",
            Self::Explicit(VariantLabel::B) => "B",
            Self::Void => "x",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "A" => Self::Explicit(VariantLabel::A),
            "B" => Self::Explicit(VariantLabel::B),
            "x" => Self::Void,
            _ => Self::Auto,
        }
    }
}

/// The variant of the last of these numbers, by the largest deficit (openscouter 10.3).
pub(super) fn variant_of(choices: &[Choice], ratio: SplitRatio) -> VariantLabel {
    let (mut a, mut b, mut last) = (0.0, 0.0, VariantLabel::A);
    for choice in choices {
        last = match choice {
            Choice::Void => continue,
            Choice::Explicit(label) => *label,
            Choice::Auto => {
                let next = a + b + 1.0;
                // differences below 1e-9 are ties, and a tie goes to A
                if (ratio.b * next - b) - (ratio.a * next - a) >= 1e-9 { VariantLabel::B } else { VariantLabel::A }
            }
        };
        match last {
            VariantLabel::A => a += 1.0,
            VariantLabel::B => b += 1.0,
        }
    }
    last
}

pub(super) fn seats_key(study: StudyId) -> (String, String) {
    (study_pk(study), SK.to_owned())
}

pub(super) fn read_progress(item: &Item) -> Result<Progress, StoreError> {
    let reader = item.read("seats");
    let next: u32 = reader.number("next")?;
    let reserved = u32::try_from(reservations(item).count()).unwrap_or(u32::MAX);
    Ok(Progress {
        sessions: next.saturating_sub(reader.number("freed")?).saturating_sub(reserved),
        completed: reader.number("completed")?,
        confirmed: reader.number("confirmed")?,
        // nothing was reported yet where this is missing
        reported: reader.number("reported").unwrap_or_default(),
        gone: GONE.map(|name| reader.number(name).unwrap_or_default()).into(),
    })
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl Store {
    /// An update of a study's seats in a transaction.
    fn seats_builder(&self, study: StudyId) -> UpdateBuilder {
        let (pk, sk) = seats_key(study);
        Update::builder().table_name(&self.main).key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk))
    }

    /// The update that tells a study's seats what the study is now.
    fn seats_update(&self, study: &Study) -> UpdateBuilder {
        self.seats_builder(study.id)
            .update_expression(
                "SET #open = :open, #places = :places + if_not_exists(#freed, :none), \
                 #freed = if_not_exists(#freed, :none), #next = if_not_exists(#next, :none), \
                 #completed = if_not_exists(#completed, :none), #confirmed = if_not_exists(#confirmed, :none), \
                 #log = if_not_exists(#log, :log), #pending = if_not_exists(#pending, :map), \
                 #since = if_not_exists(#since, :map)",
            )
            .set_expression_attribute_names(Some(names(&[
                "open",
                "places",
                "freed",
                "next",
                "completed",
                "confirmed",
                "log",
                "pending",
                "since",
            ])))
            .expression_attribute_values(":open", number(u8::from(study.status.is_active())))
            .expression_attribute_values(":places", number(study.details.targeting.tester_count))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":log", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":map", AttributeValue::M(HashMap::new()))
    }

    /// The member that tells a study's seats what the study is now.
    pub(super) fn seats_member(&self, study: &Study) -> Result<TransactWriteItem, StoreError> {
        member(self.seats_update(study))
    }

    /// The member that counts a session which was completed or confirmed, or a report that was made; or takes one back.
    pub(super) fn count_member(&self, study: StudyId, what: &str, by: i8) -> Result<TransactWriteItem, StoreError> {
        member(
            self.seats_builder(study)
                .update_expression("ADD #what :by")
                .expression_attribute_names("#what", what)
                .expression_attribute_values(":by", number(by)),
        )
    }

    /// The member that counts a session which goes with its tester's account; `None` when the study has no seats (any more).
    pub(super) async fn gone_member(&self, session: &TestSession) -> Result<Option<TransactWriteItem>, StoreError> {
        let (pk, sk) = seats_key(session.study);
        if self.get(&self.main, pk, sk).await?.is_none() {
            return Ok(None);
        }
        let counts = [true, !session.status.is_running(), session.status == TestStatus::Confirmed].map(u8::from);
        let mut update = self
            .seats_builder(session.study)
            .update_expression("ADD #gone :sessions, #gone_completed :completed, #gone_confirmed :confirmed")
            .condition_expression("attribute_exists(pk)")
            .set_expression_attribute_names(Some(names(&GONE)));
        for (name, count) in [":sessions", ":completed", ":confirmed"].into_iter().zip(counts) {
            update = update.expression_attribute_values(name, number(count));
        }
        member(update).map(Some)
    }

    /// An update of a study's seats by itself.
    fn seats_call(&self, study: StudyId) -> UpdateItemFluentBuilder {
        let (pk, sk) = seats_key(study);
        let call = self.client.update_item().table_name(&self.main);
        call.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk))
    }

    /// Takes the next number for a tester, or the one that is reserved for them. What was chosen is kept only where
    /// variants are `compared`.
    pub(super) async fn take_seat(
        &self,
        study: &Study,
        tester: UserId,
        (choice, compared): (Choice, bool),
        now: OffsetDateTime,
    ) -> Result<Ticket, StoreError> {
        let name = tester.to_string();
        let logged = compared.then_some(choice);
        let mut freed = false;
        for attempt in 0.. {
            let (own, found) = self.reserve_seat(study.id, &name, logged, now).await?;
            let Some(found) = found else {
                // a study that was active before it had seats
                let update = self.seats_update(study).condition_expression("attribute_not_exists(pk)");
                self.transact(vec![member(update)?]).await?;
                after_lost_race(attempt).await?;
                continue;
            };
            if let Some(index) = reservation(&found, &name) {
                // an earlier try's, which nobody else may take to be left alone from now on
                if !own && !self.renew_seat(study.id, (&name, index), now).await? {
                    after_lost_race(attempt).await?;
                    continue;
                }
                let upto = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1);
                let choices: Vec<_> = choices(&found).into_iter().take(upto).collect();
                if !compared || choices.last() == Some(&choice) {
                    return Ok(Ticket::Taken(index, choices));
                }
                // reserved with another choice, by a try that came to nothing
                self.choose(study.id, (&name, index), choice).await?;
                continue;
            }
            let reader = found.read("seats");
            if !reader.flag("open")? {
                return Ok(Ticket::Shut);
            }
            if reader.number::<u32>("next")? >= reader.number("places")? {
                if freed || !self.free_seats(study.id, &found, compared, now).await? {
                    return Ok(Ticket::Full);
                }
                freed = true;
                continue;
            }
            // somebody finished with the tester's number in between
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Reserves the next number for a tester where there is one and the tester has none; `logged` is kept beside it.
    /// Whether it did comes with the study's seats as they are then, if there are any.
    async fn reserve_seat(
        &self,
        study: StudyId,
        tester: &str,
        logged: Option<Choice>,
        now: OffsetDateTime,
    ) -> Result<(bool, Option<Item>), StoreError> {
        let mut call = self
            .seats_call(study)
            .condition_expression(
                "attribute_exists(pk) AND #open = :one AND #next < #places AND attribute_not_exists(#pending.#tester)",
            )
            .set_expression_attribute_names(Some(names(&["pending", "since", "next", "open", "places"])))
            .expression_attribute_names("#tester", tester)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(epoch_millis(now)))
            .return_values(ReturnValue::AllNew);
        let update = "SET #pending.#tester = #next, #since.#tester = :now, #next = #next + :one";
        call = match logged {
            None => call.update_expression(update),
            Some(choice) => {
                let entry = AttributeValue::L(vec![AttributeValue::S(choice.as_str().to_owned())]);
                call.update_expression(format!("{update}, #log = list_append(#log, :entry)"))
                    .expression_attribute_names("#log", "log")
                    .expression_attribute_values(":entry", entry)
            }
        };
        match unhindered(|| call.clone().send()).await {
            Ok(output) => Ok((true, Some(Item::from(output.attributes.unwrap_or_default())))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                    let (pk, sk) = seats_key(study);
                    Ok((false, self.get(&self.main, pk, sk).await?))
                }
                _ => Err(StoreError::call("UpdateItem", &error)),
            },
        }
    }

    /// Settles the numbers that nobody came back for; whether there were any.
    async fn free_seats(
        &self,
        study: StudyId,
        found: &Item,
        compared: bool,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let before = epoch_millis(now - LEFT);
        let since = |tester: &str| member_number::<i64>(found, "since", tester).unwrap_or_default();
        let left = reservations(found).filter(|(tester, _)| since(tester) < before);
        let left: Vec<(UserId, u32)> =
            left.filter_map(|(tester, index)| Some((UserId::parse(tester)?, index))).collect();
        for (tester, index) in &left {
            let (pk, sk) = link_key(study, *tester);
            let link = self.get(&self.main, pk, sk).await?;
            let used = link.map(|link| link.read("link").number::<u32>("number")).transpose()?;
            let end = if used == Some(index + 1) { End::Used } else { End::Left(before) };
            self.settle_seat(study, *tester, (*index, compared), end).await?;
        }
        Ok(!left.is_empty())
    }

    /// Notes that somebody came back for a reserved number; `Ok(false)` when it is not reserved any more.
    async fn renew_seat(
        &self,
        study: StudyId,
        (tester, index): (&str, u32),
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let call = self
            .seats_call(study)
            .update_expression("SET #since.#tester = :now")
            .condition_expression("#pending.#tester = :index")
            .set_expression_attribute_names(Some(names(&["since", "pending"])))
            .expression_attribute_names("#tester", tester)
            .expression_attribute_values(":index", number(index))
            .expression_attribute_values(":now", number(epoch_millis(now)));
        self.update(call).await
    }

    /// Puts another choice beside a reserved number.
    async fn choose(&self, study: StudyId, (tester, index): (&str, u32), choice: Choice) -> Result<(), StoreError> {
        let call = self
            .seats_call(study)
            .update_expression(format!("SET #log[{index}] = :choice"))
            .condition_expression("#pending.#tester = :index")
            .set_expression_attribute_names(Some(names(&["log", "pending"])))
            .expression_attribute_names("#tester", tester)
            .expression_attribute_values(":index", number(index))
            .expression_attribute_values(":choice", AttributeValue::S(choice.as_str().to_owned()));
        self.update(call).await.map(|_| ())
    }

    /// Ends a reservation.
    pub(super) async fn settle_seat(
        &self,
        study: StudyId,
        tester: UserId,
        (index, compared): (u32, bool),
        end: End,
    ) -> Result<(), StoreError> {
        let mut call = self
            .seats_call(study)
            .condition_expression("#pending.#tester = :index")
            .set_expression_attribute_names(Some(names(&["pending", "since"])))
            .expression_attribute_names("#tester", tester.to_string())
            .expression_attribute_values(":index", number(index));
        let mut update = "REMOVE #pending.#tester, #since.#tester".to_owned();
        if let End::Left(before) = end {
            call = call
                .condition_expression("#pending.#tester = :index AND #since.#tester < :before")
                .expression_attribute_values(":before", number(before));
        }
        if end != End::Used {
            let mut set = "SET #places = #places + :one, #freed = #freed + :one".to_owned();
            if compared {
                set = format!("{set}, #log[{index}] = :void");
                call = call
                    .expression_attribute_names("#log", "log")
                    .expression_attribute_values(":void", AttributeValue::S(Choice::Void.as_str().to_owned()));
            }
            update = format!("{set} {update}");
            call = call
                .expression_attribute_names("#places", "places")
                .expression_attribute_names("#freed", "freed")
                .expression_attribute_values(":one", number(1));
        }
        self.update(call.update_expression(update)).await.map(|_| ())
    }

    /// What is counted of a study's sessions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn progress(&self, study: StudyId) -> super::BoxFuture<'_, Result<Progress, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = seats_key(study);
            let item = self.get(&self.main, pk, sk).await?;
            item.as_ref().map(read_progress).transpose().map(Option::unwrap_or_default)
        })
    }
}

fn names(known: &[&str]) -> HashMap<String, String> {
    known.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
}

fn member(update: UpdateBuilder) -> Result<TransactWriteItem, StoreError> {
    let told =
        |error: aws_sdk_dynamodb::error::BuildError| StoreError::Call { operation: "Update", cause: error.to_string() };
    Ok(TransactWriteItem::builder().update(update.build().map_err(told)?).build())
}

fn member_number<T: std::str::FromStr>(item: &Item, map: &str, name: &str) -> Option<T> {
    item.0.get(map)?.as_m().ok()?.get(name)?.as_n().ok()?.parse().ok()
}

/// The number that is reserved for a tester.
pub(super) fn reservation(item: &Item, tester: &str) -> Option<u32> {
    member_number(item, "pending", tester)
}

/// Testers with the numbers that are reserved for them.
fn reservations(item: &Item) -> impl Iterator<Item = (&str, u32)> {
    let pending = item.0.get("pending").and_then(|pending| pending.as_m().ok());
    pending
        .into_iter()
        .flatten()
        .filter_map(|(tester, number)| Some((tester.as_str(), number.as_n().ok()?.parse().ok()?)))
}

fn choices(item: &Item) -> Vec<Choice> {
    let log = item.0.get("log").and_then(|log| log.as_l().ok());
    let entries = log.map(Vec::as_slice).unwrap_or_default().iter();
    entries.map(|entry| entry.as_s().map_or(Choice::Auto, |text| Choice::parse(text))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assigned(choices: &[Choice], ratio: SplitRatio) -> Vec<VariantLabel> {
        (1..=choices.len()).map(|upto| variant_of(choices.get(..upto).unwrap(), ratio)).collect()
    }

    #[test]
    fn the_largest_deficit_wins_and_ties_go_to_a() {
        use VariantLabel::{A, B};
        let even = SplitRatio { a: 0.5, b: 0.5 };
        assert_eq!(assigned(&[Choice::Auto; 4], even), [A, B, A, B]);
        let explicit = [Choice::Explicit(B), Choice::Auto, Choice::Explicit(A), Choice::Auto];
        assert_eq!(assigned(&explicit, even), [B, A, A, B]);
        assert_eq!(assigned(&[Choice::Auto; 4], SplitRatio { a: 0.0, b: 1.0 }), [B, B, B, B]);
        let thirds = SplitRatio { a: 1.0 / 3.0, b: 2.0 / 3.0 };
        assert_eq!(assigned(&[Choice::Auto; 6], thirds), [B, A, B, B, A, B]);
    }

    proptest! {
        #[test]
        fn the_split_stays_within_one_of_the_ratio(a in 0.0..=1.0_f64, count in 1_usize..400) {
            let ratio = SplitRatio { a, b: 1.0 - a };
            let assigned = assigned(&vec![Choice::Auto; count], ratio);
            for upto in 1..=count {
                let seen = assigned.iter().take(upto).filter(|label| **label == VariantLabel::A).count();
                #[expect(clippy::cast_precision_loss, reason = "few")]
                let off = (seen as f64 - a * upto as f64).abs();
                prop_assert!(off <= 1.0 + 1e-6, "{off} after {upto} of {a}");
            }
        }
    }
}
