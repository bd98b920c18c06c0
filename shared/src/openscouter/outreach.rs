//! Outreach messages as their answers show them, and who changes them (openscouter 3.8, 14.2).

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::{
    access::Viewer, envelope::Problem, format::timestamp, profiles::local_time, request_context::RequestContext,
};
use crate::{
    model::{Email, Locale, Outreach, OutreachId, OutreachStatus, UserId},
    store::{OutreachChange, Profile},
};

/// 404 for a message that is not there, or not for this caller.
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Outreach message")
}

/// 422 for a message that is no draft any more.
#[must_use]
pub fn wrong_state(status: OutreachStatus) -> Problem {
    Problem::invalid("", &format!("Outreach message is {}, expected pending", status.as_str()))
}

/// The message that a path names, as far as it is the caller's.
///
/// # Errors
/// 404 when there is none; 500 when the store fails.
pub async fn owned(cx: &RequestContext, viewer: Viewer) -> Result<Outreach, Problem> {
    let id = OutreachId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let message = cx.context.store().outreach(id).await?;
    let is_owned = |message: &Outreach| match viewer {
        Viewer::Admin => true,
        Viewer::Owner(organization) => message.organization == organization,
        Viewer::Tester(_) => false,
    };
    message.filter(is_owned).ok_or_else(missing)
}

/// Changes a draft.
///
/// # Errors
/// 422 when it is none any more; 500 when the store fails.
pub async fn change(
    cx: &RequestContext,
    id: OutreachId,
    change: &(dyn Fn(&Outreach) -> Outreach + Send + Sync),
) -> Result<Outreach, Problem> {
    match cx.context.store().change_draft(id, &cx.request.audit_id, change).await? {
        OutreachChange::Done(message) => Ok(*message),
        OutreachChange::Missing => Err(missing()),
        OutreachChange::Stands(status) => Err(wrong_state(status)),
    }
}

/// Until when a proposal can be answered, as it stands below its message (openscouter 14.2).
#[must_use]
pub fn answer_by(locale: Locale, end: OffsetDateTime, tester: &Profile) -> String {
    let end = local_time(end, tester);
    match locale {
        Locale::En => format!("You can accept or decline until {end}. If you decline, nobody minds."),
        Locale::Fr => format!("Vous pouvez accepter ou refuser jusqu'au {end}. Un refus est sans conséquence."),
    }
}

/// A message (openscouter 14.2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutreachView {
    outreach_id: String,
    job_id: String,
    tester_id: String,
    tester_email: Option<String>,
    channel: &'static str,
    subject: Option<String>,
    body: String,
    status: &'static str,
    generated_at: String,
}

impl OutreachView {
    /// The view of a message; the tester's address is for the staff alone.
    #[must_use]
    pub fn of(message: &Outreach, address: Option<&Email>) -> Self {
        Self {
            outreach_id: message.id().wire(),
            job_id: message.study.wire(),
            tester_id: message.tester.wire(),
            tester_email: address.map(|address| address.as_str().to_owned()),
            channel: message.channel.as_str(),
            subject: message.subject.clone(),
            body: message.body.clone(),
            status: message.status.as_str(),
            generated_at: timestamp(message.generated_at),
        }
    }
}

/// The addresses of some messages' testers, for a caller who may see them.
///
/// # Errors
/// When the store fails.
pub async fn addresses(
    cx: &RequestContext,
    viewer: Viewer,
    messages: &[Outreach],
) -> Result<HashMap<UserId, Email>, Problem> {
    match viewer {
        Viewer::Admin => {
            let testers = messages.iter().map(|message| message.tester).collect();
            Ok(cx.context.store().addresses(testers).await?)
        }
        Viewer::Owner(_) | Viewer::Tester(_) => Ok(HashMap::new()),
    }
}
