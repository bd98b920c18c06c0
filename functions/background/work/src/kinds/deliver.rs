//! An event is sent to a webhook (outsend 16.2).

use shared::{
    BoxFuture,
    model::{Attempt, Delivery, DeliveryStatus, FeedEvent, NamedDelivery, UserId, Webhook, WorkItem},
    outsend::{events::Envelope, webhooks::attempt},
    store::{DueDelivery, StoreError},
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// A delivery; the subject names it. Each attempt is noted before the next one is due.
pub(crate) const DELIVER: Kind = Kind { run: deliver, give_up: try_later };

fn deliver<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let named = NamedDelivery::parse(&work.subject).ok_or(WorkError::Subject)?;
        let due = workers.store().due_delivery(named).await?;
        let Some(due) = due.filter(|due| due.delivery.status == DeliveryStatus::Pending) else {
            return Ok(Outcome::Done("over before"));
        };
        match due {
            DueDelivery { delivery, webhook: Some(webhook), secret: Some(secret), event: Some(event) }
                if webhook.active =>
            {
                if let Some(later) = delivery.put_aside(&webhook, workers.now()) {
                    let written = workers.store().put_delivery(named.user, &delivery, &later).await?;
                    return Ok(later.next_attempt_at.filter(|_| written).map_or(Outcome::Ended, Outcome::AgainAt));
                }
                let attempt = send(workers, &webhook, &secret, &event).await?;
                Ok(noted(workers, named.user, &delivery, (&webhook, &attempt)).await?)
            }
            DueDelivery { delivery, webhook, event, .. } => {
                // else it was deleted or disabled
                let takes = event.is_none() && webhook.is_some_and(|webhook| webhook.active);
                let why = if takes { "The event is no longer kept." } else { "The webhook is disabled." };
                workers.store().put_delivery(named.user, &delivery, &delivery.dropped(why)).await?;
                Ok(Outcome::Done("dropped"))
            }
        }
    })
}

/// Makes an attempt. The body is the same at each, the time in the signature is not.
async fn send(workers: &Workers, webhook: &Webhook, secret: &str, event: &FeedEvent) -> Result<Attempt, WorkError> {
    let failed = |error: serde_json::Error| WorkError::Failed(error.to_string());
    let body = serde_json::to_string(&Envelope::of(event).map_err(failed)?).map_err(failed)?;
    let (receivers, id) = (workers.receivers().map_err(WorkError::Failed)?, event.id.to_string());
    let post = |headers, body| receivers.post(&webhook.url, headers, body);
    Ok(attempt(secret, (&id, event.name.as_str()), body, workers.context().clock(), post).await)
}

async fn noted(
    workers: &Workers,
    user: UserId,
    delivery: &Delivery,
    (webhook, attempt): (&Webhook, &Attempt),
) -> Result<Outcome, StoreError> {
    let now = workers.now();
    let after = delivery.after(attempt, webhook.disabled_by(attempt, now).is_some(), now);
    if !workers.store().note_attempt(user, (delivery, &after), (webhook, attempt), now).await? {
        return Ok(Outcome::Ended);
    }
    Ok(match after.next_attempt_at {
        Some(due) => Outcome::AgainAt(due),
        None => Outcome::Done(after.status.as_str()),
    })
}
