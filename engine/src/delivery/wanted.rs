//! What is looked for in a mailbox, and what was found (outsend 12.16).

use url::Host;

/// Most characters of a subject that a row has.
const MAX_SUBJECT: usize = 120;

/// The mail that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The domain of its sender, in ASCII.
    pub domain: String,
    /// What its subject contains, folded.
    subject: String,
    /// When it arrives, at the earliest: seconds of the Unix time.
    pub since: i64,
}

/// A domain as mails have it: in ASCII.
fn ascii(domain: &str) -> Option<String> {
    match Host::parse(domain) {
        Ok(Host::Domain(domain)) => Some(domain.trim_end_matches('.').to_owned()),
        _ => None,
    }
}

impl Wanted {
    /// Mail from a domain, with a subject that contains `subject`, from the second `since` on; `None` when the domain is
    /// none.
    #[must_use]
    pub fn new(domain: &str, subject: &str, since: i64) -> Option<Self> {
        Some(Self { domain: ascii(domain)?, subject: subject.to_lowercase(), since })
    }

    /// Whether a mail is looked for.
    #[must_use]
    pub fn is(&self, sender: &str, subject: &str, arrived: i64) -> bool {
        let domain = sender.trim().rsplit_once('@').and_then(|(_, domain)| ascii(domain));
        let below = |domain: String| {
            domain.strip_suffix(&self.domain).is_some_and(|below| below.is_empty() || below.ends_with('.'))
        };
        arrived >= self.since && domain.is_some_and(below) && subject.to_lowercase().contains(&self.subject)
    }
}

/// Where a mail landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Among the mails that are read.
    Inbox,
    /// There too, under a tab.
    Tab(&'static str),
    /// Among those that are not.
    Spam,
}

impl Placement {
    /// `placement` of the row.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Inbox => "Inbox principal".to_owned(),
            Self::Tab(tab) => format!("Inbox · {tab}"),
            Self::Spam => "Spam".to_owned(),
        }
    }
}

/// A mail that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it landed.
    pub placement: Placement,
    /// Its subject.
    pub subject: String,
    /// When it arrived, in seconds of the Unix time.
    pub at: i64,
}

impl Arrival {
    /// The subject as a row has it: one line, not too long.
    #[must_use]
    pub fn line(&self) -> String {
        let line = self.subject.split(|letter: char| letter.is_control()).collect::<Vec<_>>().join(" ");
        line.trim().chars().take(MAX_SUBJECT).collect()
    }
}

/// Why a mailbox could not be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// No connection was made.
    #[error("its server is out of reach")]
    Unreachable,
    /// The connection is not to be trusted.
    #[error("its server's TLS does not hold")]
    Tls,
    /// The login was refused.
    #[error("it refused the login")]
    Login,
    /// There was no answer in time.
    #[error("its server did not answer in time")]
    Timeout,
    /// The answers cannot be used.
    #[error("its server's answers are not those of IMAP")]
    Answers,
    /// The configuration names it no more.
    #[error("it is not configured any more")]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_judged_by_its_sender_its_subject_and_its_time() {
        let wanted = Wanted::new("Acme.test", "OFFRE d'Été", 100).unwrap();
        let subject = "Re: offre d'ÉTÉ 2026";
        for (sender, subject, at, is) in [
            ("news@acme.test", subject, 100, true),
            (" News@MAIL.Acme.Test ", subject, 500, true),
            ("news@acme.test", subject, 99, false),
            ("news@acme.test", "Offre", 100, false),
            ("news@notacme.test", subject, 100, false),
            ("acme.test@other.test", subject, 100, false),
            ("news@acme.test.other.test", subject, 100, false),
            ("acme.test", subject, 100, false),
            ("", subject, 100, false),
        ] {
            assert_eq!(wanted.is(sender, subject, at), is, "{sender} {subject} {at}");
        }
        let wanted = Wanted::new("bücher.test", "", 0).unwrap();
        assert_eq!(wanted.domain, "xn--bcher-kva.test");
        assert!(wanted.is("a@xn--bcher-kva.test", "", 0) && wanted.is("a@post.bücher.test", "x", 1));
        assert_eq!(Wanted::new("a b.test", "", 0), None);
    }

    #[test]
    fn a_subject_is_one_line() {
        let subject = format!(" a\r\n\tb{}", "é".repeat(200));
        let line = Arrival { placement: Placement::Spam, subject, at: 0 }.line();
        assert_eq!(line.chars().count(), MAX_SUBJECT);
        assert!(line.starts_with("a   bé"));
    }
}
