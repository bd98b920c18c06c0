//! Checkouts of studies (openscouter 16.1): the last one of each stands beside the study, and changes together with its
//! payment.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, UpdateError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete_version},
    retry::MAX_ATTEMPTS,
    studies::{study_item, study_pk},
};
use crate::model::{Checkout, Payment, Study, StudyId, WorkItem};

const CHECKOUT: &str = "CHECKOUT";

/// What a checkout is to be, by the study and its last one.
type CheckoutRule<'a, E> = dyn Fn(&Study, Option<&Checkout>) -> Result<Checkout, E> + Send + Sync + 'a;

fn checkout_item(checkout: &Checkout) -> Item {
    let session = checkout.session.as_ref();
    let item = Item::new(study_pk(checkout.study), CHECKOUT.to_owned())
        .text("study", checkout.study.to_string())
        .number("number", checkout.number)
        .number("unit_minor", checkout.unit_minor)
        .number("quantity", checkout.quantity)
        .text("currency", &*checkout.currency)
        .text("title", &*checkout.title)
        .text("success_url", &*checkout.success_url)
        .text("cancel_url", &*checkout.cancel_url)
        .time("asked_at", checkout.asked_at)
        .time("expires_at", checkout.expires_at)
        .optional_text("session", session.map(|(id, _)| &**id))
        .optional_text("url", session.map(|(_, url)| &**url))
        .number("version", checkout.version);
    match checkout.told_at {
        Some(told_at) => item.number("told_at", told_at),
        None => item,
    }
}

fn read_checkout(item: &Item) -> Result<Checkout, StoreError> {
    let reader = item.read("checkout");
    let session = reader.optional_text("session").zip(reader.optional_text("url"));
    Ok(Checkout {
        study: reader.parsed("study", StudyId::parse)?,
        number: reader.number("number")?,
        unit_minor: reader.number("unit_minor")?,
        quantity: reader.number("quantity")?,
        currency: reader.text("currency")?.to_owned(),
        title: reader.text("title")?.to_owned(),
        success_url: reader.text("success_url")?.to_owned(),
        cancel_url: reader.text("cancel_url")?.to_owned(),
        asked_at: reader.time("asked_at")?,
        expires_at: reader.time("expires_at")?,
        session: session.map(|(id, url)| (id.to_owned(), url.to_owned())),
        told_at: reader.number("told_at").ok(),
        version: reader.number("version")?,
    })
}

impl Store {
    /// The last checkout of a study.
    ///
    /// # Errors
    /// When the store fails.
    pub fn checkout(&self, study: StudyId) -> BoxFuture<'_, Result<Option<Checkout>, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, study_pk(study), CHECKOUT.to_owned()).await?;
            item.as_ref().map(read_checkout).transpose()
        })
    }

    pub(super) fn checkout_member(&self, checkout: &Checkout) -> Result<TransactWriteItem, StoreError> {
        let before = checkout.version - 1;
        let condition = if before == 0 { Condition::Absent } else { Condition::Version(before) };
        checkout_item(checkout).put(&self.main, condition)
    }

    /// The members that write `next` over `current`, whatever that moves; `None` when a writer was in the way.
    pub(super) async fn study_members(
        &self,
        current: &Study,
        next: &Study,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let Some(moves) = self.moves(current, next).await? else { return Ok(None) };
        let mut members = vec![study_item(next).put(&self.main, Condition::Version(current.version))?];
        members.extend(moves);
        Ok(Some(members))
    }

    /// Notes the checkout that is to be asked of Stripe, and with it that the study's payment is pending. `rule` sees the
    /// study and its last checkout, and gives that checkout again where it is still open, or a new one; on a lost race it
    /// is asked again. (openscouter 16.1)
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn begin_checkout<'a, E: Send + 'a>(
        &'a self,
        study: Study,
        now: OffsetDateTime,
        rule: &'a CheckoutRule<'a, E>,
    ) -> BoxFuture<'a, Result<Checkout, UpdateError<E>>> {
        Box::pin(async move {
            let mut current = study;
            for attempt in 0..MAX_ATTEMPTS {
                let known = self.checkout(current.id).await?;
                let checkout = rule(&current, known.as_ref()).map_err(UpdateError::Refused)?;
                if known.as_ref().is_some_and(|known| known.version == checkout.version) {
                    return Ok(checkout);
                }
                let mut next = current.changed_at(now);
                next.details.payment = Payment::Pending;
                if let Some(mut members) = self.study_members(&current, &next).await? {
                    members.push(self.checkout_member(&checkout)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(checkout);
                    }
                }
                after_lost_race(attempt).await?;
                current = self.study(current.organization, current.id).await?.ok_or(UpdateError::NotFound)?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS).into())
        })
    }

    /// Keeps what Stripe answered, unless the checkout has moved on. `Ok(false)` when the study was deleted meanwhile: then
    /// it ends at Stripe, by work.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_checkout<'a>(
        &'a self,
        checkout: &'a Checkout,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(vec![self.checkout_member(checkout)?]).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.is_empty() => after_lost_race(attempt).await?,
                    Written::Refused(_) if self.checkout(checkout.study).await?.is_some() => return Ok(true),
                    Written::Refused(_) => {
                        self.end_at_stripe(checkout, now).await?;
                        return Ok(false);
                    }
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The members that go with the deletion of a study whose payment is pending: its checkout goes, as it was read, and
    /// ends at Stripe by work. Where Stripe's answer is not kept yet, whoever comes to keep it ends it.
    pub(super) async fn without_checkout(
        &self,
        study: &Study,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let known = match study.details.payment {
            Payment::Pending => self.checkout(study.id).await?,
            _ => None,
        };
        let Some(known) = known else { return Ok(Vec::new()) };
        let mut members = vec![delete_version(&self.main, study_pk(study.id), CHECKOUT.to_owned(), known.version)?];
        if let Some(work) = WorkItem::expire_checkout(&known) {
            members.push(self.work_member(&work, now)?);
        }
        Ok(members)
    }

    /// Has the open checkout of a study end at Stripe, before what is known of it goes.
    pub(super) async fn end_open_checkout(&self, study: &Study, now: OffsetDateTime) -> Result<(), StoreError> {
        if study.details.payment != Payment::Pending {
            return Ok(());
        }
        match self.checkout(study.id).await? {
            Some(open) => self.end_at_stripe(&open, now).await,
            None => Ok(()),
        }
    }

    /// Has a checkout end at Stripe, by work; again, nothing changes.
    async fn end_at_stripe(&self, checkout: &Checkout, now: OffsetDateTime) -> Result<(), StoreError> {
        match WorkItem::expire_checkout(checkout) {
            Some(work) => self.queue_alone(&work, now).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Takes back a checkout that Stripe refused: nothing is pending any more. The next one has another number.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_checkout<'a>(
        &'a self,
        checkout: &'a Checkout,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let known = self.checkout(checkout.study).await?;
                let Some(study) = self.linked_study(checkout.study).await? else { return Ok(()) };
                let same = known.is_some_and(|known| known.version == checkout.version);
                if !same || study.details.payment != Payment::Pending {
                    return Ok(());
                }
                let next = study.unpaid(now);
                let ended = Checkout { expires_at: now, version: checkout.version + 1, ..checkout.clone() };
                if let Some(mut members) = self.study_members(&study, &next).await? {
                    members.push(self.checkout_member(&ended)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(());
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }
}
