//! Settings of the Outsend API.

use secrecy::SecretString;

use super::{Environment, SettingsError};

/// Settings of the Outsend API.
#[derive(Clone, Debug)]
pub struct OutsendSettings {
    /// Configured public base URL, without `/api`; `None` means that of each request (outsend 18.3).
    pub public_url: Option<String>,
    /// Origins that may call from a browser; empty means that CORS is off (outsend 2.1).
    pub cors_origins: Vec<String>,
    /// Whether a sign-up needs an invitation (outsend 6.3).
    pub invite_only: bool,
    /// How a sign-up's captcha is checked; `None` means that there is none (outsend 6.3).
    pub captcha: Option<Captcha>,
}

/// How a captcha is checked (outsend 6.3).
#[derive(Clone, Debug)]
pub struct Captcha {
    /// Our secret at the provider.
    pub secret: SecretString,
    /// Where answers are checked.
    pub url: String,
}

impl OutsendSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let url = env.optional("OUTSCOUT_OUTSEND_CAPTCHA_URL");
        let url = url.unwrap_or_else(|| "https://api.hcaptcha.com/siteverify".to_owned());
        Ok(Self {
            public_url: env.optional("OUTSCOUT_OUTSEND_PUBLIC_URL"),
            cors_origins: env.list("OUTSCOUT_OUTSEND_CORS_ORIGINS"),
            invite_only: env.flag("OUTSCOUT_OUTSEND_INVITE_ONLY", false)?,
            captcha: env.secret("OUTSCOUT_OUTSEND_CAPTCHA_SECRET").map(|secret| Captcha { secret, url }),
        })
    }
}
