//! Settings of the OpenScouter API.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use time::Duration;

use super::{Environment, SettingsError, environment::fits_header};
use crate::jwt::{KeySet, Signer};

/// Settings of the OpenScouter API (openscouter 1.3).
#[derive(Clone, Debug)]
pub struct OpenScouterSettings {
    /// Whose pages may call.
    pub pages: Pages,
    /// Configured public base URL, without `/api`; `None` means that of each request.
    pub public_url: Option<String>,
    /// Base URL of the web application; `None` means the API's.
    pub app_url: Option<String>,
    /// The keys that access tokens may be signed with.
    pub keys: KeySet,
    /// The key that new access tokens are signed with; only the functions that sign have one.
    pub signer: Option<Signer>,
    /// Secrets of webhooks by source; what is not named is refused (openscouter 1.3, 16.3).
    pub webhook_secrets: BTreeMap<String, SecretString>,
    /// The secret that starts cron jobs; without one nobody can (openscouter 20).
    pub cron_secret: Option<SecretString>,
    /// How long a refresh token that was just replaced gives another one (openscouter 3.3); zero turns it off.
    pub refresh_grace: Duration,
    /// Version of the text that testers consent to (openscouter 1.3).
    pub consent_version: String,
    /// Log-in providers by name.
    pub providers: Vec<Provider>,
}

/// Whose pages may call from a browser (openscouter 1.3, 2.9).
#[derive(Clone, Debug)]
pub struct Pages {
    /// Whether the stage is `production`.
    pub production: bool,
    /// Domain whose origins may call.
    pub base_domain: String,
}

impl Pages {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let production = env.parsed("OUTSCOUT_STAGE", "development or production", |stage| match stage {
            "development" => Some(false),
            "production" => Some(true),
            _ => None,
        })?;
        let domain = env.optional("OUTSCOUT_OPENSCOUTER_CORS_BASE_DOMAIN");
        Ok(Self {
            production: production.unwrap_or(false),
            base_domain: domain.unwrap_or_else(|| "openscouter.com".to_owned()),
        })
    }
}

/// A log-in provider (openscouter 1.3, 7).
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Provider {
    /// `google` or `github`.
    pub name: String,
    /// Where its log-in begins.
    pub authorize_url: String,
    /// Where codes are exchanged.
    pub token_url: String,
    /// Where the person's data is.
    pub user_info_url: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretString,
}

impl OpenScouterSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let keys = env.parsed("OUTSCOUT_OPENSCOUTER_JWKS", "a set of Ed25519 keys", |text| KeySet::parse(text).ok())?;
        let signer = env.parsed("OUTSCOUT_OPENSCOUTER_SIGNING_KEY", "an Ed25519 key with its secret", |text| {
            Signer::parse(text).ok()
        })?;
        Ok(Self {
            pages: Pages::from_env(env)?,
            public_url: env.optional("OUTSCOUT_OPENSCOUTER_PUBLIC_URL"),
            app_url: env.optional("OUTSCOUT_OPENSCOUTER_APP_URL"),
            keys: keys.unwrap_or_default(),
            signer,
            webhook_secrets: webhook_secrets(env)?,
            cron_secret: env.header_secret("OUTSCOUT_CRON_SECRET")?,
            refresh_grace: Duration::seconds(env.number("OUTSCOUT_REFRESH_GRACE_SECONDS", 10)?.into()),
            consent_version: env.optional("OUTSCOUT_CONSENT_VERSION").unwrap_or_else(|| "v1.1".to_owned()),
            providers: env.json("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS", "a list of providers")?,
        })
    }
}

/// The sources' secrets, which calls carry in a header.
fn webhook_secrets(env: &Environment<'_>) -> Result<BTreeMap<String, SecretString>, SettingsError> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, SecretString>>(text).ok();
    let fit = |secrets: &BTreeMap<String, SecretString>| {
        secrets.values().all(|secret| !secret.expose_secret().is_empty() && fits_header(secret.expose_secret()))
    };
    let expected = "an object of secrets by source, in printable ASCII characters without blanks around them";
    let secrets = env.parsed("OUTSCOUT_WEBHOOK_SECRETS", expected, |text| read(text).filter(fit))?;
    Ok(secrets.unwrap_or_default())
}
