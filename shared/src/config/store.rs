//! Where the tables are, and how AWS is reached.

use secrecy::SecretString;

use super::{Environment, SettingsError};

/// The tables, and how AWS is reached.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Name of the table that holds entities.
    pub main_table: String,
    /// Name of the table of short-lived records: rate windows, idempotency records.
    pub hot_table: String,
    /// AWS region.
    pub region: String,
    /// Where the store answers; `None` means AWS.
    pub endpoint: Option<String>,
    /// Where the rate windows live; `None` means with the store. A laptop keeps them in memory.
    pub windows_endpoint: Option<String>,
    /// Credentials for AWS, or for the embedded store.
    pub credentials: Credentials,
}

/// AWS credentials.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: SecretString,
    /// Secret access key.
    pub secret_access_key: SecretString,
    /// Session token of a role.
    pub session_token: Option<SecretString>,
}

impl StoreSettings {
    pub(crate) fn from_env(env: &Environment<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            main_table: env.required("OUTSCOUT_MAIN_TABLE")?,
            hot_table: env.required("OUTSCOUT_HOT_TABLE")?,
            region: env.required("AWS_REGION")?,
            endpoint: env.optional("AWS_ENDPOINT_URL_DYNAMODB"),
            windows_endpoint: env.optional("OUTSCOUT_WINDOWS_ENDPOINT_URL"),
            credentials: Credentials {
                access_key_id: env.required_secret("AWS_ACCESS_KEY_ID")?,
                secret_access_key: env.required_secret("AWS_SECRET_ACCESS_KEY")?,
                session_token: env.secret("AWS_SESSION_TOKEN"),
            },
        })
    }
}
