//! Settings by area, each read once from the environment and checked. A missing or malformed variable stops the
//! function at its start.

mod environment;
mod gateway;
mod jobs;
mod levels;
mod llm;
mod mail;
mod openscouter;
mod outsend;
mod outset;
mod store;
mod stripe;
mod telegram;
pub mod variables;

use std::path::PathBuf;

/// How a secret of the settings is used: it shows itself in no log, and only where its text is asked for.
pub use secrecy::{ExposeSecret, SecretString};

pub use self::{
    environment::{Environment, SECRETS, SECRETS_ENDPOINT, SettingsError},
    gateway::GatewaySettings,
    jobs::{AssetSettings, OutboundSettings, ServiceSettings},
    llm::LlmSettings,
    mail::MailSettings,
    openscouter::{OpenScouterSettings, Pages, Provider},
    outsend::{Captcha, OutsendSettings},
    outset::{OutsetLimits, OutsetSettings},
    store::{Credentials, StoreSettings},
    stripe::StripeSettings,
    telegram::TelegramSettings,
};
use crate::model::{JobRules, registry::Configured};

/// How the values of pool keys end where no deployment says so: on a laptop.
pub const LOCAL_GATEWAY_KEYS: &str = "local";

/// Settings of one area, which can be read without the others: all that a function without a store works with.
pub trait Area: Clone + Send + Sync + 'static {
    /// Reads and checks them.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError>;

    /// Those that were read with all others.
    fn of(settings: &Settings) -> &Self;
}

/// Nothing is set.
impl Area for () {
    fn from_env(_: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(())
    }

    fn of(_: &Settings) -> &Self {
        &()
    }
}

impl Area for OutsendSettings {
    fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Self::from_env(env)
    }

    fn of(settings: &Settings) -> &Self {
        &settings.outsend
    }
}

impl Area for Pages {
    fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Self::from_env(env)
    }

    fn of(settings: &Settings) -> &Self {
        &settings.openscouter.pages
    }
}

/// Everything that is read from the environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tables, and how AWS is reached.
    pub store: StoreSettings,
    /// File with the clock's offset in milliseconds (local systems only).
    pub clock_file: Option<PathBuf>,
    /// The Outset API.
    pub outset: OutsetSettings,
    /// The Outsend API.
    pub outsend: OutsendSettings,
    /// The OpenScouter API.
    pub openscouter: OpenScouterSettings,
    /// Mails.
    pub mail: MailSettings,
    /// Whether new organizations need not pay for their studies (openscouter 1.3).
    pub billing_exempt: bool,
    /// The rules that jobs run under (outsend 18.3).
    pub jobs: JobRules,
    /// The modules that are configured (outsend 13).
    pub modules: Configured,
    /// Files that jobs find and keep (outsend 8.5).
    pub assets: AssetSettings,
    /// How jobs reach the internet.
    pub outbound: OutboundSettings,
    /// The language model that writes agents' texts; `None` means the contract's own texts (openscouter 12.8).
    pub llm: Option<LlmSettings>,
    /// The payment provider (openscouter 16).
    pub stripe: StripeSettings,
    /// The Telegram bot (openscouter 15).
    pub telegram: TelegramSettings,
    /// How the values of this deployment's pool keys end: the templates name them, and the authorizer.
    pub gateway_keys: SecretString,
    /// Organizations' own gateway keys.
    pub gateway: GatewaySettings,
}

impl Settings {
    /// What the services and sites of others are told who asks (outsend 11.5).
    #[must_use]
    pub fn user_agent(&self) -> String {
        format!("outscout/1.0 (+{}/bot)", self.outsend.public_url.as_deref().unwrap_or_default())
    }

    /// Reads and checks the process environment, and what was fetched beside it.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env(fetched: &[(&'static str, SecretString)]) -> Result<Self, SettingsError> {
        let secret = |name: &str| fetched.iter().find(|(known, _)| *known == name);
        Self::read(|name| match secret(name) {
            Some((_, secret)) => Some(secret.expose_secret().to_owned()),
            None => Self::variable(name),
        })
    }

    /// A variable of the process environment.
    #[must_use]
    pub fn variable(name: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "the one place where a function reads its environment")]
        std::env::var(name).ok()
    }

    /// Reads and checks variables through `lookup`.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let env = Environment::new(&lookup);
        levels::check(&env)?;
        let openscouter = OpenScouterSettings::from_env(&env)?;
        let jobs = jobs::rules(&env)?;
        Ok(Self {
            assets: AssetSettings::from_env(&env, &jobs)?,
            jobs,
            modules: jobs::modules(&env)?,
            outbound: OutboundSettings::from_env(&env)?,
            llm: LlmSettings::from_env(&env)?,
            stripe: StripeSettings::from_env(&env)?,
            telegram: TelegramSettings::from_env(&env)?,
            store: StoreSettings::from_env(&env)?,
            clock_file: env.clock_file(),
            outset: OutsetSettings::from_env(&env)?,
            outsend: OutsendSettings::from_env(&env)?,
            mail: MailSettings::from_env(&env)?,
            gateway_keys: env.secret("OUTSCOUT_GATEWAY_KEYS").unwrap_or_else(|| LOCAL_GATEWAY_KEYS.into()),
            gateway: GatewaySettings::from_env(&env)?,
            billing_exempt: env.flag("OUTSCOUT_BILLING_EXEMPT_DEFAULT", !openscouter.pages.production)?,
            openscouter,
        })
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
    fn a_stage_and_levels_of_the_log_that_are_none_are_named() {
        let told = |variable: &'static str, value: &str| {
            let value = value.to_owned();
            let read =
                Settings::read(move |name| if name == variable { Some(value.clone()) } else { environment(name) });
            read.map(|settings| settings.openscouter.pages.production).map_err(|error| error.to_string())
        };
        assert_eq!(told("OUTSCOUT_STAGE", ""), Ok(false));
        assert_eq!(told("OUTSCOUT_STAGE", "development"), Ok(false));
        assert_eq!(told("OUTSCOUT_STAGE", "production"), Ok(true));
        for bad in ["prod", "Production", "staging", " production"] {
            let refused = "environment variable OUTSCOUT_STAGE is not development or production";
            assert_eq!(told("OUTSCOUT_STAGE", bad), Err(refused.to_owned()), "{bad}");
        }
        assert_eq!(told("OUTSCOUT_LOG", "warn,shared=debug"), Ok(false));
        let refused = told("OUTSCOUT_LOG", "blah=zz=3").unwrap_err();
        assert!(refused.starts_with("environment variable OUTSCOUT_LOG is not off, error, warn, info"), "{refused}");
    }

    #[test]
    fn a_malformed_limit_is_named() {
        let error =
            Settings::read(|name| environment(name).or_else(|| name.contains("LIMIT").then(|| "many".to_owned())))
                .unwrap_err();
        assert_eq!(error.to_string(), "environment variable OUTSCOUT_OUTSET_LIMIT_FREE is not a whole number");
    }

    #[test]
    fn seed_mailboxes_that_are_none_stop_the_start_and_show_no_password() {
        let read = |text: &str| {
            let text = text.to_owned();
            Settings::read(move |name| match name {
                "OUTSCOUT_SEED_MAILBOXES" => Some(text.clone()),
                name => environment(name),
            })
        };
        let sound = r#"{"email":"a@seed.test","kind":"gmail","host":"imap.seed.test","password":"hush"}"#;
        let settings = read(&format!("[{sound}]")).unwrap();
        assert!(settings.modules.delivery_check && settings.outbound.services.seeds.len() == 1);
        assert!(!format!("{settings:?}").contains("hush"));
        for text in [sound, &format!("[{sound},{sound}]"), r#"[{"password":"hush"}]"#, "[]"] {
            let refused = read(text).unwrap_err().to_string();
            assert!(
                refused.starts_with("environment variable OUTSCOUT_SEED_MAILBOXES is not a JSON array"),
                "{refused}"
            );
            assert!(!refused.contains("hush"));
        }
    }

    #[test]
    fn a_secret_that_no_header_holds_is_refused_at_the_start() {
        let told = |variable: &'static str, value: &str| {
            let value = value.to_owned();
            let found =
                Settings::read(move |name| if name == variable { Some(value.clone()) } else { environment(name) });
            found.err().map(|error| error.to_string())
        };
        let expected = "printable ASCII characters without blanks around them";
        for variable in ["OUTSCOUT_CRON_SECRET", "OUTSCOUT_TELEGRAM_WEBHOOK_SECRET"] {
            assert_eq!(told(variable, "correct horse"), None);
            for bad in ["s\u{e9}same", "a\u{7f}", " a", "a\n", "\u{1f511}"] {
                assert_eq!(told(variable, bad), Some(format!("environment variable {variable} is not {expected}")));
            }
        }
        let expected = format!(
            "environment variable OUTSCOUT_WEBHOOK_SECRETS is not an object of secrets by source, in {expected}"
        );
        assert_eq!(told("OUTSCOUT_WEBHOOK_SECRETS", r#"{"crm":"hush"}"#), None);
        for bad in [r#"{"crm":"sésame"}"#, r#"{"crm":""}"#, r#"{"crm":"hush","other":"a "}"#, "[]"] {
            assert_eq!(told("OUTSCOUT_WEBHOOK_SECRETS", bad), Some(expected.clone()), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secrets() {
        let provider = r#"[{"name":"google","authorize_url":"x","token_url":"x","user_info_url":"x","client_id":"x",
            "client_secret":"hush"}]"#;
        let settings = Settings::read(|name| match name {
            "OUTSCOUT_AGENT_PROVIDER" => Some("openai".to_owned()),
            "OUTSCOUT_WEBHOOK_SECRETS" => Some(r#"{"source":"hush"}"#.to_owned()),
            "OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS" => Some(provider.to_owned()),
            "OUTSCOUT_OPENSCOUTER_SIGNING_KEY" => None,
            // numbers of keys
            "OUTSCOUT_GATEWAY_KEYS_IDLE_ABOVE" | "OUTSCOUT_GATEWAY_KEYS_MOST" => None,
            _ if ["KEY", "SECRET", "TOKEN"].iter().any(|part| name.contains(part)) => Some("hush".to_owned()),
            _ if name.starts_with("OUTSCOUT_AGENT") => Some("x".to_owned()),
            _ => environment(name),
        })
        .unwrap();
        let shown = format!("{settings:?}");
        assert!(settings.modules.pagespeed && settings.outbound.services.pagespeed_key.is_some());
        assert!(shown.contains("google") && !shown.contains("hush"), "{shown}");
    }
}
