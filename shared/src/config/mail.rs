//! Settings of mails.

use super::Environment;

/// Settings of mails.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Address that mails come from; `None` means that none is sent (outsend 18.3).
    pub sender: Option<String>,
    /// Where SES answers; `None` means AWS.
    pub endpoint: Option<String>,
}

impl MailSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Self {
        Self { sender: env.optional("OUTSCOUT_MAIL_SENDER"), endpoint: env.optional("AWS_ENDPOINT_URL_SESV2") }
    }
}
