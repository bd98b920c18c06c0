//! Settings of organizations' own gateway keys.

use super::{Environment, SettingsError};
use crate::model::Plan;

/// Keys above which those that nobody uses go back to pool keys.
const IDLE_ABOVE: u32 = 8_000;
/// Keys that there may be: an account has 10,000, of which 48 are pool keys.
const MOST: u32 = 9_900;

/// Settings of organizations' own gateway keys.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Usage plans of organizations of the free tier, one for each API.
    free: Vec<String>,
    /// Those of the pro tier.
    pro: Vec<String>,
    /// Where the gateway's control plane answers; `None` means AWS.
    pub endpoint: Option<String>,
    /// Keys above which those that nobody uses go back to pool keys.
    pub idle_above: u32,
    /// Keys that there may be.
    pub most: u32,
}

impl GatewaySettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            free: env.list("OUTSCOUT_GATEWAY_FREE_PLANS"),
            pro: env.list("OUTSCOUT_GATEWAY_PRO_PLANS"),
            endpoint: env.optional("AWS_ENDPOINT_URL_API_GATEWAY"),
            idle_above: env.number("OUTSCOUT_GATEWAY_KEYS_IDLE_ABOVE", IDLE_ABOVE)?,
            most: env.number("OUTSCOUT_GATEWAY_KEYS_MOST", MOST)?,
        })
    }

    /// Whether there is a control plane: without plans to put them into there are no keys, and pool keys go on.
    #[must_use]
    pub fn has_plans(&self) -> bool {
        !self.free.is_empty() && !self.pro.is_empty()
    }

    /// The usage plans of a tier's own keys.
    #[must_use]
    pub fn plans(&self, tier: Plan) -> &[String] {
        match tier {
            Plan::Free => &self.free,
            Plan::Pro => &self.pro,
        }
    }
}
