//! What Stripe tells (openscouter 16.2): the effect of an event and the mark that it was heard are one transaction, so
//! that an event that comes again, or many times at once, changes nothing. What is older than what was heard of the same
//! object changes nothing either.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race, client::Written, retry::MAX_ATTEMPTS, webhook_events::seen_item,
};
use crate::model::{Checkout, Failure, Payment, Payout, PayoutId, PayoutStatus, StudyId};

/// An event of Stripe's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeEvent {
    /// Stripe's id; the same one is the same event.
    pub id: String,
    /// When what it tells came to be, in seconds since the Unix epoch, by Stripe's clock.
    pub created: i64,
    /// What it tells.
    pub news: StripeNews,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StripeNews {
    /// Nothing that matters here.
    Nothing,
    /// Whether an account takes payouts.
    Account {
        /// Stripe's id of it.
        account: String,
        /// Whether it does.
        enabled: bool,
    },
    /// What became of a payout.
    Payout {
        /// Stripe's id of it.
        stripe_payout: String,
        /// Which payout of ours it names, and which try of it.
        named: Option<(PayoutId, Option<u32>)>,
        /// What became of it.
        news: PayoutNews,
    },
    /// A checkout was paid for, or has ended without that.
    Checkout {
        /// Stripe's id of it.
        session: String,
        /// The study that it names.
        study: Option<StudyId>,
        /// Its number among the study's, where it names one.
        number: Option<u32>,
        /// What was paid: minor units and currency, where it says so. `None` when it ended unpaid.
        paid: Option<Option<(u64, String)>>,
    },
}

/// What became of a payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayoutNews {
    /// The money arrived.
    Paid(OffsetDateTime),
    /// It failed.
    Failed(Failure),
}

/// Whether an event of Stripe's payout is about the try that a payout is at.
fn is_about(payout: &Payout, stripe_payout: &str, attempt: Option<u32>) -> bool {
    match &payout.stripe_payout {
        Some(known) => known == stripe_payout,
        // who made it came no further
        None => payout.status == PayoutStatus::Processing && attempt.is_none_or(|attempt| attempt == payout.attempt),
    }
}

/// The payout after what was told of it; `None` when that changes nothing.
fn told(payout: &Payout, event: &StripeEvent, now: OffsetDateTime) -> Option<Payout> {
    let StripeNews::Payout { stripe_payout, named, news } = &event.news else { return None };
    let attempt = named.as_ref().and_then(|(_, attempt)| *attempt);
    let newer = payout.told_at.is_none_or(|told_at| event.created >= told_at);
    if !is_about(payout, stripe_payout, attempt) || !newer {
        return None;
    }
    let mut next = match news {
        PayoutNews::Paid(at) => payout.paid(*at),
        // told twice in two events, it failed once
        PayoutNews::Failed(_) if payout.status == PayoutStatus::Failed => return None,
        PayoutNews::Failed(failure) => payout.failed(failure.clone(), now),
    };
    (next.stripe_payout, next.told_at) = (Some(stripe_payout.clone()), Some(event.created));
    Some(next)
}

impl Store {
    /// Hears an event: its effect, once in thirty days; `Ok(false)` when it was heard before.
    ///
    /// # Errors
    /// When the store fails; then nothing was heard.
    pub fn hear_stripe<'a>(
        &'a self,
        event: &'a StripeEvent,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                if let Some(effect) = self.effect_of(event, now).await? {
                    let mut members = vec![seen_item("stripe", &event.id, now).put_unless_live(&self.hot, now)?];
                    members.extend(effect);
                    match self.transact(members).await? {
                        Written::Done => return Ok(true),
                        Written::Refused(failed) if failed.contains(&0) => return Ok(false),
                        Written::Refused(_) => {}
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The members of an event's effect; `None` when a writer was in the way.
    async fn effect_of(
        &self,
        event: &StripeEvent,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        match &event.news {
            StripeNews::Nothing => Ok(Some(Vec::new())),
            StripeNews::Account { account, enabled } => {
                self.account_members(account, *enabled, event.created, now).await.map(Some)
            }
            StripeNews::Payout { stripe_payout, named, .. } => {
                let known = self.led_to(stripe_payout, "payout").await?.and_then(|id| PayoutId::parse(&id));
                let payout = match known.or(named.as_ref().map(|(id, _)| *id)) {
                    Some(id) => self.payout(id).await?,
                    None => None,
                };
                let Some(payout) = payout else {
                    tracing::warn!(payout = %stripe_payout, "no such payout");
                    return Ok(Some(Vec::new()));
                };
                let next = told(&payout, event, now);
                next.map_or(Ok(Vec::new()), |next| self.payout_members(Some(&payout), &next, now)).map(Some)
            }
            StripeNews::Checkout { .. } => self.checkout_effect(event, now).await,
        }
    }

    async fn checkout_effect(
        &self,
        event: &StripeEvent,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let StripeNews::Checkout { session, study, number, paid } = &event.news else { return Ok(Some(Vec::new())) };
        let found = match study {
            Some(id) => self.linked_study(*id).await?,
            None => None,
        };
        let Some(study) = found else {
            match paid {
                // a study ends its checkout when it is deleted, but who was faster has paid
                Some(_) => {
                    tracing::error!(checkout = %session, "paid for a study that is gone: to be refunded at Stripe")
                }
                None => tracing::info!(checkout = %session, "no such study"),
            }
            return Ok(Some(Vec::new()));
        };
        let known = self.checkout(study.id).await?;
        let was_known = known.is_some();
        let about = known.filter(|known| match &known.session {
            Some((id, _)) => id == session,
            None => number.is_none_or(|number| number == known.number),
        });
        if about.as_ref().and_then(|about| about.told_at).is_some_and(|told_at| event.created < told_at) {
            return Ok(Some(Vec::new()));
        }
        let payment = study.details.payment;
        let next = match paid {
            Some(sum) if payment != Payment::Paid && is_enough(about.as_ref(), sum.as_ref(), session) => {
                study.paid_for(now)
            }
            // one that another took the place of ends without a word
            None if payment == Payment::Pending && (about.is_some() || !was_known) => study.unpaid(now),
            _ => return Ok(Some(Vec::new())),
        };
        let Some(mut members) = self.study_members(&study, &next).await? else { return Ok(None) };
        if let Some(about) = about {
            // an ended one is not answered again
            let expires_at = if paid.is_none() { about.expires_at.min(now) } else { about.expires_at };
            let version = about.version + 1;
            let told = Checkout { told_at: Some(event.created), expires_at, version, ..about };
            members.push(self.checkout_member(&told)?);
        }
        Ok(Some(members))
    }
}

/// Whether what was paid is what was asked for; what nobody asked for, or does not say, counts.
fn is_enough(asked: Option<&Checkout>, sum: Option<&(u64, String)>, session: &str) -> bool {
    let (Some(asked), Some((amount, currency))) = (asked, sum) else { return true };
    let enough = *amount == asked.amount_minor() && currency.eq_ignore_ascii_case(&asked.currency);
    if !enough {
        tracing::error!(checkout = %session, "another sum was paid than was asked for");
    }
    enough
}
