//! Where the tables are, and how AWS is reached.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
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
    /// Certificates, as PEM, that AWS is checked against in place of its known roots: those of the file that
    /// `AWS_CA_BUNDLE` names.
    pub ca_bundle: Option<Arc<str>>,
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
            ca_bundle: env.parsed("AWS_CA_BUNDLE", "a readable file of PEM certificates", certificates)?,
        })
    }
}

/// The certificates of a PEM file that can be trusted at all; `None` when there are none.
fn certificates(path: &str) -> Option<Arc<str>> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path).ok()?.filter_map(Result::ok).collect();
    let usable = found.iter().filter(|certificate| RootCertStore::empty().add((*certificate).clone()).is_ok());
    let text: String = usable
        .map(|certificate| {
            let lines = STANDARD.encode(certificate);
            format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
        })
        .collect();
    (!text.is_empty()).then(|| text.into())
}
