//! Settings of the language model that writes agents' texts (openscouter 12.8).

use secrecy::SecretString;

use super::{Environment, SettingsError};

/// A language model behind an interface like OpenAI's (openscouter 1.3, 12.8).
#[derive(Clone, Debug)]
pub struct LlmSettings {
    /// Its name there.
    pub model: String,
    /// Base URL, without `/chat/completions`.
    pub url: String,
    /// Our key there.
    pub key: Option<SecretString>,
}

impl LlmSettings {
    /// The model that the environment names; `None` means the contract's own texts.
    pub(super) fn from_env(env: &Environment<'_>) -> Result<Option<Self>, SettingsError> {
        let url = env.optional("OUTSCOUT_AGENT_BASE_URL");
        match env.optional("OUTSCOUT_AGENT_PROVIDER").as_deref() {
            None | Some("embedded") => Ok(None),
            Some("openai") => Ok(Some(Self {
                model: env.required("OUTSCOUT_AGENT_MODEL")?,
                url: url.ok_or(SettingsError::Missing("OUTSCOUT_AGENT_BASE_URL"))?,
                key: env.secret("OUTSCOUT_AGENT_API_KEY"),
            })),
            // Bedrock has such an interface, too
            Some("bedrock") => Ok(Some(Self {
                model: env.required("OUTSCOUT_AGENT_MODEL")?,
                url: match url {
                    Some(url) => url,
                    None => format!("https://bedrock-runtime.{}.amazonaws.com/openai/v1", env.required("AWS_REGION")?),
                },
                key: Some(env.required_secret("OUTSCOUT_AGENT_API_KEY")?),
            })),
            Some(_) => {
                let (name, expected) = ("OUTSCOUT_AGENT_PROVIDER", "embedded, openai or bedrock");
                Err(SettingsError::Malformed { name, expected })
            }
        }
    }
}
