//! Mails (outsend 6.2, openscouter 7). Sent twice, two arrive, and the second one's link works.

mod messages;

use shared::{
    BoxFuture,
    config::Settings,
    model::{Account, Email, SignUpOf, TokenKind, WorkItem, WorkKind},
    secret::new_token,
    store::Token,
};

use self::messages::{Message, compose};
use crate::{
    kind::{Kind, Outcome, Run, WorkError, forget},
    workers::Workers,
};

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
        let Some(mailer) = workers.mailer() else { return Ok(Outcome::Done("no sender configured")) };
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
        let link = match token {
            None => None,
            Some(kind) => Some(issue_link(workers, work, &account, kind).await?),
        };
        let mail = compose(message, user.locale, &user.name, link.as_deref());
        mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
        Ok(Outcome::Done("sent"))
    })
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

/// A link with a new token, which replaces earlier ones. No stored work names it.
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

/// The page that takes a token of this kind.
fn page(settings: &Settings, kind: TokenKind) -> Option<String> {
    let outsend = settings.outsend.public_url.as_ref();
    let app = settings.openscouter.app_url.as_ref().or(settings.openscouter.public_url.as_ref());
    let (base, page) = match kind {
        TokenKind::Verify => (outsend, "verify-email"),
        TokenKind::Reset => (outsend, "reset-password"),
        TokenKind::ScouterVerify => (app, "verify-email"),
        TokenKind::ScouterReset => (app, "reset-password"),
        TokenKind::Magic | TokenKind::Callback => (app, "magic-link"),
    };
    Some(format!("{}/{page}", base?.trim_end_matches('/')))
}
