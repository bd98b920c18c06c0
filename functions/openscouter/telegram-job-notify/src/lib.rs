//! `POST /api/telegram/job-notify`: a tester is told of a study in Telegram (openscouter 15).

use serde::Serialize;
use shared::{
    http::Response,
    model::{
        Account, Channel, Outreach, OutreachId, Proposal, ProposalStatus, Role, Study, StudyId, UserId, Wanted,
        message_language,
    },
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        outreach::answer_by,
        proposals,
        request_context::RequestContext,
        studies::{self, owned_study, wrong_state},
        telegram::{self, Told, Untold},
    },
    store::Candidates,
    telegram::TelegramError,
};
use time::OffsetDateTime;

/// Most characters of a message, which Telegram counts in units of UTF-16.
const MAX_TEXT: usize = 4_096;
/// The states in which a study takes proposals.
const OPEN: &str = "open or in_progress";
/// The states in which a tester is told of a proposal.
const TELLABLE: &str = "pending or sent";

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(notify(cx, caller)));

/// A message that was sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notified {
    tester_id: String,
    telegram_chat_id: i64,
    message_id: i64,
    sent_at: String,
}

/// What was asked for.
struct Asked {
    tester: Option<UserId>,
    study: Option<StudyId>,
    message: Option<String>,
}

async fn notify(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let asked = read(&fields)?;
        let account = tester(cx, asked.tester).await?;
        let study = owned_study(cx, caller.viewer(), asked.study).await?;
        let user = &account.user;
        if cx.context.store().telegram_link(user.id).await?.is_none() {
            return Err(not_linked());
        }
        if !study.status.is_active() {
            return Err(wrong_state(&study, OPEN));
        }
        let proposal = proposal(cx, &study, user.id).await?;
        let until = proposal.expires_at.unwrap_or_else(|| Proposal::answerable_until(cx.now));
        let text = match asked.message {
            Some(message) => message,
            None => template(cx, &study, &proposal, until).await?,
        };
        let buttons = telegram::answer_buttons(message_language(&study), proposal.id);
        let told = telegram::tell(&cx.context, user.id, &text, &buttons).await.map_err(untold)?;
        cx.context.store().send_proposal(proposal.id, cx.now).await?;
        Ok(success(200, &notified(cx, user.id, told)))
    })
    .await
}

fn notified(cx: &RequestContext, tester: UserId, told: Told) -> Notified {
    Notified {
        tester_id: tester.wire(),
        telegram_chat_id: told.chat,
        message_id: told.message,
        sent_at: timestamp(cx.now),
    }
}

fn read(fields: &Fields) -> Result<Asked, Problem> {
    let tester = fields.text("testerId", 1, usize::MAX)?;
    let study = fields.text("jobId", 1, usize::MAX)?;
    let message = fields.optional_text("message", 1, MAX_TEXT)?;
    // Telegram counts some characters twice
    if message.as_ref().is_some_and(|message| message.encode_utf16().count() > MAX_TEXT) {
        return Err(Problem::invalid("message", &format!("must be at most {MAX_TEXT} characters")));
    }
    Ok(Asked { tester: UserId::from_wire(&tester), study: StudyId::from_wire(&study), message })
}

/// The tester that a body names.
async fn tester(cx: &RequestContext, id: Option<UserId>) -> Result<Account, Problem> {
    let missing = || Problem::not_found("Tester");
    let account = cx.context.store().account(id.ok_or_else(missing)?).await?;
    account.filter(|account| account.user.role == Role::Tester).ok_or_else(missing)
}

/// The words of a proposal's own message, as far as they fit, and until when it can be answered.
async fn template(
    cx: &RequestContext,
    study: &Study,
    proposal: &Proposal,
    until: OffsetDateTime,
) -> Result<String, Problem> {
    let drafted = cx.context.store().outreach(OutreachId::of(proposal.id)).await?;
    let drafted = drafted.unwrap_or_else(|| Outreach::draft(study, proposal, Channel::Telegram));
    let (profile, _) = cx.context.store().profile(proposal.tester).await?;
    let answer = answer_by(message_language(study), until, &profile);
    let text = format!("{}\n\n{answer}", drafted.body);
    Ok(if text.encode_utf16().count() <= MAX_TEXT { text } else { answer })
}

fn not_linked() -> Problem {
    Problem::Refused(404, "Tester has not connected Telegram".to_owned())
}

/// What a message that was not sent is: the tester's doing, or a fault of ours or of theirs.
fn untold(error: Untold) -> Problem {
    match error {
        Untold::NotLinked => not_linked(),
        Untold::Telegram(TelegramError::Refused(status)) => Problem::Crash(format!("Telegram: status {status}")),
        other => Problem::Crash(other.to_string()),
    }
}

/// The proposal that the message is about: the one that is open, or a new one, of which the tester does not know until the
/// message is sent.
async fn proposal(cx: &RequestContext, study: &Study, tester: UserId) -> Result<Proposal, Problem> {
    let store = cx.context.store();
    let known = store.proposals_between(study.id, tester).await?;
    if let Some(open) = known.into_iter().find(|proposal| proposal.status.is_open()) {
        return match open.status_at(cx.now) {
            ProposalStatus::Pending | ProposalStatus::Sent => Ok(open),
            status => Err(proposals::wrong_state(status, TELLABLE)),
        };
    }
    let wanted = Wanted {
        targeting: &study.details.targeting,
        year: u32::try_from(cx.now.year()).unwrap_or_default(),
        consent_version: &cx.context.settings().openscouter.consent_version,
    };
    let proposed = store.propose(study, &wanted, Candidates::Named(vec![tester]), (false, cx.now)).await?;
    if proposed.shut {
        let now = store.linked_study(study.id).await?.ok_or_else(studies::missing)?;
        return Err(wrong_state(&now, OPEN));
    }
    proposed.made.into_iter().next().ok_or_else(|| Problem::invalid("testerId", "is not eligible"))
}
