//! The mail that tells the staff of a new thread (outsend 17).
//!
//! The staff's address is counted by itself: it may be that of an account, too, whose own mails no flood of threads
//! shall hold back. What is not sent is still in the staff's list.

use maud::{DOCTYPE, html};
use shared::{
    BoxFuture, limits,
    model::{Author, Conversation, Owner, ThreadId, WorkItem},
};

use crate::{
    kind::{Kind, Outcome, WorkError, forget},
    mailer::Mail,
    workers::Workers,
};

/// The subject is the thread's id.
pub(crate) const FEEDBACK: Kind = Kind { run: tell, give_up: forget };

/// Mails in an hour and in a day, and each window's seconds.
const WINDOWS: [(&str, u32, u32); 2] = [("hour", 20, 3_600), ("day", 100, 86_400)];

fn tell<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = ThreadId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let Some(staff) = &workers.settings().mail.feedback else { return Ok(Outcome::Done("no address configured")) };
        let Some(conversation) = workers.store().conversation(id).await? else {
            return Ok(Outcome::Done("no such thread"));
        };
        let Some(mailer) = workers.mailer() else { return Ok(Outcome::Done("no sender configured")) };
        let (hash, now) = (staff.hash(), workers.now());
        for (window, most, seconds) in WINDOWS {
            let bucket = limits::of(Owner::Email(&hash), &format!("mail/feedback/{window}"));
            if !workers.context().limits().attempt(&bucket, seconds, now).await?.under(most).passed {
                return Ok(Outcome::Done("too many mails to the address"));
            }
        }
        mailer.send(staff, &compose(&conversation)).await.map_err(WorkError::Failed)?;
        Ok(Outcome::Done("sent"))
    })
}

/// The mail: what the user wrote, as text, and how it is answered. Nothing of the account but its words.
fn compose(conversation: &Conversation) -> Mail {
    let thread = &conversation.thread;
    let first = conversation.messages.iter().find(|message| message.author == Author::User);
    let words = first.map_or("", |message| &*message.text);
    let about = format!("{}: {}", thread.kind.as_str(), thread.subject);
    let how = format!("outscout feedback answer {} --message TEXT", thread.id);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            body {
                p { (about) }
                pre style="white-space: pre-wrap" { (words) }
                p { code { (how) } }
            }
        }
    };
    Mail { subject: "New feedback".into(), text: format!("{about}\n\n{words}\n\n{how}\n"), html: page.into_string() }
}

#[cfg(test)]
mod tests {
    use shared::model::{Message, Thread, ThreadKind, UserId};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn what_a_user_wrote_is_text_and_not_markup() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let thread = Thread::new(UserId::generate(), ThreadKind::Bug, "<i>x".to_owned(), now).unwrap();
        let message = Message::new(Author::User, "<b>y".to_owned(), now).unwrap();
        let mail = compose(&Conversation { thread: thread.with(&message).unwrap(), messages: vec![message] });
        assert!(mail.html.contains("bug: &lt;i&gt;x") && mail.html.contains("&lt;b&gt;y"));
        assert!(mail.text.starts_with("bug: <i>x\n\n<b>y\n\noutscout feedback answer fb_"));
    }
}
