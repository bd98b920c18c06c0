//! What is said of an address: the table of outsend 12.5.

use crate::{
    lists,
    module::{MailHosts, SmtpAnswer},
    values,
};

/// The values of `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Valid,
    Invalid,
    Risky,
    Unknown,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Risky => "risky",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) category: &'static str,
    pub(super) reason: &'static str,
    pub(super) suggested_fix: Option<String>,
    pub(super) smtp_code: Option<u16>,
    pub(super) catch_all: &'static str,
}

impl Verdict {
    const fn new(status: Status, category: &'static str, reason: &'static str) -> Self {
        Self { status, category, reason, suggested_fix: None, smtp_code: None, catch_all: "unknown" }
    }

    /// Whether nothing could be found out: rows 5 and 11.
    pub(super) fn failed(&self) -> bool {
        self.category == "error"
    }

    /// Row 1.
    pub(super) const fn syntax() -> Self {
        Self::new(Status::Invalid, "syntax", "Address is not well formed.")
    }

    /// Row 2.
    pub(super) fn typo(local: &str, meant: &str) -> Self {
        let suggested_fix = Some(format!("{local}@{meant}"));
        Self { suggested_fix, ..Self::new(Status::Risky, "suspect", "Domain looks mistyped.") }
    }

    /// Row 3.
    pub(super) const fn disposable() -> Self {
        Self::new(Status::Risky, "disposable", "Domain gives disposable mailboxes.")
    }

    /// Rows 4 to 11.
    pub(super) fn asked(address: &str, hosts: &MailHosts, answer: Option<&SmtpAnswer>) -> Self {
        let hosts = match hosts {
            MailHosts::NoDomain => return Self::new(Status::Invalid, "no_mx", "Domain does not exist."),
            MailHosts::NoMail => return Self::new(Status::Invalid, "no_mx", "Domain does not accept mail."),
            MailHosts::Failed => return Self::new(Status::Unknown, "error", "Domain could not be looked up."),
            MailHosts::Hosts(hosts) => hosts,
        };
        if hosts.iter().any(|host| lists::is_big_provider(host)) {
            return Self::new(
                Status::Unknown,
                "big_provider",
                "Domain is hosted by a provider that does not tell whether a mailbox exists.",
            );
        }
        match answer {
            Some(answer) => Self::probed(answer),
            None if values::kind(address, None) == values::Kind::Role => {
                Self::new(Status::Risky, "suspect", "Address names a function, not a person.")
            }
            None => Self::new(Status::Unknown, "smtp", "Domain accepts mail; mailbox not probed."),
        }
    }

    /// Rows 9 to 11.
    fn probed(answer: &SmtpAnswer) -> Self {
        let verdict = match (answer.code, answer.random) {
            (Some(250 | 251), Some(250 | 251)) => Self {
                catch_all: "yes",
                ..Self::new(Status::Risky, "smtp", "Mail server accepts every address of the domain.")
            },
            (Some(250 | 251), Some(500..=599)) => {
                Self { catch_all: "no", ..Self::new(Status::Valid, "smtp", "Mail server accepts the address.") }
            }
            (Some(250 | 251), _) => {
                Self::new(Status::Unknown, "error", "Mail server accepts the address, but perhaps every other one too.")
            }
            (Some(500..), _) if answer.of_asker => {
                Self::new(Status::Unknown, "error", "Mail server refuses to be asked.")
            }
            (Some(550 | 551 | 553 | 554), _) => {
                Self { catch_all: "no", ..Self::new(Status::Invalid, "smtp", "Mail server refuses the address.") }
            }
            (Some(_), _) => Self::new(Status::Unknown, "error", "Mail server gave no clear answer."),
            (None, _) => Self::new(Status::Unknown, "error", "Mail server could not be asked."),
        };
        Self { smtp_code: answer.code, ..verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        address: &str,
        hosts: &[&str],
        answer: Option<(Option<u16>, Option<u16>)>,
    ) -> (&'static str, &'static str, &'static str) {
        let hosts = MailHosts::Hosts(hosts.iter().map(ToString::to_string).collect());
        let answer = answer.map(|(code, random)| SmtpAnswer { code, of_asker: false, random, tried: 1 });
        let verdict = Verdict::asked(address, &hosts, answer.as_ref());
        assert_eq!(verdict.smtp_code, answer.and_then(|answer| answer.code));
        (verdict.status.as_str(), verdict.category, verdict.catch_all)
    }

    #[test]
    fn a_domain_without_mail_is_invalid_and_a_silent_one_unknown() {
        for (hosts, status, category) in [
            (MailHosts::NoDomain, Status::Invalid, "no_mx"),
            (MailHosts::NoMail, Status::Invalid, "no_mx"),
            (MailHosts::Failed, Status::Unknown, "error"),
        ] {
            let verdict = Verdict::asked("a@b.fr", &hosts, None);
            assert_eq!((verdict.status, verdict.category, verdict.catch_all), (status, category, "unknown"));
        }
    }

    #[test]
    fn without_a_probe_the_address_decides() {
        assert_eq!(of("contact@b.fr", &["mx.b.fr"], None), ("risky", "suspect", "unknown"));
        assert_eq!(of("ada@b.fr", &["mx.b.fr"], None), ("unknown", "smtp", "unknown"));
        assert_eq!(of("contact@b.fr", &["x.b.fr", "aspmx.l.google.com"], None), ("unknown", "big_provider", "unknown"));
    }

    #[test]
    fn a_probe_decides_by_its_codes() {
        let hosts = ["mx.b.fr"];
        for (code, random, expected) in [
            (Some(250), Some(550), ("valid", "smtp", "no")),
            (Some(251), Some(250), ("risky", "smtp", "yes")),
            (Some(250), None, ("unknown", "error", "unknown")),
            (Some(250), Some(451), ("unknown", "error", "unknown")),
            (Some(550), None, ("invalid", "smtp", "no")),
            (Some(554), None, ("invalid", "smtp", "no")),
            (Some(552), None, ("unknown", "error", "unknown")),
            (Some(451), None, ("unknown", "error", "unknown")),
            (None, None, ("unknown", "error", "unknown")),
        ] {
            assert_eq!(of("contact@b.fr", &hosts, Some((code, random))), expected, "{code:?} {random:?}");
        }
    }
}
