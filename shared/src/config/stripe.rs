//! Settings of the payment provider (openscouter 1.3, 16).

use secrecy::SecretString;

use super::{Environment, SettingsError};
use crate::model::FeeRate;

/// How Stripe is called; only the functions that call it have a key.
#[derive(Clone, Debug)]
pub struct StripeSettings {
    /// Base URL, without `/v1`.
    pub url: String,
    /// Our key there; without one nothing can be paid.
    pub key: Option<SecretString>,
    /// What its webhooks are signed with: one for each endpoint that is set up there. Without any, all are refused.
    pub webhook_secrets: Vec<SecretString>,
    /// The share of each payout that is kept.
    pub fee_rate: FeeRate,
}

impl StripeSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let url = env.optional("OUTSCOUT_STRIPE_BASE_URL").unwrap_or_else(|| "https://api.stripe.com".to_owned());
        let rate = env.optional("OUTSCOUT_PLATFORM_FEE_RATE").unwrap_or_else(|| "0.15".to_owned());
        let malformed =
            SettingsError::Malformed { name: "OUTSCOUT_PLATFORM_FEE_RATE", expected: "a decimal number from 0 to 1" };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            key: env.secret("OUTSCOUT_STRIPE_SECRET_KEY"),
            webhook_secrets: env.list("OUTSCOUT_STRIPE_WEBHOOK_SECRET").into_iter().map(SecretString::from).collect(),
            fee_rate: FeeRate::parse(&rate).ok_or(malformed)?,
        })
    }
}
