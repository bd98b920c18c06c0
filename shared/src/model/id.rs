//! Typed ids.

use std::fmt;

use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use crate::ulid;

/// A UUIDv7 of `now`: ids that sort by their time (openscouter 2.2).
fn uuid_of(now: OffsetDateTime) -> Uuid {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.nanosecond()))
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        uuid_id!($(#[$doc])* $name);

        impl $name {
            /// The id on OpenScouter's wire (openscouter 2.2).
            #[must_use]
            pub fn wire(&self) -> String {
                format!(concat!($prefix, "_{}"), ulid::encode(self.as_bytes()).to_ascii_lowercase())
            }

            /// Reads an id of OpenScouter's wire, strictly: prefix, length, case and alphabet.
            #[must_use]
            pub fn from_wire(text: &str) -> Option<Self> {
                let digits = text.strip_prefix(concat!($prefix, "_"))?;
                ulid::decode_lower(digits).map(|bytes| Self(Uuid::from_bytes(bytes)))
            }

            /// A new id that sorts by its time.
            #[must_use]
            pub fn at(now: OffsetDateTime) -> Self {
                Self(uuid_of(now))
            }

            /// When the id was made, to the millisecond; `None` for one that does not say.
            #[must_use]
            pub fn time(&self) -> Option<OffsetDateTime> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                let time = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
                time.replace_nanosecond(nanos).ok()
            }

            /// What sorts before every id of this time or later; no id itself.
            #[must_use]
            pub fn first_at(now: OffsetDateTime) -> Self {
                let mut bytes = [0; 16];
                bytes[..6].copy_from_slice(&uuid_of(now).as_bytes()[..6]);
                Self(Uuid::from_bytes(bytes))
            }
        }
    };
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id that `uuid` is.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads the canonical form: hyphenated, lower case.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self).filter(|id| id.to_string() == text)
            }

            /// The sixteen bytes, which sort as the canonical text does.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}", self.0.as_hyphenated())
            }
        }
    };
}

uuid_id!(
    /// An organization: the tenant of every dialect.
    OrganizationId, "org"
);
uuid_id!(
    /// A study (outset 6, openscouter 9).
    StudyId, "job"
);
uuid_id!(
    /// A pipeline (outsend 14.3).
    PipelineId
);

impl PipelineId {
    /// Reads an id of the wire, in any case (outsend 2.2).
    #[must_use]
    pub fn from_path(text: &str) -> Option<Self> {
        Self::parse(&text.to_ascii_lowercase())
    }
}

uuid_id!(
    /// A task of a study (openscouter 9.1).
    TaskId, "task"
);
uuid_id!(
    /// A test: a tester's session of a study (openscouter 10).
    TestSessionId, "sess"
);
uuid_id!(
    /// An attempt at the quiz (openscouter 18).
    AttemptId, "att"
);
uuid_id!(
    /// An approval of a study's agents (openscouter 12.4).
    ApprovalId, "appr"
);
uuid_id!(
    /// A proposal of a study to a tester (openscouter 14.1).
    ProposalId, "prop"
);

impl ProposalId {
    /// The id of the proposal that takes this one's place: always the same, so that there is one.
    #[must_use]
    pub fn next(&self) -> Self {
        let digest = crate::secret::sha256_hex(format!("after {self}").as_bytes());
        let number = digest.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default();
        Self(Uuid::from_u128(number))
    }
}

uuid_id!(
    /// An outreach message (openscouter 14.2).
    OutreachId, "out"
);

impl OutreachId {
    /// The id of a proposal's one message: it has the proposal's bits.
    #[must_use]
    pub const fn of(proposal: ProposalId) -> Self {
        Self(proposal.0)
    }

    /// The proposal that the message is about.
    #[must_use]
    pub const fn proposal(self) -> ProposalId {
        ProposalId(self.0)
    }
}

uuid_id!(
    /// A note on a session (openscouter 10.4).
    NoteId, "note"
);
uuid_id!(
    /// Feedback on a session (openscouter 10.2).
    FeedbackId, "fb"
);
uuid_id!(
    /// A job of an agent (openscouter 12).
    AgentJobId, "ajob"
);
uuid_id!(
    /// A report on a session or on a study (openscouter 13).
    ReportId, "rep"
);
uuid_id!(
    /// A finding of a report (openscouter 13).
    FindingId, "find"
);
uuid_id!(
    /// An API key's own id, for lists and revocation; never the key itself.
    ApiKeyId
);

uuid_id!(
    /// A person with an account.
    UserId, "user"
);
uuid_id!(
    /// A family of refresh tokens: one sign-in (openscouter 3.3).
    FamilyId, "fam"
);
uuid_id!(
    /// An API token of OpenScouter (openscouter 3.4).
    TokenId, "tok"
);
uuid_id!(
    /// A connection of an OAuth client to an organization (openscouter 8).
    ConnectionId, "conn"
);
uuid_id!(
    /// A registered OAuth client (openscouter 8.1).
    ClientId, "cli"
);
uuid_id!(
    /// A record of the audit trail (openscouter 17).
    AuditId, "aud"
);
uuid_id!(
    /// An event that another service sent (openscouter 16.3).
    EventId, "evt"
);
uuid_id!(
    /// A personal export (openscouter 18).
    ExportId, "exp"
);
uuid_id!(
    /// A request to be forgotten (openscouter 18).
    ErasureId, "era"
);
uuid_id!(
    /// What a tester is paid for a session (openscouter 16.1).
    PayoutId, "pay"
);

impl PayoutId {
    /// The id of a session's one payout: it has the session's bits.
    #[must_use]
    pub const fn of(session: TestSessionId) -> Self {
        Self(session.0)
    }
}

/// A participant's only credential: 43 base62 characters that carry 256 random bits (outset 14.1).
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    const LENGTH: usize = 43;

    /// A new token from 32 random bytes of the operating system.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(crate::secret::base62(&bytes, Self::LENGTH)))
    }

    /// Reads a token; `None` when it has not the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The text that stands in the link.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored: the token is a credential, so only its hash is kept.
    #[must_use]
    pub fn hash(&self) -> String {
        crate::secret::sha256_hex(self.0.as_bytes())
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken(…)")
    }
}
