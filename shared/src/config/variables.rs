//! The environment variables that there are, for `outscout serve --help` and `docs/configuration.md`.

use self::Local::{Deployed, Passed, PassedOr, Set};

/// Variables of one area.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// What they are about.
    pub title: &'static str,
    /// They, in the order in which they are told.
    pub variables: &'static [Variable],
}

/// An environment variable of the functions.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not set: a value in backticks, or words.
    pub default: &'static str,
    /// What it is, with its unit.
    pub meaning: &'static str,
    /// What the local server does with it.
    pub local: Local,
}

/// What the local server does with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// Hands on its own.
    Passed,
    /// Hands on its own, or sets what is named where it has none.
    PassedOr(&'static str),
    /// Sets what is named.
    Set(&'static str),
    /// Nothing: it is of deployments.
    Deployed,
}

impl Local {
    /// Whether the local server hands on its own variable.
    #[must_use]
    pub const fn is_passed(self) -> bool {
        matches!(self, Passed | PassedOr(_))
    }
}

const fn passed(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning, local: Passed }
}

const fn passed_or(name: &'static str, default: &'static str, meaning: &'static str, own: &'static str) -> Variable {
    Variable { name, default, meaning, local: PassedOr(own) }
}

const fn set(name: &'static str, default: &'static str, meaning: &'static str, own: &'static str) -> Variable {
    Variable { name, default, meaning, local: Set(own) }
}

const fn deployed(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning, local: Deployed }
}

/// All variables that functions read. A secret `X` may also be named: `X_SECRET_NAME` is its name in Secrets Manager
/// ([`super::SECRETS`]).
pub const VARIABLES: &[Area] = &[
    Area {
        title: "Tables and AWS",
        variables: &[
            set("OUTSCOUT_MAIN_TABLE", "must be set", "The table that holds entities", "`main`, of its own store"),
            set(
                "OUTSCOUT_HOT_TABLE",
                "must be set",
                "The table of short-lived records: rate windows, idempotency records, codes",
                "`hot`, of its own store",
            ),
            set(
                "AWS_REGION",
                "must be set",
                "The region of AWS",
                "`us-east-1`: some region has to stand in signatures",
            ),
            set(
                "AWS_ACCESS_KEY_ID",
                "must be set",
                "The id of the credentials",
                "a new one at each start, which its own store alone takes",
            ),
            set("AWS_SECRET_ACCESS_KEY", "must be set", "The secret of the credentials", "a new one at each start"),
            deployed("AWS_SESSION_TOKEN", "none", "The session token of a role's credentials"),
            set("AWS_ENDPOINT_URL_DYNAMODB", "AWS", "Where DynamoDB answers", "its own store"),
            set(
                "OUTSCOUT_WINDOWS_ENDPOINT_URL",
                "with the store",
                "Where the rate windows live",
                "a store in memory: they end with the server",
            ),
            set(
                "AWS_ENDPOINT_URL_SESV2",
                "AWS",
                "Where SES answers",
                "the control port, which shows the mails under `/_local/mail`",
            ),
            set(
                "AWS_ENDPOINT_URL_API_GATEWAY",
                "AWS",
                "Where the control plane of API Gateway answers",
                "the control port, which takes gateway keys as API Gateway does",
            ),
            deployed("AWS_CA_BUNDLE", "the known roots", "A file of PEM certificates that AWS is checked against"),
            deployed("AWS_ENDPOINT_URL_S3", "AWS", "Where S3 answers"),
            deployed("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS", "Where Secrets Manager answers"),
        ],
    },
    Area {
        title: "All APIs",
        variables: &[
            passed(
                "OUTSCOUT_LOG",
                "`info`",
                "The level of the log: `off`, `error`, `warn`, `info`, `debug`, `trace`, or levels of modules as in `warn,aws_smithy_runtime=debug`",
            ),
            passed(
                "OUTSCOUT_STAGE",
                "`development`",
                "The stage, `development` or `production`; in the latter no page of localhost may call, and studies are paid for",
            ),
            passed(
                "OUTSCOUT_BILLING_EXEMPT_DEFAULT",
                "`true`, in production `false`",
                "Whether new organizations need not pay for their studies",
            ),
            set(
                "OUTSCOUT_MAIL_SENDER",
                "none: no mail is sent",
                "The address that mails come from",
                "`outscout@localhost`",
            ),
            passed("OUTSCOUT_FEEDBACK_EMAIL", "none: nobody is told", "The staff's address, which is told of feedback"),
            set(
                "OUTSCOUT_CLOCK_FILE",
                "none",
                "A file with the clock's offset in milliseconds",
                "the file that `POST /_local/clock` moves",
            ),
        ],
    },
    Area {
        title: "Outset",
        variables: &[
            passed(
                "OUTSCOUT_OUTSET_PUBLIC_URL",
                "that of each request",
                "The public origin and prefix of links in answers",
            ),
            passed("OUTSCOUT_OUTSET_CORS_ORIGINS", "none", "Origins whose pages may call, separated by commas"),
            passed(
                "OUTSCOUT_OUTSET_LIMIT_FREE",
                "`120`",
                "Requests in 60 seconds of a free organization; 0 means no limit",
            ),
            passed(
                "OUTSCOUT_OUTSET_LIMIT_PRO",
                "`600`",
                "Requests in 60 seconds of a pro organization; 0 means no limit",
            ),
            passed(
                "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS",
                "`30`",
                "Requests in 60 seconds of an address without a key; 0 means no limit",
            ),
        ],
    },
    Area {
        title: "Outsend",
        variables: &[
            passed_or(
                "OUTSCOUT_OUTSEND_PUBLIC_URL",
                "that of each request",
                "The public base URL of links, without `/api`",
                "its own address: mails are written where there is no request",
            ),
            passed("OUTSCOUT_OUTSEND_CORS_ORIGINS", "none", "Origins whose pages may call, separated by commas"),
            passed("OUTSCOUT_OUTSEND_INVITE_ONLY", "`false`", "Whether a sign-up needs an invitation"),
            passed("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "none: no captcha", "The secret at the captcha's provider"),
            passed(
                "OUTSCOUT_OUTSEND_CAPTCHA_URL",
                "`https://api.hcaptcha.com/siteverify`",
                "Where a captcha's answers are checked",
            ),
        ],
    },
    Area {
        title: "Jobs",
        variables: &[
            passed("OUTSCOUT_JOB_LIFETIME_DAYS", "`30`", "Days after which a job that has not ended fails"),
            passed("OUTSCOUT_RESULT_RETENTION_DAYS", "`7`", "Days that a job's rows are kept"),
            passed("OUTSCOUT_SERIAL_LANE_WIDTH", "`1`", "Jobs that run at once in the serial lane"),
            passed("OUTSCOUT_PARALLEL_LANE_SLOTS", "`6`", "Slots of the parallel lane"),
            passed("OUTSCOUT_USER_RUNNING_JOBS", "`5`", "Jobs of one user that run at once"),
            passed("OUTSCOUT_EF_JOB_CEILING", "`1`", "The most that one job may cost, in EF; empty means no limit"),
            passed(
                "OUTSCOUT_EF_QUOTA_FREE",
                "`10`",
                "What a free workspace may spend in a month, in EF; empty means no limit",
            ),
            passed(
                "OUTSCOUT_EF_QUOTA_PRO",
                "`100`",
                "What a pro workspace may spend in a month, in EF; empty means no limit",
            ),
            passed("OUTSCOUT_DNS_SERVER", "the system's", "The name server of jobs: an address with a port"),
            passed(
                "OUTSCOUT_SMTP_PROBE",
                "`false`",
                "Whether `verify-emails` asks mail servers about mailboxes; without it no address is `valid`",
            ),
            passed("OUTSCOUT_SMTP_PORT", "`25`", "The port that mail servers are asked on"),
            passed("OUTSCOUT_CRAWL_ALLOW_HOSTS", "none", "Hosts of websites that may be private, separated by commas"),
            passed(
                "OUTSCOUT_WEBHOOK_ALLOW_HOSTS",
                "none",
                "Hosts of webhooks that may be private and take plain HTTP, separated by commas",
            ),
        ],
    },
    Area {
        title: "Services that Outsend's modules ask",
        variables: &[
            passed(
                "OUTSCOUT_RECHERCHE_ENTREPRISES_URL",
                "the public one",
                "The search for French companies, which needs no key",
            ),
            passed(
                "OUTSCOUT_BODACC_URL",
                "none: `legal_data` says nothing of insolvencies",
                "The records of announcements about French companies",
            ),
            passed(
                "OUTSCOUT_PAGESPEED_API_KEY",
                "none: `pagespeed` is not available",
                "The key that PageSpeed Insights is asked with",
            ),
            passed("OUTSCOUT_PAGESPEED_URL", "PageSpeed Insights itself", "Another service that audits pages"),
            passed(
                "OUTSCOUT_REVIEWS_SOURCE_URL",
                "none: `reviews` are not available",
                "What knows the reviews of listings",
            ),
            passed(
                "OUTSCOUT_OVERPASS_URL",
                "that of `overpass-api.de`",
                "The Overpass API that searches ask for places",
            ),
            passed(
                "OUTSCOUT_NOMINATIM_URL",
                "that of `nominatim.openstreetmap.org`",
                "The Nominatim server that zones are looked up in",
            ),
            passed("OUTSCOUT_RDAP_URL", "none: nobody is asked", "An RDAP service that knows the states of domains"),
            passed(
                "OUTSCOUT_SCREENSHOT_URL",
                "none: `brand_assets` have no screenshots",
                "What takes pictures of pages: `GET <url>?url=<page>` answers an image. It opens pages of others, so no inner network is to be in its reach",
            ),
            passed(
                "OUTSCOUT_ASSET_DAYS",
                "as long as a job may last and its rows are kept",
                "Days that the images of `brand_assets` are kept after a job found them last; no fewer than its default",
            ),
            deployed(
                "OUTSCOUT_ASSETS_BUCKET",
                "none: they are in the store",
                "The bucket that the images of `brand_assets` are kept in",
            ),
            passed(
                "OUTSCOUT_SEED_MAILBOXES",
                "none: `delivery_check` is not available",
                "The mailboxes that placement checks look into, by IMAP, with their passwords: a JSON array of `email`, \
                 `kind`, `host`, `password`, and perhaps `port` (993), `user` (the address), `tls` (true)",
            ),
            passed(
                "OUTSCOUT_DATA_FOLDER",
                "none",
                "A folder whose files add entries to the lists and signatures; in the cloud, a layer brings it",
            ),
            deployed(
                "OUTSCOUT_PAGESPEED",
                "whether there is a key",
                "Whether `pagespeed` is available, for functions that do not get the key",
            ),
            deployed(
                "OUTSCOUT_REVIEWS",
                "whether there is a source",
                "Whether `reviews` are available, for functions that do not get its address",
            ),
            deployed(
                "OUTSCOUT_DELIVERY_CHECK",
                "whether there are mailboxes",
                "Whether `delivery_check` is available, for functions that do not get their passwords",
            ),
        ],
    },
    Area {
        title: "OpenScouter",
        variables: &[
            passed_or(
                "OUTSCOUT_OPENSCOUTER_PUBLIC_URL",
                "that of each request",
                "The public base URL of links, without `/api`",
                "its own address: mails are written where there is no request",
            ),
            passed(
                "OUTSCOUT_OPENSCOUTER_APP_URL",
                "the API's pages",
                "The base URL of the web application that links lead to",
            ),
            passed("OUTSCOUT_OPENSCOUTER_CORS_BASE_DOMAIN", "`openscouter.com`", "The domain whose pages may call"),
            set(
                "OUTSCOUT_OPENSCOUTER_JWKS",
                "none",
                "The public keys of access tokens, as a JSON Web Key Set",
                "the keys of the data directory",
            ),
            set(
                "OUTSCOUT_OPENSCOUTER_SIGNING_KEY",
                "none: nothing is signed",
                "The Ed25519 key that signs access tokens, as a JSON Web Key",
                "the first key of the data directory",
            ),
            passed(
                "OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS",
                "none",
                "Log-in providers, as a JSON list (openscouter 1.3)",
            ),
            passed(
                "OUTSCOUT_REFRESH_GRACE_SECONDS",
                "`10`",
                "How long a replaced refresh token gives another one; 0 turns it off",
            ),
            passed("OUTSCOUT_CONSENT_VERSION", "`v1.1`", "The version of the text that testers consent to"),
            passed(
                "OUTSCOUT_WEBHOOK_SECRETS",
                "none: all are refused",
                "Secrets of incoming webhooks, as a JSON object by source",
            ),
            passed_or(
                "OUTSCOUT_CRON_SECRET",
                "none: nobody can",
                "The secret that starts scheduled jobs over HTTP",
                "a new one at each start, which `--ready-json` tells",
            ),
            passed(
                "OUTSCOUT_AGENT_PROVIDER",
                "`embedded`",
                "Who writes the agents' prose: `embedded`, `openai` or `bedrock`",
            ),
            passed("OUTSCOUT_AGENT_MODEL", "must be set with a provider", "The language model's name there"),
            passed(
                "OUTSCOUT_AGENT_BASE_URL",
                "must be set with `openai`",
                "The language model's base URL, without `/chat/completions`",
            ),
            passed("OUTSCOUT_AGENT_API_KEY", "none; must be set with `bedrock`", "The key there"),
        ],
    },
    Area {
        title: "Stripe and Telegram",
        variables: &[
            passed("OUTSCOUT_STRIPE_BASE_URL", "`https://api.stripe.com`", "Where Stripe answers, without `/v1`"),
            passed("OUTSCOUT_STRIPE_SECRET_KEY", "none: nothing can be paid", "The key at Stripe"),
            passed(
                "OUTSCOUT_STRIPE_WEBHOOK_SECRET",
                "none: all are refused",
                "What Stripe's events are signed with; several are separated by commas",
            ),
            passed("OUTSCOUT_PLATFORM_FEE_RATE", "`0.15`", "The share of each payout that is kept, from 0 to 1"),
            passed("OUTSCOUT_TELEGRAM_BASE_URL", "`https://api.telegram.org`", "Where the Bot API answers"),
            passed("OUTSCOUT_TELEGRAM_BOT_TOKEN", "none: nothing is sent", "The bot's token"),
            passed("OUTSCOUT_TELEGRAM_BOT_NAME", "none", "The bot's user name, which links lead to"),
            passed("OUTSCOUT_TELEGRAM_WEBHOOK_SECRET", "none: all are refused", "What the bot's webhook calls carry"),
        ],
    },
    Area {
        title: "Usage plans",
        variables: &[
            deployed("OUTSCOUT_GATEWAY_KEYS", "`local`", "How the values of pool keys end"),
            set(
                "OUTSCOUT_GATEWAY_FREE_PLANS",
                "none: no own keys",
                "The usage plans of free organizations, separated by commas",
                "the plans of its own gateway",
            ),
            set(
                "OUTSCOUT_GATEWAY_PRO_PLANS",
                "none: no own keys",
                "The usage plans of pro organizations, separated by commas",
                "the plans of its own gateway",
            ),
            deployed(
                "OUTSCOUT_GATEWAY_KEYS_IDLE_ABOVE",
                "`8000`",
                "Gateway keys above which those that nobody uses go",
            ),
            deployed("OUTSCOUT_GATEWAY_KEYS_MOST", "`9900`", "Gateway keys that there may be"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::*;
    use crate::config::{SECRETS_ENDPOINT, Settings};

    fn all() -> impl Iterator<Item = &'static Variable> {
        VARIABLES.iter().flat_map(|area| area.variables)
    }

    /// What must be set, for a reading that succeeds.
    fn required(name: &str) -> Option<String> {
        let of_aws = ["TABLE", "AWS_REGION", "AWS_ACCESS", "AWS_SECRET_ACCESS"];
        of_aws.iter().any(|part| name.contains(part)).then(|| "x".to_owned())
    }

    #[test]
    fn all_that_is_read_stands_here() {
        let read = RefCell::new(BTreeSet::new());
        for provider in ["embedded", "openai", "bedrock"] {
            Settings::read(|name| {
                read.borrow_mut().insert(name.to_owned());
                match name {
                    "OUTSCOUT_AGENT_PROVIDER" => Some(provider.to_owned()),
                    _ if name.starts_with("OUTSCOUT_AGENT") => Some("x".to_owned()),
                    _ => required(name),
                }
            })
            .unwrap();
        }
        let mut read = read.into_inner();
        // this is read beside the settings: by what fetches secrets
        read.insert(SECRETS_ENDPOINT.to_owned());
        let told: BTreeSet<_> = all().map(|variable| variable.name.to_owned()).collect();
        assert_eq!(read, told);
        assert_eq!(told.len(), all().count(), "each stands here once");
    }

    #[test]
    fn the_defaults_are_those_of_the_settings() {
        let default = |name: &str| {
            let found = all().find(|variable| variable.name == name)?.default;
            let value = found.strip_prefix('`')?.strip_suffix('`')?;
            (!value.contains('`')).then(|| value.to_owned())
        };
        let without = Settings::read(required).unwrap();
        let with = Settings::read(|name| required(name).or_else(|| default(name))).unwrap();
        assert_eq!(format!("{without:?}"), format!("{with:?}"));
        assert_eq!(default("OUTSCOUT_SMTP_PORT").as_deref(), Some("25"));
    }
}
