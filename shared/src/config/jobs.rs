//! Settings of jobs (outsend 18.3).

use std::net::SocketAddr;

use time::Duration;

use super::{Environment, SettingsError};
use crate::model::JobRules;

/// How jobs reach the internet (outsend 18.3).
#[derive(Clone, Debug, Default)]
pub struct OutboundSettings {
    /// The name server; `None` means the system's.
    pub dns_server: Option<SocketAddr>,
    /// Whether mail servers are asked about addresses.
    pub smtp_probe: bool,
    /// The port that mail servers are asked on.
    pub smtp_port: u16,
    /// Hosts that may be private.
    pub allow_hosts: Vec<String>,
    /// Hosts of webhooks that may be private, and take plain HTTP.
    pub webhook_allow_hosts: Vec<String>,
}

impl OutboundSettings {
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        let port = env.parsed("OUTSCOUT_SMTP_PORT", "a port", |text| text.parse().ok())?;
        Ok(Self {
            dns_server: env.parsed("OUTSCOUT_DNS_SERVER", "an address with a port", |text| text.parse().ok())?,
            smtp_probe: env.flag("OUTSCOUT_SMTP_PROBE", false)?,
            smtp_port: port.unwrap_or(25),
            allow_hosts: env.list("OUTSCOUT_CRAWL_ALLOW_HOSTS"),
            webhook_allow_hosts: env.list("OUTSCOUT_WEBHOOK_ALLOW_HOSTS"),
        })
    }
}

/// The rules that jobs run under (outsend 18.3).
pub(super) fn rules(env: &Environment<'_>) -> Result<JobRules, SettingsError> {
    let rules = JobRules::default();
    let days = |name: &'static str, default: u32| env.number(name, default).map(|days| Duration::days(days.into()));
    Ok(JobRules {
        lifetime: days("OUTSCOUT_JOB_LIFETIME_DAYS", 30)?,
        retention: days("OUTSCOUT_RESULT_RETENTION_DAYS", 7)?,
        serial_width: env.count("OUTSCOUT_SERIAL_LANE_WIDTH", rules.serial_width)?,
        parallel_slots: env.count("OUTSCOUT_PARALLEL_LANE_SLOTS", rules.parallel_slots)?,
        running_of_user: env.count("OUTSCOUT_USER_RUNNING_JOBS", rules.running_of_user)?,
        job_ceiling: requests(env, "OUTSCOUT_EF_JOB_CEILING", Some(rules.job_ceiling))?.unwrap_or(u64::MAX),
        quota_free: requests(env, "OUTSCOUT_EF_QUOTA_FREE", rules.quota_free)?,
        quota_pro: requests(env, "OUTSCOUT_EF_QUOTA_PRO", rules.quota_pro)?,
    })
}

/// Planned requests, which the environment names in EF with decimals, ten thousand to one. An empty variable means
/// that there is no limit.
fn requests(env: &Environment<'_>, name: &'static str, default: Option<u64>) -> Result<Option<u64>, SettingsError> {
    let Some(text) = env.raw(name) else { return Ok(default) };
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        Ok(ef) if (0.0..1e12).contains(&ef) => Ok(Some((ef * 10_000.0).round() as u64)),
        _ => Err(SettingsError::Malformed { name, expected: "a number of EF" }),
    }
}
