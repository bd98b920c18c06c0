//! What every function works with: settings read once from the environment, the store, the rate
//! windows and the clock. A missing or malformed variable stops the function at its start.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use crate::{
    clock::Clock,
    limits::Limits,
    mail::Mailer,
    signing::{KeySet, Signer},
    store::{JobRules, Store},
};

/// Everything that is read from the environment, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the table that holds entities.
    pub main_table: String,
    /// Name of the table of short-lived records: rate windows, idempotency records.
    pub hot_table: String,
    /// AWS region.
    pub region: String,
    /// Where the store answers; `None` means AWS.
    pub store_endpoint: Option<String>,
    /// Where the rate windows live; `None` means with the store. A laptop keeps them in memory.
    pub windows_endpoint: Option<String>,
    /// Credentials for AWS; the embedded store takes any.
    pub credentials: StoreCredentials,
    /// File with the clock's offset in milliseconds (local systems only).
    pub clock_file: Option<PathBuf>,
    /// Configured public origin and prefix of the Outset API (outset 8.7).
    pub outset_public_url: Option<String>,
    /// Origins that may call the Outset API from a browser; empty means that CORS is off (outset 7.3).
    pub outset_cors_origins: Vec<String>,
    /// Configured public base URL of the Outsend API, without `/api` (outsend 18.3).
    pub outsend_public_url: Option<String>,
    /// Origins that may call the Outsend API from a browser; empty means that CORS is off (outsend 2.1).
    pub outsend_cors_origins: Vec<String>,
    /// Whether an Outsend sign-up needs an invitation (outsend 6.3).
    pub outsend_invite_only: bool,
    /// What checks an Outsend sign-up's captcha; `None` means that there is none (outsend 6.3).
    pub outsend_captcha: Option<Captcha>,
    /// Address that mails come from; `None` means that none is sent (outsend 18.3).
    pub mail_sender: Option<String>,
    /// Where SES answers; `None` means AWS.
    pub mail_endpoint: Option<String>,
    /// Whether new organizations need not pay for their studies (openscouter 1.3).
    pub billing_exempt: bool,
    /// The rules that jobs stand under (outsend 18.3).
    pub jobs: JobRules,
    /// What the outside world is for jobs.
    pub outside: Outside,
    /// The language model that writes agents' texts; `None` means that they are the contract's (openscouter 12.8).
    pub agent: Option<AgentModel>,
    /// What OpenScouter alone needs.
    pub openscouter: OpenScouter,
    /// Requests per minute of each Outset policy (outset 12); 0 turns one off.
    pub outset_limits: OutsetLimits,
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

impl Default for OutsetLimits {
    fn default() -> Self {
        Self { free: 120, pro: 600, anonymous: 30 }
    }
}

/// A language model behind an interface like OpenAI's (openscouter 1.3, 12.8). `Debug` hides the key.
#[derive(Clone)]
pub struct AgentModel {
    /// Its name there.
    pub name: String,
    /// Base URL, without `/chat/completions`.
    pub url: String,
    /// Our key there.
    pub key: Option<String>,
}

impl std::fmt::Debug for AgentModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AgentModel({}, {}, …)", self.name, self.url)
    }
}

/// How a captcha is checked (outsend 6.3). `Debug` hides the secret.
#[derive(Clone)]
pub struct Captcha {
    /// Our secret there.
    pub secret: String,
    /// Where answers are checked.
    pub url: String,
}

impl std::fmt::Debug for Captcha {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Captcha({}, …)", self.url)
    }
}

/// Settings of the OpenScouter API (openscouter 1.3). `Debug` hides the secrets.
#[derive(Clone)]
pub struct OpenScouter {
    /// Whether the stage is `production`.
    pub production: bool,
    /// Configured public base URL, without `/api`; `None` means that of each request.
    pub public_url: Option<String>,
    /// Base URL of the web application; `None` means the API's.
    pub app_url: Option<String>,
    /// Domain whose origins may call from a browser.
    pub cors_base_domain: String,
    /// The keys that access tokens may be signed with.
    pub keys: KeySet,
    /// The key that new access tokens are signed with; only the functions that sign have one.
    pub signer: Option<Signer>,
    /// Secrets of webhooks by source; what is not named is refused (openscouter 1.3, 16.3).
    pub webhook_secrets: BTreeMap<String, String>,
    /// The secret that starts jobs; without one nobody can (openscouter 20).
    pub cron_secret: Option<String>,
    /// Version of the text that testers consent to (openscouter 1.3).
    pub consent_version: String,
    /// Log-in providers by name.
    pub providers: Vec<Provider>,
}

impl std::fmt::Debug for OpenScouter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenScouter").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// A log-in provider (openscouter 1.3, 7). `Debug` hides the secret.
#[derive(Clone, serde::Deserialize)]
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
    pub client_secret: String,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Provider({}, …)", self.name)
    }
}

/// How jobs reach the outside world (outsend 18.3).
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The name server, `address:port`; `None` means the system's.
    pub dns_server: Option<std::net::SocketAddr>,
    /// Whether mail servers are asked about addresses.
    pub smtp_probe: bool,
    /// The port that mail servers are asked on.
    pub smtp_port: u16,
    /// Hosts that may be private.
    pub allow_hosts: Vec<String>,
}

/// AWS credentials; `Debug` shows none of them.
#[derive(Clone)]
pub struct StoreCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token of a role.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for StoreCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StoreCredentials(…)")
    }
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable that must be set is not.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable has a value that cannot be used.
    #[error("environment variable {name} is not {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

impl Settings {
    /// Reads and checks the process environment.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "the one place where a function reads its environment")]
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads and checks variables through `lookup`.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| optional(name).ok_or(SettingsError::Missing(name));
        let limit = |name: &'static str, default: u32| match optional(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| SettingsError::Malformed { name, expected: "a whole number" }),
        };
        let flag = |name: &'static str, default: bool| match optional(name).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(SettingsError::Malformed { name, expected: "true or false" }),
        };
        let list = |name: &str| -> Vec<String> {
            let entries = optional(name).unwrap_or_default();
            entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
        };
        let defaults = OutsetLimits::default();
        let malformed = |name, expected| move |_| SettingsError::Malformed { name, expected };
        let production = optional("OUTSCOUT_STAGE").is_some_and(|stage| stage == "production");
        let openscouter = OpenScouter {
            production,
            public_url: optional("OUTSCOUT_OPENSCOUTER_PUBLIC_URL"),
            app_url: optional("OUTSCOUT_OPENSCOUTER_APP_URL"),
            cors_base_domain: optional("OUTSCOUT_OPENSCOUTER_CORS_BASE_DOMAIN")
                .unwrap_or_else(|| "openscouter.com".to_owned()),
            keys: match optional("OUTSCOUT_OPENSCOUTER_JWKS") {
                None => KeySet::default(),
                Some(text) => {
                    KeySet::parse(&text).map_err(malformed("OUTSCOUT_OPENSCOUTER_JWKS", "a set of Ed25519 keys"))?
                }
            },
            signer: match optional("OUTSCOUT_OPENSCOUTER_SIGNING_KEY") {
                None => None,
                Some(text) => Some(
                    Signer::parse(&text)
                        .map_err(malformed("OUTSCOUT_OPENSCOUTER_SIGNING_KEY", "an Ed25519 key with its secret"))?,
                ),
            },
            webhook_secrets: match optional("OUTSCOUT_WEBHOOK_SECRETS") {
                None => BTreeMap::new(),
                Some(text) => serde_json::from_str(&text).map_err(|_| SettingsError::Malformed {
                    name: "OUTSCOUT_WEBHOOK_SECRETS",
                    expected: "an object of secrets by source",
                })?,
            },
            cron_secret: optional("OUTSCOUT_CRON_SECRET"),
            consent_version: optional("OUTSCOUT_CONSENT_VERSION").unwrap_or_else(|| "v1.1".to_owned()),
            providers: match optional("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS") {
                None => Vec::new(),
                Some(text) => serde_json::from_str(&text).map_err(|_| SettingsError::Malformed {
                    name: "OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS",
                    expected: "a list of providers",
                })?,
            },
        };
        let days =
            |name: &'static str, default: u32| limit(name, default).map(|days| time::Duration::days(days.into()));
        let rules = JobRules::default();
        let count = |name: &'static str, default: usize| {
            limit(name, u32::try_from(default).unwrap_or(u32::MAX)).map(|number| number as usize)
        };
        // EF are written with decimals and are thousandths of what is counted: planned requests
        let requests = |name: &'static str, default: Option<u64>| match lookup(name) {
            None => Ok(default),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => match text.parse::<f64>() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
                Ok(ef) if (0.0..1e12).contains(&ef) => Ok(Some((ef * 10_000.0).round() as u64)),
                _ => Err(SettingsError::Malformed { name, expected: "a number of EF" }),
            },
        };
        let jobs = JobRules {
            lifetime: days("OUTSCOUT_JOB_LIFETIME_DAYS", 30)?,
            retention: days("OUTSCOUT_RESULT_RETENTION_DAYS", 7)?,
            serial_width: count("OUTSCOUT_SERIAL_LANE_WIDTH", rules.serial_width)?,
            parallel_slots: count("OUTSCOUT_PARALLEL_LANE_SLOTS", rules.parallel_slots)?,
            running_of_user: count("OUTSCOUT_USER_RUNNING_JOBS", rules.running_of_user)?,
            job_ceiling: requests("OUTSCOUT_EF_JOB_CEILING", Some(rules.job_ceiling))?.unwrap_or(u64::MAX),
            quota_free: requests("OUTSCOUT_EF_QUOTA_FREE", rules.quota_free)?,
            quota_pro: requests("OUTSCOUT_EF_QUOTA_PRO", rules.quota_pro)?,
        };
        let outside = Outside {
            dns_server: match optional("OUTSCOUT_DNS_SERVER") {
                None => None,
                Some(text) => Some(text.parse().map_err(malformed_address)?),
            },
            smtp_probe: flag("OUTSCOUT_SMTP_PROBE", false)?,
            smtp_port: u16::try_from(limit("OUTSCOUT_SMTP_PORT", 25)?)
                .map_err(|_| SettingsError::Malformed { name: "OUTSCOUT_SMTP_PORT", expected: "a port" })?,
            allow_hosts: list("OUTSCOUT_CRAWL_ALLOW_HOSTS"),
        };
        let given = |name: &'static str| optional(name).ok_or(SettingsError::Missing(name));
        let agent = match optional("OUTSCOUT_AGENT_PROVIDER").as_deref() {
            None | Some("embedded") => None,
            Some("openai") => Some(AgentModel {
                name: given("OUTSCOUT_AGENT_MODEL")?,
                url: given("OUTSCOUT_AGENT_BASE_URL")?,
                key: optional("OUTSCOUT_AGENT_API_KEY"),
            }),
            // Bedrock has such an interface, too
            Some("bedrock") => Some(AgentModel {
                name: given("OUTSCOUT_AGENT_MODEL")?,
                url: match optional("OUTSCOUT_AGENT_BASE_URL") {
                    Some(url) => url,
                    None => format!("https://bedrock-runtime.{}.amazonaws.com/openai/v1", required("AWS_REGION")?),
                },
                key: Some(given("OUTSCOUT_AGENT_API_KEY")?),
            }),
            Some(_) => {
                return Err(SettingsError::Malformed {
                    name: "OUTSCOUT_AGENT_PROVIDER",
                    expected: "embedded, openai or bedrock",
                });
            }
        };
        Ok(Self {
            jobs,
            outside,
            agent,
            main_table: required("OUTSCOUT_MAIN_TABLE")?,
            hot_table: required("OUTSCOUT_HOT_TABLE")?,
            region: required("AWS_REGION")?,
            store_endpoint: optional("AWS_ENDPOINT_URL_DYNAMODB"),
            windows_endpoint: optional("OUTSCOUT_WINDOWS_ENDPOINT_URL"),
            credentials: StoreCredentials {
                access_key_id: required("AWS_ACCESS_KEY_ID")?,
                secret_access_key: required("AWS_SECRET_ACCESS_KEY")?,
                session_token: optional("AWS_SESSION_TOKEN"),
            },
            clock_file: optional("OUTSCOUT_CLOCK_FILE").map(PathBuf::from),
            outset_public_url: optional("OUTSCOUT_OUTSET_PUBLIC_URL"),
            outset_cors_origins: list("OUTSCOUT_OUTSET_CORS_ORIGINS"),
            outsend_public_url: optional("OUTSCOUT_OUTSEND_PUBLIC_URL"),
            outsend_invite_only: flag("OUTSCOUT_OUTSEND_INVITE_ONLY", false)?,
            outsend_captcha: optional("OUTSCOUT_OUTSEND_CAPTCHA_SECRET").map(|secret| Captcha {
                secret,
                url: optional("OUTSCOUT_OUTSEND_CAPTCHA_URL")
                    .unwrap_or_else(|| "https://api.hcaptcha.com/siteverify".to_owned()),
            }),
            mail_sender: optional("OUTSCOUT_MAIL_SENDER"),
            mail_endpoint: optional("AWS_ENDPOINT_URL_SESV2"),
            outsend_cors_origins: list("OUTSCOUT_OUTSEND_CORS_ORIGINS"),
            billing_exempt: flag("OUTSCOUT_BILLING_EXEMPT_DEFAULT", !production)?,
            openscouter,
            outset_limits: OutsetLimits {
                free: limit("OUTSCOUT_OUTSET_LIMIT_FREE", defaults.free)?,
                pro: limit("OUTSCOUT_OUTSET_LIMIT_PRO", defaults.pro)?,
                anonymous: limit("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", defaults.anonymous)?,
            },
        })
    }
}

fn malformed_address(_: std::net::AddrParseError) -> SettingsError {
    SettingsError::Malformed { name: "OUTSCOUT_DNS_SERVER", expected: "an address with a port" }
}

/// The context of a function; clones share it.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    clock: Clock,
    store: Store,
    limits: Limits,
    mailer: OnceLock<Option<Mailer>>,
    network: Network,
}

/// What jobs reach the outside world with, made at its first use.
#[derive(Default)]
struct Network(OnceLock<Arc<dyn engine::Network>>);

impl std::fmt::Debug for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Network(…)")
    }
}

impl Context {
    /// Builds the context that `settings` describe. Opens no connection yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let store = Store::connect(&settings);
        let limits = Limits::connect(&settings, &store);
        Self(Arc::new(Inner { settings, clock, store, limits, mailer: OnceLock::new(), network: Network::default() }))
    }

    /// The context of a process: its environment, and the clock that the environment names.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_env() -> Result<Self, SettingsError> {
        let settings = Settings::from_env()?;
        let clock = settings.clock_file.clone().map_or_else(Clock::system, Clock::offset_file);
        Ok(Self::new(settings, clock))
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The store of entities.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What sends mails, made at its first use; `None` when no sender is configured.
    #[must_use]
    pub fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.get_or_init(|| Mailer::connect(&self.0.settings)).as_ref()
    }

    /// What jobs reach the outside world with; `make` makes it at its first use.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn network(
        &self,
        make: fn(&Settings) -> Result<Arc<dyn engine::Network>, String>,
    ) -> Result<Arc<dyn engine::Network>, String> {
        if let Some(network) = self.0.network.0.get() {
            return Ok(network.clone());
        }
        let network = make(&self.0.settings)?;
        Ok(self.0.network.0.get_or_init(|| network).clone())
    }

    /// The rate windows.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let text = ["TABLE", "REGION", "ACCESS", "ORIGINS"].iter().any(|part| name.contains(part));
        text.then(|| "x".to_owned())
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = Settings::read(|name| environment(name).filter(|_| name != "OUTSCOUT_HOT_TABLE")).unwrap_err();
        assert_eq!(error.to_string(), "environment variable OUTSCOUT_HOT_TABLE is not set");
    }

    #[test]
    fn a_malformed_limit_is_named() {
        let error =
            Settings::read(|name| environment(name).or_else(|| name.contains("LIMIT").then(|| "many".to_owned())))
                .unwrap_err();
        assert_eq!(error.to_string(), "environment variable OUTSCOUT_OUTSET_LIMIT_FREE is not a whole number");
    }

    #[test]
    fn debug_hides_the_credentials() {
        let settings = Settings::read(|name| {
            environment(name).map(|_| if name.contains("KEY") { "hush" } else { "x" }.to_owned())
        })
        .unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
