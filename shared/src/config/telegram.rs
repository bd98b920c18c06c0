//! Settings of the Telegram bot (openscouter 1.3, 15).

use secrecy::SecretString;

use super::{Environment, SettingsError};

/// How the bot is reached; only the functions that need one of these have it.
#[derive(Clone, Debug)]
pub struct TelegramSettings {
    /// Base URL of the Bot API, without `/bot<token>`.
    pub url: String,
    /// The bot's token, which stands in the URL of each call; without one nothing is sent.
    pub token: Option<SecretString>,
    /// The bot's user name, without `@`: links lead to it.
    pub bot: Option<String>,
    /// What its webhook calls carry; without one all are refused.
    pub webhook_secret: Option<SecretString>,
}

impl TelegramSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let url = env.optional("OUTSCOUT_TELEGRAM_BASE_URL").unwrap_or_else(|| "https://api.telegram.org".to_owned());
        let bot = env.optional("OUTSCOUT_TELEGRAM_BOT_NAME");
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            token: env.secret("OUTSCOUT_TELEGRAM_BOT_TOKEN"),
            bot: bot.map(|name| name.trim_start_matches('@').to_owned()),
            webhook_secret: env.header_secret("OUTSCOUT_TELEGRAM_WEBHOOK_SECRET")?,
        })
    }
}
