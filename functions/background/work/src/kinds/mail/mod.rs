//! Mails (outsend 6.2, openscouter 7). Sent twice, two arrive, and the links of both work, until one is used.
//!
//! Whoever asks, one recipient gets a limited number; who asks is not told. A notice that a password was changed is not
//! counted: nobody who floods an address with other mails hides it.

mod feedback;
mod letter;
mod messages;
mod offer;
mod payout;
mod reminder;

use serde_json::json;
use shared::{
    BoxFuture,
    config::Settings,
    limits,
    model::{Account, Action, AuditEntry, AuditId, Email, Owner, SignUpOf, TokenKind, User, WorkItem, WorkKind},
    names,
    secret::new_token,
    store::Token,
};

use self::messages::{Message, compose};
pub(crate) use self::{feedback::FEEDBACK, offer::OFFER, payout::PAYOUT_FAILED, reminder::REMIND};
use crate::{
    kind::{Kind, Outcome, Run, WorkError, forget},
    workers::Workers,
};

/// Mails to a recipient in an hour, and the window's seconds.
const HOUR: (u32, u32) = (5, 3_600);
/// Mails to a recipient in a day, and the window's seconds.
const DAY: (u32, u32) = (20, 86_400);

/// A kind for each message; the subject is the address.
pub(crate) const WELCOME: Kind = mail(|workers, work| send(workers, work, Message::Welcome));
pub(crate) const VERIFY: Kind = mail(|workers, work| send(workers, work, Message::Verify));
pub(crate) const RESET: Kind = mail(|workers, work| send(workers, work, Message::Reset));
pub(crate) const PASSWORD_CHANGED: Kind = mail(|workers, work| send(workers, work, Message::PasswordChanged));
pub(crate) const ADDRESS_TAKEN: Kind = mail(|workers, work| send(workers, work, Message::AddressTaken));
pub(crate) const SCOUTER_VERIFY: Kind = mail(|workers, work| send(workers, work, Message::ScouterVerify));
pub(crate) const SCOUTER_WELCOME: Kind = mail(|workers, work| send(workers, work, Message::ScouterVerify));
pub(crate) const SCOUTER_SIGN_UP: Kind = mail(|workers, work| send(workers, work, Message::ScouterVerify));
pub(crate) const SCOUTER_RESET: Kind = mail(|workers, work| send(workers, work, Message::ScouterReset));
pub(crate) const MAGIC_LINK: Kind = mail(|workers, work| send(workers, work, Message::MagicLink));

const fn mail(run: Run) -> Kind {
    Kind { run, give_up: forget }
}

fn send<'a>(workers: &'a Workers, work: &'a WorkItem, message: Message) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let email = Email::from_stored(work.subject.clone());
        let account = workers.store().account_by_email(&email).await?;
        let Some(account) = account.filter(|account| account.user.active) else {
            return Ok(Outcome::Done("no such account"));
        };
        let user = &account.user;
        let message = match message {
            // whoever has not confirmed the address yet is asked to do that first (openscouter 7)
            Message::MagicLink if !user.verified => Message::ScouterVerify,
            message => message,
        };
        let token = token_kind(message);
        if user.verified && matches!(token, Some(TokenKind::Verify | TokenKind::ScouterVerify)) {
            return Ok(Outcome::Done("verified already"));
        }
        if message != Message::PasswordChanged && !within_limits(workers, &email, token).await? {
            return Ok(Outcome::Done("too many mails to the address"));
        }
        if matches!(token, Some(TokenKind::Reset | TokenKind::ScouterReset)) {
            workers.store().record(&asked_for(workers, work, user)).await?;
        }
        let Some(mailer) = workers.mailer() else { return Ok(Outcome::Done("no sender configured")) };
        let link = match token {
            None => None,
            Some(kind) => Some(issue_link(workers, work, &account, kind).await?),
        };
        // an address that nobody has verified gets no words of whoever gave it
        let name = Some(&*user.name).filter(|name| user.verified && names::check(name).is_ok());
        let mail = compose(message, user.locale, name, link.as_deref());
        mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
        Ok(Outcome::Done("sent"))
    })
}

/// Counts a mail for its recipient: links for a new password by themselves, so that no other mail takes their place.
async fn within_limits(workers: &Workers, email: &Email, token: Option<TokenKind>) -> Result<bool, WorkError> {
    let recovers = matches!(token, Some(TokenKind::Reset | TokenKind::ScouterReset));
    let name = if recovers { "mail/recovery" } else { "mail/other" };
    let (hash, now) = (email.hash(), workers.now());
    let bucket = |window: &str| limits::of(Owner::Email(&hash), &format!("{name}/{window}"));
    let (hour, day) = (bucket("hour"), bucket("day"));
    let windows = workers.context().limits();
    // what an hour refuses takes nothing of the day
    let passed = windows.attempt(&hour, HOUR.1, now).await?.under(HOUR.0).passed
        && windows.attempt(&day, DAY.1, now).await?.under(DAY.0).passed;
    Ok(passed)
}

/// The record of a link for a new password: its id follows from the request's, so that there is one.
fn asked_for(workers: &Workers, work: &WorkItem, user: &User) -> AuditEntry {
    let now = workers.now();
    let dialect = if work.kind == WorkKind::Reset { "outsend" } else { "openscouter" };
    AuditEntry {
        id: AuditId::parse(work.request()).unwrap_or_else(|| AuditId::at(now)),
        action: Action::ResetRequested,
        actor: None,
        role: None,
        object: Some(user.id.wire()),
        detail: json!({ "dialect": dialect }),
        request_id: work.request().to_owned(),
        at: now,
    }
}

/// The token that a message's link carries, if it has a link.
const fn token_kind(message: Message) -> Option<TokenKind> {
    match message {
        Message::Welcome | Message::Verify => Some(TokenKind::Verify),
        Message::Reset => Some(TokenKind::Reset),
        Message::ScouterVerify => Some(TokenKind::ScouterVerify),
        Message::ScouterReset => Some(TokenKind::ScouterReset),
        Message::MagicLink => Some(TokenKind::Magic),
        Message::PasswordChanged | Message::AddressTaken => None,
    }
}

/// A link with a new token. No stored work names it.
async fn issue_link(
    workers: &Workers,
    work: &WorkItem,
    account: &Account,
    kind: TokenKind,
) -> Result<String, WorkError> {
    let page = page(workers.settings(), kind);
    let page = page.ok_or_else(|| WorkError::Failed("no public URL for the link".to_owned()))?;
    let (plain, hash) = new_token("").map_err(|error| WorkError::Failed(error.to_string()))?;
    let sign_up = sign_up_of(workers, work, account).await?;
    let token = Token { sign_up, ..Token::of(&account.user, kind, hash) };
    workers.store().issue_token(&token, workers.now()).await?;
    Ok(format!("{page}?token={plain}"))
}

/// The sign-up that a mail's link belongs to, where it is one that verifies an address.
async fn sign_up_of(workers: &Workers, work: &WorkItem, account: &Account) -> Result<SignUpOf, WorkError> {
    Ok(match work.kind {
        WorkKind::Welcome | WorkKind::ScouterWelcome => SignUpOf::First,
        WorkKind::ScouterSignUp => {
            let pending = workers.store().pending_sign_up(account.user.id, &work.id, workers.now()).await?;
            pending.map_or(SignUpOf::Unknown, SignUpOf::Later)
        }
        _ => SignUpOf::Unknown,
    })
}

/// The base of OpenScouter's links for people (openscouter 1.3).
pub(super) fn application(settings: &Settings) -> Option<&String> {
    settings.openscouter.app_url.as_ref().or(settings.openscouter.public_url.as_ref())
}

/// The page that takes a token of this kind.
fn page(settings: &Settings, kind: TokenKind) -> Option<String> {
    let outsend = settings.outsend.public_url.as_ref();
    let app = application(settings);
    let (base, page) = match kind {
        TokenKind::Verify => (outsend, "verify-email"),
        TokenKind::Reset => (outsend, "reset-password"),
        TokenKind::ScouterVerify => (app, "verify-email"),
        TokenKind::ScouterReset => (app, "reset-password"),
        TokenKind::Magic | TokenKind::Callback => (app, "magic-link"),
        TokenKind::Telegram => return None,
    };
    Some(format!("{}/{page}", base?.trim_end_matches('/')))
}
