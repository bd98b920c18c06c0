//! What testers are told in Telegram (openscouter 15): sent to the chat that is theirs, in their language. What is in a
//! message is for its tester alone, and of the study's title and pay: nothing of who owns it, or of other testers.

use crate::{
    BoxFuture,
    context::Context,
    model::{Locale, ProposalId, Study, UserId},
    store::StoreError,
    telegram::{self, Button, TelegramError},
};

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The chat.
    pub chat: i64,
    /// Telegram's id of the message.
    pub message: i64,
}

/// Why a tester was not told.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// There is no chat of the tester's, or none any more.
    #[error("no chat is linked")]
    NotLinked,
    /// Telegram did not take the message.
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends a text, with buttons, to the chat that is a tester's. A chat that is closed to the bot is the tester's no more.
///
/// # Errors
/// As [`Untold`] says.
pub fn tell<'a>(
    context: &'a Context,
    tester: UserId,
    text: &'a str,
    buttons: &'a [Button],
) -> BoxFuture<'a, Result<Told, Untold>> {
    Box::pin(async move {
        let store = context.store();
        let link = store.telegram_link(tester).await?.ok_or(Untold::NotLinked)?;
        match telegram::send_message(&context.settings().telegram, link.chat, text, buttons).await {
            Ok(message) => Ok(Told { chat: link.chat, message }),
            Err(TelegramError::Closed) => {
                store.unlink_telegram(tester, link.chat, None, context.clock().now()).await?;
                Err(Untold::NotLinked)
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// The buttons below a proposal.
#[must_use]
pub fn answer_buttons(locale: Locale, proposal: ProposalId) -> [Button; 2] {
    let (accept, decline) = match locale {
        Locale::En => ("Accept", "Decline"),
        Locale::Fr => ("Accepter", "Refuser"),
    };
    let id = proposal.wire();
    [(accept, format!("accept:{id}")), (decline, format!("decline:{id}"))]
        .map(|(text, callback_data)| Button { text: text.to_owned(), callback_data })
}

/// What a tester who takes part is sent: where the test begins.
#[must_use]
pub fn test_link(locale: Locale, study: &Study, url: &str) -> String {
    let title = &study.name;
    match locale {
        Locale::En => {
            format!("You take part in {title}. Begin here:\n{url}\n\nThe link is yours alone and works for 24 hours.")
        }
        Locale::Fr => format!(
            "Vous participez à {title}. Commencez ici :\n{url}\n\nCe lien n'est que pour vous et fonctionne 24 heures."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_fit() {
        let id = ProposalId::generate();
        for locale in [Locale::En, Locale::Fr] {
            let [accept, decline] = answer_buttons(locale, id);
            assert_eq!(accept.callback_data, format!("accept:{}", id.wire()));
            assert_eq!(decline.callback_data, format!("decline:{}", id.wire()));
            assert!(decline.callback_data.len() <= 64);
        }
    }
}
