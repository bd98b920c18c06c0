//! Seed mailboxes (outsend 12.16).

use std::collections::HashSet;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Most mailboxes of a configuration.
const MAX_SEEDS: usize = 50;

/// A mailbox that placement checks look into. Its password shows itself in no log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Its address.
    pub email: String,
    /// Whose mailbox it is, `gmail`.
    pub kind: String,
    /// The host of its IMAP server, which may be an inner one.
    pub host: String,
    /// The server's port.
    #[serde(default = "imaps")]
    pub port: u16,
    /// Who logs in; the address where it is empty.
    #[serde(default)]
    user: String,
    /// What with.
    pub password: SecretString,
    /// Whether the connection is one of TLS from its beginning.
    #[serde(default = "encrypted")]
    pub tls: bool,
}

const fn imaps() -> u16 {
    993
}

const fn encrypted() -> bool {
    true
}

/// Whether a text can stand in a line: some characters, at most `max`, none of them a control.
fn is_line(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}

impl Seed {
    /// The mailboxes that a configuration names: one at least, each once; `None` when it is malformed.
    #[must_use]
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        let seeds: Vec<Self> = serde_json::from_str(text).ok()?;
        let mut known = HashSet::new();
        let fits = (1..=MAX_SEEDS).contains(&seeds.len())
            && seeds.iter().all(|seed| seed.is_sound() && known.insert(seed.email.to_lowercase()));
        fits.then_some(seeds)
    }

    fn is_sound(&self) -> bool {
        let is_word = |text: &str| is_line(text, 254) && !text.contains(char::is_whitespace);
        is_word(&self.email)
            && self.email.contains('@')
            && is_line(&self.kind, 40)
            && is_word(&self.host)
            && !self.host.contains(['/', '@'])
            && self.port > 0
            && is_line(self.user(), 254)
            && is_line(self.password.expose_secret(), 1_000)
    }

    /// Who logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        if self.user.is_empty() { &self.email } else { &self.user }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_has_defaults_and_hides_its_password() {
        let text = r#"[{"email":"a@seed.test","kind":"gmail","host":"imap.seed.test","password":"hush"},
            {"email":"b@seed.test","kind":"x","host":"::1","port":143,"user":"b","password":"hush","tls":false}]"#;
        let seeds = Seed::parse_all(text).unwrap();
        let told: Vec<_> = seeds.iter().map(|seed| (seed.user(), seed.port, seed.tls)).collect();
        assert_eq!(told, [("a@seed.test", 993, true), ("b", 143, false)]);
        assert!(!format!("{seeds:?}").contains("hush"));
    }

    #[test]
    fn what_is_no_list_of_mailboxes_is_refused() {
        let seed = |change: &str| format!(r#"{{"email":"a@s.test","kind":"k","host":"h"{change}}}"#);
        let one = seed(r#","password":"p""#);
        assert!(Seed::parse_all(&format!("[{one}]")).is_some());
        let many = (0..51).map(|number| one.replace("a@", &format!("a{number}@"))).collect::<Vec<_>>().join(",");
        for text in [
            "",
            "{}",
            "[]",
            "[1]",
            &format!("[{one},{one}]"),
            &format!("[{many}]"),
            &format!("[{}]", seed("")),
            &format!("[{}]", seed(r#","password":"""#)),
            &format!("[{}]", seed(r#","password":"a\r\nb""#)),
            &format!("[{}]", seed(r#","password":"p","port":0"#)),
            &format!("[{}]", seed(r#","password":"p","port":70000"#)),
            &format!("[{}]", seed(r#","password":"p","pasword":"q""#)),
            &format!("[{}]", one.replace("a@s.test", "nobody")),
            &format!("[{}]", one.replace("\"h\"", "\"imaps://h\"")),
        ] {
            assert!(Seed::parse_all(text).is_none(), "{text}");
        }
    }
}
