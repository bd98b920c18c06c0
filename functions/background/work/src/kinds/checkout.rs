//! Checkouts whose study is gone end at Stripe, so that nobody pays for it (openscouter 16.1).

use shared::{
    BoxFuture,
    model::WorkItem,
    stripe::{self, Call, StripeError},
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// A checkout is to end; the subject is Stripe's id of it, and when it ends by itself, which is when this gives up.
pub(crate) const EXPIRE: Kind = Kind { run: expire, give_up: try_later };

fn expire<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (session, ends) = work.subject.split_once(' ').ok_or(WorkError::Subject)?;
        let ends: i64 = ends.parse().map_err(|_| WorkError::Subject)?;
        let now = workers.now().unix_timestamp();
        if now >= ends {
            return Ok(Outcome::Done("ended by itself"));
        }
        let path = format!("checkout/sessions/{session}/expire");
        // what broke at Stripe is answered so again under its key, and to end it twice does no harm
        let key = format!("outscout-expire-{session}-{now}");
        let call = Call { path: &path, parameters: &[], key: Some(&key), account: None };
        match stripe::call(&workers.settings().stripe, call).await {
            Ok(_) => Ok(Outcome::Done("ended")),
            // it has ended already, or was paid for, which an event tells
            Err(StripeError::Refused(_)) => Ok(Outcome::Done("not open")),
            Err(error) => Err(WorkError::Failed(error.to_string())),
        }
    })
}
