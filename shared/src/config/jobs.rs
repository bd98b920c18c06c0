//! Settings of jobs (outsend 18.3).

use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use time::Duration;

use super::{Environment, SettingsError};
use crate::model::{JobRules, NOMINATIM, OVERPASS, Seed, registry::Configured};

/// What the variable with the seed mailboxes is.
const SEEDS: &str = "a JSON array of 1 to 50 mailboxes, each with an `email` of its own, `kind`, `host` and `password`, \
                     and perhaps `port`, `user` and `tls`";

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
    /// The services that modules ask.
    pub services: ServiceSettings,
    /// A folder with entries that are added to the data lists (outsend 11.6).
    pub data_folder: Option<PathBuf>,
}

/// The services that modules of jobs ask (outsend 18.3).
#[derive(Clone, Debug, Default)]
pub struct ServiceSettings {
    /// The search for companies; `None` means the public one (outsend 12.12).
    pub companies_url: Option<String>,
    /// The records of announcements about companies; `None` means that they are not asked for (outsend 12.12).
    pub bodacc_url: Option<String>,
    /// What audits pages; `None` means PageSpeed Insights itself (outsend 12.15).
    pub pagespeed_url: Option<String>,
    /// The key that it is asked with.
    pub pagespeed_key: Option<SecretString>,
    /// What knows reviews of listings; `None` means that there are none (outsend 12.3).
    pub reviews_url: Option<String>,
    /// What knows places; `None` means the public one (outsend 12.1).
    pub overpass_url: Option<String>,
    /// What knows zones; `None` means the public one.
    pub nominatim_url: Option<String>,
    /// What knows the states of domains; `None` means that nobody is asked (outsend 12.7).
    pub rdap_url: Option<String>,
    /// What takes pictures of pages; `None` means that there are none (outsend 12.10).
    pub screenshot_url: Option<String>,
    /// The mailboxes that placement checks look into (outsend 12.16); none where the check is not available.
    pub seeds: Vec<Seed>,
}

impl ServiceSettings {
    /// What knows places (outsend 12.1).
    #[must_use]
    pub fn overpass_url(&self) -> &str {
        self.overpass_url.as_deref().unwrap_or(OVERPASS)
    }

    /// What knows zones (outsend 12.1).
    #[must_use]
    pub fn nominatim_url(&self) -> &str {
        self.nominatim_url.as_deref().unwrap_or(NOMINATIM)
    }

    fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            companies_url: address(env, "OUTSCOUT_RECHERCHE_ENTREPRISES_URL")?,
            bodacc_url: address(env, "OUTSCOUT_BODACC_URL")?,
            pagespeed_url: address(env, "OUTSCOUT_PAGESPEED_URL")?,
            pagespeed_key: env.secret("OUTSCOUT_PAGESPEED_API_KEY"),
            reviews_url: address(env, "OUTSCOUT_REVIEWS_SOURCE_URL")?,
            overpass_url: address(env, "OUTSCOUT_OVERPASS_URL")?,
            nominatim_url: address(env, "OUTSCOUT_NOMINATIM_URL")?,
            rdap_url: address(env, "OUTSCOUT_RDAP_URL")?,
            screenshot_url: address(env, "OUTSCOUT_SCREENSHOT_URL")?,
            seeds: env.parsed("OUTSCOUT_SEED_MAILBOXES", SEEDS, Seed::parse_all)?.unwrap_or_default(),
        })
    }
}

/// The modules that are configured (outsend 13). A function that only says so is told without addresses and keys.
pub(super) fn modules(env: &Environment<'_>) -> Result<Configured, SettingsError> {
    let has = |name: &str| env.optional(name).is_some();
    Ok(Configured {
        pagespeed: env.flag("OUTSCOUT_PAGESPEED", has("OUTSCOUT_PAGESPEED_API_KEY"))?,
        reviews: env.flag("OUTSCOUT_REVIEWS", has("OUTSCOUT_REVIEWS_SOURCE_URL"))?,
        delivery_check: env.flag("OUTSCOUT_DELIVERY_CHECK", has("OUTSCOUT_SEED_MAILBOXES"))?,
    })
}

/// The address of a service, if there is one.
fn address(env: &Environment<'_>, name: &'static str) -> Result<Option<String>, SettingsError> {
    env.parsed(name, "an http or https URL", |text| {
        let url = url::Url::parse(text).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| text.to_owned())
    })
}

/// Files that jobs find and keep (outsend 8.5).
#[derive(Clone, Debug)]
pub struct AssetSettings {
    /// The bucket that they are in; `None` means the store.
    pub bucket: Option<String>,
    /// S3's endpoint; `None` means AWS's.
    pub endpoint: Option<String>,
    /// How long a file is kept after a job found it last.
    pub kept: Duration,
}

impl AssetSettings {
    pub(super) fn from_env(env: &Environment<'_>, rules: &JobRules) -> Result<Self, SettingsError> {
        const NAME: &str = "OUTSCOUT_ASSET_DAYS";
        let days = env.parsed(NAME, "a number of days", |text| text.parse::<u16>().ok())?;
        let least = rules.lifetime + rules.retention;
        let kept = days.map_or(least, |days| Duration::days(days.into()));
        if kept < least {
            // a row would outlive its images
            let expected = "at least the days that a job may last and those that its rows are kept, together";
            return Err(SettingsError::Malformed { name: NAME, expected });
        }
        Ok(Self {
            bucket: env.optional("OUTSCOUT_ASSETS_BUCKET"),
            endpoint: address(env, "AWS_ENDPOINT_URL_S3")?,
            kept,
        })
    }
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
            services: ServiceSettings::from_env(env)?,
            data_folder: env.optional("OUTSCOUT_DATA_FOLDER").map(PathBuf::from),
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
