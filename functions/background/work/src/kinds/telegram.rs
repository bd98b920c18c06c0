//! What testers are told in Telegram by work (openscouter 15): proposals, in the place of a mail, and links to tests that
//! were not sent at once.

use shared::{
    BoxFuture,
    model::{OutreachStatus, ProposalId, ProposalStatus, Standing, User, WorkItem},
    openscouter::{
        proposals::answers::test_url,
        telegram::{self, Untold},
    },
    secret::new_test_token,
    telegram::{Button, TelegramError},
};
use time::{Duration, OffsetDateTime};

use super::mail::application;
use crate::{
    kind::{Kind, Outcome, WorkError, forget},
    workers::Workers,
};

/// A tester who accepted is sent the link to the test; the subject is the proposal.
pub(crate) const TEST_LINK: Kind = Kind { run: send_link, give_up: forget };

/// Proposals that all processes together tell of in a second (openscouter 15).
const A_SECOND: u32 = 25;
/// What they are counted by, in windows of one second.
const BUCKET: &str = "openscouter/telegram/offers";
/// Seconds that a message waits for its turn before its work is put back.
const PATIENCE: usize = 10;
/// Tries after which a proposal goes by mail, since Telegram is not to be had: one less than a delivery has.
const MAX_TRIES: u32 = 2;
/// Most characters of a message, which Telegram counts in units of UTF-16; longer ones go by mail.
const MAX_TEXT: usize = 4_096;

/// What became of a delivery.
pub(crate) enum Delivery {
    /// It came to an end.
    Ended(OutreachStatus, &'static str),
    /// The address got too many mails, or Telegram too many messages; what is said can wait until then.
    At(OffsetDateTime),
}

/// Tells a tester of a proposal; `None` when that is for a mail to do.
pub(crate) async fn offer(
    workers: &Workers,
    work: &WorkItem,
    user: &User,
    (text, buttons): (&str, [Button; 2]),
) -> Result<Option<Delivery>, WorkError> {
    let fits = text.encode_utf16().count() <= MAX_TEXT;
    if !fits || !is_reachable(workers, user).await? {
        return Ok(None);
    }
    if !turn(workers).await? {
        return Ok(Some(Delivery::At(workers.now() + Duration::seconds(1))));
    }
    match telegram::tell(workers.context(), user.id, text, &buttons).await {
        Ok(_) => Ok(Some(Delivery::Ended(OutreachStatus::Sent, "sent to Telegram"))),
        Err(Untold::Telegram(TelegramError::InDoubt(_))) if work.attempt >= MAX_TRIES => Ok(None),
        Err(error) => Ok(later(workers, error)?.map(Delivery::At)),
    }
}

/// Whether a tester has a chat, and there is a bot.
pub(super) async fn is_reachable(workers: &Workers, user: &User) -> Result<bool, WorkError> {
    Ok(workers.settings().telegram.token.is_some() && workers.store().telegram_link(user.id).await?.is_some())
}

/// Sends a reminder to a tester's chat; `Ok(false)` when that is for a mail to do.
pub(super) async fn remind(workers: &Workers, user: &User, text: &str) -> Result<bool, WorkError> {
    if !is_reachable(workers, user).await? {
        return Ok(false);
    }
    match telegram::tell(workers.context(), user.id, text, &[]).await {
        Ok(_) => Ok(true),
        Err(Untold::Store(error)) => Err(error.into()),
        // the token of the link is good for a mail, too
        Err(_) => Ok(false),
    }
}

/// When what was not sent is tried again; `None` when never.
fn later(workers: &Workers, error: Untold) -> Result<Option<OffsetDateTime>, WorkError> {
    match error {
        Untold::NotLinked | Untold::Telegram(TelegramError::Closed | TelegramError::Refused(_)) => Ok(None),
        Untold::Telegram(TelegramError::Throttled(seconds)) => {
            Ok(Some(workers.now() + Duration::seconds(seconds.into())))
        }
        Untold::Telegram(error) => Err(WorkError::Failed(error.to_string())),
        Untold::Store(error) => Err(error.into()),
    }
}

/// Waits for a turn among all processes; `false` when none came for a while.
async fn turn(workers: &Workers) -> Result<bool, WorkError> {
    for _ in 0..PATIENCE {
        let now = workers.now();
        if workers.context().limits().attempt(BUCKET, 1, now).await?.under(A_SECOND).passed {
            return Ok(true);
        }
        let left = 1_000_u64.saturating_sub(now.millisecond().into());
        tokio::time::sleep(std::time::Duration::from_millis(left)).await;
    }
    Ok(false)
}

fn send_link<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = ProposalId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let (store, now) = (workers.store(), workers.now());
        let proposal = store.proposal(id).await?.filter(|one| one.status == ProposalStatus::Accepted);
        let Some(proposal) = proposal else { return Ok(Outcome::Done("not accepted any more")) };
        let account = store.account(proposal.tester).await?;
        let Some(account) = account.filter(|account| account.user.standing() == Standing::Active) else {
            return Ok(Outcome::Done("no such account"));
        };
        let Some(study) = store.linked_study(proposal.study).await? else {
            return Ok(Outcome::Done("no such study"));
        };
        // a new token would end the one that a session may be working with
        if store.test_session_of(study.id, account.user.id).await?.is_some() {
            return Ok(Outcome::Done("begun"));
        }
        if store.telegram_link(account.user.id).await?.is_none() {
            return Ok(Outcome::Done("not linked any more"));
        }
        let app = application(workers.settings()).map(|app| app.trim_end_matches('/'));
        let app = app.ok_or_else(|| WorkError::Failed("no public URL for the link".to_owned()))?;
        let (plain, hash) = new_test_token().map_err(|error| WorkError::Failed(error.to_string()))?;
        store.issue_test_token(&account.user, study.id, &hash, now).await?;
        let text = telegram::test_link(account.user.locale, &study, &test_url(app, &plain));
        match telegram::tell(workers.context(), account.user.id, &text, &[]).await {
            Ok(_) => Ok(Outcome::Done("sent to Telegram")),
            Err(error) => Ok(later(workers, error)?.map_or(Outcome::Done("not linked any more"), Outcome::AgainAt)),
        }
    })
}
