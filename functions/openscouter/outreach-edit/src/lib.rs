//! `POST /api/outreach/:id/edit`: other words for a draft, which stays one (openscouter 14.2).

use serde::Serialize;
use shared::{
    http::Response,
    model::{Channel, Outreach, OutreachStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        outreach::{OutreachView, addresses, change, owned, wrong_state},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(edit(cx, caller)));

/// Longest subject and text, in characters.
const MAX_SUBJECT: usize = 200;
const MAX_BODY: usize = 10_000;

/// What was edited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EditedView {
    #[serde(flatten)]
    message: OutreachView,
    updated_at: String,
}

async fn edit(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let subject = fields.optional_text("subject", 1, MAX_SUBJECT)?;
    let body = fields.optional_text("body", 1, MAX_BODY)?;
    if subject.is_none() && body.is_none() {
        return Err(Problem::invalid("subject", "is required"));
    }
    let message = owned(cx, caller.viewer()).await?;
    if message.status != OutreachStatus::Pending {
        return Err(wrong_state(message.status));
    }
    if subject.is_some() && message.channel == Channel::Telegram {
        return Err(Problem::invalid("subject", "must not be set"));
    }
    let edited = |draft: &Outreach| draft.edited(subject.clone(), body.clone(), cx.now);
    let message = change(cx, message.id(), &edited).await?;
    let addresses = addresses(cx, caller.viewer(), std::slice::from_ref(&message)).await?;
    let updated_at = timestamp(message.updated_at);
    Ok(success(200, &EditedView { message: OutreachView::of(&message, addresses.get(&message.tester)), updated_at }))
}
