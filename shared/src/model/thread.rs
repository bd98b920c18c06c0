//! Threads between a user and the staff, and their state machine (outsend 17, 20).

use time::OffsetDateTime;

use super::{Module, UserId};
use crate::ulid;

/// A thread's id: `fb_` and a ULID, whose time is the thread's opening (outsend 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId([u8; 16]);

impl ThreadId {
    /// A new id that sorts by its time.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn at(now: OffsetDateTime) -> Result<Self, getrandom::Error> {
        let text = ulid::generate(now)?.to_ascii_lowercase();
        Ok(Self(ulid::decode_lower(&text).unwrap_or_default()))
    }

    /// Reads an id of the wire, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_at_checked(3)?;
        let known = prefix.eq_ignore_ascii_case("fb_").then(|| digits.to_ascii_lowercase())?;
        ulid::decode_lower(&known).map(Self)
    }

    /// The id that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes, which sort as the text does.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for ThreadId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "fb_{}", ulid::encode(&self.0))
    }
}

/// What a thread is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadKind {
    /// Something is wrong.
    Bug,
    /// Something is missing.
    Idea,
    /// Something is not clear.
    Question,
    /// Anything else.
    Other,
    /// A vote for a module (outsend 13).
    Interest,
}

impl ThreadKind {
    const ALL: [Self; 5] = [Self::Bug, Self::Idea, Self::Question, Self::Other, Self::Interest];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Idea => "idea",
            Self::Question => "question",
            Self::Other => "other",
            Self::Interest => "interest",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadStatus {
    /// The staff is asked.
    Open,
    /// The staff answered last.
    Answered,
    /// The staff closed it; a message of the user opens it again.
    Closed,
}

impl ThreadStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Closed];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The thread's owner.
    User,
    /// The staff.
    Staff,
}

impl Author {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Staff => "staff",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Staff].into_iter().find(|author| author.as_str() == text)
    }
}

/// A message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `fbm_` and a ULID.
    pub id: String,
    /// Who wrote it.
    pub author: Author,
    /// The text.
    pub text: String,
    /// When it came.
    pub at: OffsetDateTime,
}

impl Message {
    /// A new message.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(author: Author, text: String, now: OffsetDateTime) -> Result<Self, getrandom::Error> {
        Ok(Self { id: format!("fbm_{}", ulid::generate(now)?), author, text, at: now })
    }
}

/// A thread, without its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Whose it is.
    pub user: UserId,
    /// What it is about.
    pub kind: ThreadKind,
    /// Its subject; of a vote the module's slug.
    pub subject: String,
    /// Where it stands.
    pub status: ThreadStatus,
    /// The module that it is about.
    pub module: Option<Module>,
    /// How many messages it has.
    pub messages: u64,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When it last changed: a message came, or it was closed. Never runs backwards.
    pub updated_at: OffsetDateTime,
    /// Counts what became of it.
    pub version: u64,
}

/// Why a thread takes no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silenced {
    /// It has as many as a thread takes from its user.
    Full,
    /// The staff closed it: only its user opens it again.
    Closed,
}

impl Thread {
    /// Messages after which a user opens another thread: with them, an answer is far smaller than Lambda's limit.
    pub const MAX_MESSAGES: u64 = 100;

    /// A thread that is just opened, and still has no message.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(user: UserId, kind: ThreadKind, subject: String, now: OffsetDateTime) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id: ThreadId::at(now)?,
            user,
            kind,
            subject,
            status: ThreadStatus::Open,
            module: None,
            messages: 0,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }

    /// The thread with one more message.
    ///
    /// # Errors
    /// When it takes none.
    pub fn with(&self, message: &Message) -> Result<Self, Silenced> {
        let status = match message.author {
            Author::User if self.messages >= Self::MAX_MESSAGES => return Err(Silenced::Full),
            Author::User => ThreadStatus::Open,
            Author::Staff if self.status == ThreadStatus::Closed => return Err(Silenced::Closed),
            Author::Staff => ThreadStatus::Answered,
        };
        Ok(Self { messages: self.messages + 1, ..self.changed(status, message.at) })
    }

    /// The thread, closed.
    #[must_use]
    pub fn closed(&self, now: OffsetDateTime) -> Self {
        self.changed(ThreadStatus::Closed, now)
    }

    fn changed(&self, status: ThreadStatus, now: OffsetDateTime) -> Self {
        Self { status, updated_at: now.max(self.updated_at), version: self.version + 1, ..self.clone() }
    }
}

/// A thread with its messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The thread.
    pub thread: Thread,
    /// Its messages.
    pub messages: Vec<Message>,
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn message(author: Author, at: OffsetDateTime) -> Message {
        Message::new(author, "text".to_owned(), at).unwrap()
    }

    #[test]
    fn the_last_word_decides_where_a_thread_stands() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let new = Thread::new(UserId::generate(), ThreadKind::Bug, "x".to_owned(), now).unwrap();
        let opened = new.with(&message(Author::User, now)).unwrap();
        assert_eq!((opened.status, opened.messages, opened.version), (ThreadStatus::Open, 1, 2));
        let answered = opened.with(&message(Author::Staff, now + Duration::HOUR)).unwrap();
        assert_eq!((answered.status, answered.updated_at), (ThreadStatus::Answered, now + Duration::HOUR));
        let back = answered.with(&message(Author::User, now)).unwrap();
        assert_eq!((back.status, back.updated_at), (ThreadStatus::Open, now + Duration::HOUR));
        let closed = back.closed(now + Duration::DAY);
        assert_eq!((closed.status, closed.messages), (ThreadStatus::Closed, 3));
        assert_eq!(closed.with(&message(Author::Staff, now)), Err(Silenced::Closed));
        assert_eq!(closed.with(&message(Author::User, now)).unwrap().status, ThreadStatus::Open);
        let full = Thread { messages: Thread::MAX_MESSAGES, ..answered };
        assert_eq!(full.with(&message(Author::User, now)), Err(Silenced::Full));
        assert!(full.with(&message(Author::Staff, now)).is_ok(), "the staff has the last word");
    }

    #[test]
    fn ids_are_read_in_any_case() {
        let id = ThreadId::at(OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(ThreadId::parse(&id.to_string().to_lowercase()), Some(id));
        for text in ["", "fb", "fb_", "fbm_01KSMHEQW0F1E2D3B4A5C6G7H8", "é_b", &id.to_string()[1..]] {
            assert_eq!(ThreadId::parse(text), None, "{text}");
        }
    }
}
