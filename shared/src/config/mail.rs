//! Settings of mails.

use super::{Environment, SettingsError};
use crate::model::Email;

/// Settings of mails.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Address that mails come from; `None` means that none is sent (outsend 18.3).
    pub sender: Option<String>,
    /// The staff's address, which is told of new threads; `None` means that nobody is (outsend 17).
    pub feedback: Option<Email>,
    /// Where SES answers; `None` means AWS.
    pub endpoint: Option<String>,
}

impl MailSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            sender: env.optional("OUTSCOUT_MAIL_SENDER"),
            feedback: env.parsed("OUTSCOUT_FEEDBACK_EMAIL", "an e-mail address", Email::parse)?,
            endpoint: env.optional("AWS_ENDPOINT_URL_SESV2"),
        })
    }
}
