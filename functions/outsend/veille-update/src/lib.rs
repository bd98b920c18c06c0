//! `PATCH /api/veille/{id}`: another name or frequency, a pause or its end (outsend 15.2, 15.3).

use shared::{
    http::Response,
    model::{ScheduleStatus, Veille, number_from_path},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        messages::{Detail, Fault},
        request_context::RequestContext,
        veilles::view,
    },
};
use time::OffsetDateTime;

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(update(cx, caller)));

/// What changes.
struct Change {
    name: Option<String>,
    frequency_days: Option<u16>,
    /// Whether it is paused, or active.
    paused: Option<bool>,
}

async fn update(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let id = number_from_path(cx.path("veille")).ok_or(Detail::NoMonitor)?;
    // one that is not there is told before a change that cannot be
    store.veille(user, id).await?.filter(Veille::is_listed).ok_or(Detail::NoMonitor)?;
    let (change, now) = (read(cx)?, cx.now);
    let changed = move |known: &Veille| change.of(known, now);
    let veille = store.update_veille(user, id, &changed).await?.ok_or(Detail::NoMonitor)?;
    Ok(json_answer(200, &view(&veille)))
}

impl Change {
    fn of(&self, known: &Veille, now: OffsetDateTime) -> Veille {
        let mut schedule = known.schedule.clone();
        if let Some(days) = self.frequency_days {
            schedule = schedule.every(days, now);
        }
        schedule = match self.paused {
            Some(true) => schedule.paused(),
            Some(false) => schedule.resumed(now),
            None => schedule,
        };
        let name = self.name.clone().unwrap_or_else(|| known.name.clone());
        Veille { name, ..known.scheduled(schedule) }
    }
}

fn read(cx: &RequestContext) -> Result<Change, Problem> {
    let mut fields = Fields::new(object(&cx.request, false)?);
    if ["name", "frequency_days", "status"].iter().all(|field| fields.optional(field).is_none()) {
        fields.fault("name", Fault::Required);
    }
    let name = fields.optional_trimmed("name", 2, 200);
    let days = fields.optional_integer("frequency_days", 1, 365);
    let status = fields.optional_text("status", 0, usize::MAX);
    let paused = match status.as_deref().map(ScheduleStatus::parse) {
        None => None,
        Some(Some(ScheduleStatus::Active)) => Some(false),
        Some(Some(ScheduleStatus::Paused)) => Some(true),
        Some(_) => {
            fields.fault("status", Fault::OneOf("active, paused"));
            None
        }
    };
    fields.finish()?;
    Ok(Change { name, frequency_days: days.and_then(|days| u16::try_from(days).ok()), paused })
}
