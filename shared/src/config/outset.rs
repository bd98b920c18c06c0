//! Settings of the Outset API.

use super::{Environment, SettingsError};

/// Settings of the Outset API.
#[derive(Clone, Debug)]
pub struct OutsetSettings {
    /// Configured public origin and prefix; `None` means those of each request (outset 8.7).
    pub public_url: Option<String>,
    /// Origins that may call from a browser; empty means that CORS is off (outset 7.3).
    pub cors_origins: Vec<String>,
    /// Requests in 60 seconds of each policy (outset 12).
    pub limits: OutsetLimits,
}

/// Requests in 60 seconds for each policy of outset 12; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsetLimits {
    /// Key of a free organization.
    pub free: u32,
    /// Key of a pro organization.
    pub pro: u32,
    /// Source address without a usable key.
    pub anonymous: u32,
}

impl OutsetSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            public_url: env.optional("OUTSCOUT_OUTSET_PUBLIC_URL"),
            cors_origins: env.list("OUTSCOUT_OUTSET_CORS_ORIGINS"),
            limits: OutsetLimits {
                free: env.number("OUTSCOUT_OUTSET_LIMIT_FREE", 120)?,
                pro: env.number("OUTSCOUT_OUTSET_LIMIT_PRO", 600)?,
                anonymous: env.number("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", 30)?,
            },
        })
    }
}
