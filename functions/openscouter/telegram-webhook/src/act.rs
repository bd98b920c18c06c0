//! What follows from an update. What it changes, and that it was heard, are one write, so that one that comes again
//! changes nothing and is not answered again; then the chat is told. A chat is told as far as that succeeds.

use futures_util::future;
use serde_json::json;
use shared::{
    model::{Account, Locale, Standing, WorkItem},
    openscouter::{
        envelope::Problem,
        proposals::answers::{self, AnswerError, Participation},
        request_context::RequestContext,
        telegram::{self as messages, Untold},
    },
    secret::sha256_hex,
    store::Linking,
    telegram::{self, TelegramError},
};

use crate::{
    update::{News, Pressed, Update, is_code},
    words,
};

/// Acts on an update; why not, for the log.
pub(crate) async fn on(cx: &RequestContext, update: &Update) -> Result<(), String> {
    let done = match &update.news {
        News::Nothing => return Ok(()),
        News::Start { chat, code: None, language } => {
            let language = words::language(language.as_deref());
            help(cx, update.id, *chat, language).await
        }
        News::Start { chat, code: Some(code), language } => {
            let language = words::language(language.as_deref());
            link(cx, update.id, (*chat, code), language).await
        }
        News::Stop { chat } => stop(cx, update.id, *chat).await,
        News::Pressed(pressed) => answer(cx, update.id, pressed).await,
    };
    done.map_err(|problem| match problem {
        Problem::Crash(cause) => cause,
        other => format!("{:?}", other.answer().status),
    })
}

/// Says something in a chat that need not be anybody's.
async fn say(cx: &RequestContext, chat: i64, text: &str) {
    told(telegram::send_message(&cx.context.settings().telegram, chat, text, &[]).await.map(|_| ()));
}

/// Notes in the log what a chat was not told.
fn told(sent: Result<(), TelegramError>) {
    if let Err(error) = sent {
        tracing::warn!(cause = %error, "chat not told");
    }
}

async fn help(cx: &RequestContext, update: i64, chat: i64, language: Locale) -> Result<(), Problem> {
    if cx.context.store().hear_update(update, cx.now).await? {
        say(cx, chat, words::HELP.of(language)).await;
    }
    Ok(())
}

async fn link(cx: &RequestContext, update: i64, (chat, code): (i64, &str), language: Locale) -> Result<(), Problem> {
    let store = cx.context.store();
    let linking = if is_code(code) {
        store.link_telegram((chat, &sha256_hex(code.as_bytes())), update, cx.now).await?
    } else if store.hear_update(update, cx.now).await? {
        Linking::Void
    } else {
        Linking::Heard
    };
    match linking {
        Linking::Heard => {}
        Linking::Void => say(cx, chat, words::VOID.of(language)).await,
        Linking::Done(tester) => {
            let account = store.account(tester).await?;
            let language = account.map_or(language, |account| account.user.locale);
            say(cx, chat, words::LINKED.of(language)).await;
        }
    }
    Ok(())
}

/// The tester whose chat it is.
async fn of_chat(cx: &RequestContext, chat: i64) -> Result<Option<Account>, Problem> {
    let store = cx.context.store();
    match store.telegram_tester(chat).await? {
        Some(tester) => Ok(store.account(tester).await?),
        None => Ok(None),
    }
}

async fn stop(cx: &RequestContext, update: i64, chat: i64) -> Result<(), Problem> {
    let store = cx.context.store();
    let Some(account) = of_chat(cx, chat).await? else { return Ok(()) };
    if !store.was_heard(update, cx.now).await?
        && store.unlink_telegram(account.user.id, chat, Some(update), cx.now).await?
    {
        say(cx, chat, words::UNLINKED.of(account.user.locale)).await;
    }
    Ok(())
}

/// A button that was pressed in a chat that is a tester's; in another one nothing happens.
async fn answer(cx: &RequestContext, update: i64, pressed: &Pressed) -> Result<(), Problem> {
    let store = cx.context.store();
    let Some(account) = of_chat(cx, pressed.chat).await? else { return Ok(()) };
    if store.was_heard(update, cx.now).await? {
        return Ok(());
    }
    let (user, heard) = (&account.user, Some(update));
    let answered = match (user.standing(), pressed.accepts) {
        (Standing::Suspended, _) | (Standing::Pending, false) => Err(AnswerError::Inactive(user.standing())),
        (_, true) => answers::accept(cx, user, pressed.proposal, heard).await.map(Some),
        (_, false) => answers::decline(cx, user, pressed.proposal, heard).await.map(|_| None),
    };
    match answered {
        Ok(Some(taken)) => {
            let (sent, ()) =
                future::join(send_link(cx, &account, &taken), close(cx, pressed, words::ACCEPTED.of(user.locale)))
                    .await;
            sent
        }
        Ok(None) => {
            close(cx, pressed, words::DECLINED.of(user.locale)).await;
            Ok(())
        }
        Err(error) => {
            let text = words::refusal(&error).of(user.locale);
            if let AnswerError::Failed(problem) = error {
                // nothing was heard: the button stays
                notice(cx, pressed, text).await;
                return Err(problem);
            }
            // one that came before, beside this one, has been answered
            if store.hear_update(update, cx.now).await? {
                close(cx, pressed, text).await;
            }
            Ok(())
        }
    }
}

/// Sends the link to the test. Where that does not succeed, the work that was left with the acceptance does.
async fn send_link(cx: &RequestContext, account: &Account, taken: &Participation) -> Result<(), Problem> {
    let text = messages::test_link(account.user.locale, &taken.study, &taken.url);
    match messages::tell(&cx.context, account.user.id, &text, &[]).await {
        Ok(_) | Err(Untold::NotLinked) => {
            Ok(cx.context.store().finish_work(&WorkItem::test_link(taken.proposal.id)).await?)
        }
        Err(error) => Err(Problem::Crash(error.to_string())),
    }
}

/// Tells who pressed a button what came of it, and takes the buttons away.
async fn close(cx: &RequestContext, pressed: &Pressed, text: &str) {
    future::join(notice(cx, pressed, text), remove_buttons(cx, pressed)).await;
}

/// Answers who pressed a button, in a line above the chat: until then the button shows that it waits.
async fn notice(cx: &RequestContext, pressed: &Pressed, text: &str) {
    let said = json!({"callback_query_id": pressed.query, "text": text});
    told(telegram::call(&cx.context.settings().telegram, "answerCallbackQuery", said).await.map(|_| ()));
}

async fn remove_buttons(cx: &RequestContext, pressed: &Pressed) {
    let none = json!({"inline_keyboard": []});
    let said = json!({"chat_id": pressed.chat, "message_id": pressed.message, "reply_markup": none});
    told(telegram::call(&cx.context.settings().telegram, "editMessageReplyMarkup", said).await.map(|_| ()));
}
