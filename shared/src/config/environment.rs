//! Reads variables and says which one is wrong.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::de::DeserializeOwned;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable that must be set is not.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// The secret that a variable stands for is not to be had.
    #[error("the secret that {variable}_SECRET_NAME names cannot be read: {cause}")]
    Secret {
        /// The variable.
        variable: &'static str,
        /// Why; nothing of the secret.
        cause: String,
    },
    /// A variable has a value that cannot be used.
    #[error("environment variable {name} is not {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// Variables that hold secrets, and those that name the secret in Secrets Manager, see [`crate::secrets_manager`].
pub const SECRETS: [(&str, &str); 12] = [
    ("OUTSCOUT_OPENSCOUTER_SIGNING_KEY", "OUTSCOUT_OPENSCOUTER_SIGNING_KEY_SECRET_NAME"),
    ("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS", "OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS_SECRET_NAME"),
    ("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "OUTSCOUT_OUTSEND_CAPTCHA_SECRET_SECRET_NAME"),
    ("OUTSCOUT_PAGESPEED_API_KEY", "OUTSCOUT_PAGESPEED_API_KEY_SECRET_NAME"),
    ("OUTSCOUT_SEED_MAILBOXES", "OUTSCOUT_SEED_MAILBOXES_SECRET_NAME"),
    ("OUTSCOUT_AGENT_API_KEY", "OUTSCOUT_AGENT_API_KEY_SECRET_NAME"),
    ("OUTSCOUT_CRON_SECRET", "OUTSCOUT_CRON_SECRET_SECRET_NAME"),
    ("OUTSCOUT_WEBHOOK_SECRETS", "OUTSCOUT_WEBHOOK_SECRETS_SECRET_NAME"),
    ("OUTSCOUT_STRIPE_SECRET_KEY", "OUTSCOUT_STRIPE_SECRET_KEY_SECRET_NAME"),
    ("OUTSCOUT_STRIPE_WEBHOOK_SECRET", "OUTSCOUT_STRIPE_WEBHOOK_SECRET_SECRET_NAME"),
    ("OUTSCOUT_TELEGRAM_BOT_TOKEN", "OUTSCOUT_TELEGRAM_BOT_TOKEN_SECRET_NAME"),
    ("OUTSCOUT_TELEGRAM_WEBHOOK_SECRET", "OUTSCOUT_TELEGRAM_WEBHOOK_SECRET_SECRET_NAME"),
];

/// The variable that names another Secrets Manager than AWS's.
pub const SECRETS_ENDPOINT: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// Whether a secret can be compared with what a header holds.
pub(super) fn fits_header(secret: &str) -> bool {
    secret.trim() == secret && secret.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The environment of a process. An empty variable counts as one that is not set.
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Environment(…)")
    }
}

impl<'a> Environment<'a> {
    /// The environment that `lookup` reads.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// A variable as it is set, be it empty.
    pub(super) fn raw(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// A variable that may be missing.
    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// File with the clock's offset in milliseconds (local systems only).
    pub(crate) fn clock_file(&self) -> Option<PathBuf> {
        self.optional("OUTSCOUT_CLOCK_FILE").map(PathBuf::from)
    }

    /// A variable that must be set.
    pub(super) fn required(&self, name: &'static str) -> Result<String, SettingsError> {
        self.optional(name).ok_or(SettingsError::Missing(name))
    }

    /// A secret that may be missing.
    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.optional(name).map(SecretString::from)
    }

    /// A secret that callers send in a header. One that no header holds as it stands would never match.
    pub(super) fn header_secret(&self, name: &'static str) -> Result<Option<SecretString>, SettingsError> {
        self.parsed(name, "printable ASCII characters without blanks around them", |text| {
            fits_header(text).then(|| SecretString::from(text.to_owned()))
        })
    }

    /// A secret that must be set.
    pub(super) fn required_secret(&self, name: &'static str) -> Result<SecretString, SettingsError> {
        self.required(name).map(SecretString::from)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &'static str, default: u32) -> Result<u32, SettingsError> {
        self.parsed(name, "a whole number", |text| text.parse().ok()).map(|number| number.unwrap_or(default))
    }

    /// A count of things.
    pub(super) fn count(&self, name: &'static str, default: usize) -> Result<usize, SettingsError> {
        self.number(name, u32::try_from(default).unwrap_or(u32::MAX)).map(|number| number as usize)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool, SettingsError> {
        self.parsed(name, "true or false", |text| text.parse().ok()).map(|flag| flag.unwrap_or(default))
    }

    /// Entries that are separated by commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let entries = self.optional(name).unwrap_or_default();
        entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// A JSON text; the default of its type when it is not set.
    pub(super) fn json<T: DeserializeOwned + Default>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<T, SettingsError> {
        self.parsed(name, expected, |text| serde_json::from_str(text).ok()).map(Option::unwrap_or_default)
    }

    /// A variable that `parse` understands; `None` when it is not set.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        self.optional(name).map(|text| parse(&text).ok_or(SettingsError::Malformed { name, expected })).transpose()
    }
}
