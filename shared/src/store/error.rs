//! Why a call to the store failed.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why a call to the store failed. The text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused or could not be reached.
    #[error("{operation}: {cause}")]
    Call {
        /// The call.
        operation: &'static str,
        /// The whole chain of causes.
        cause: String,
    },
    /// An item has not the form that its entity has.
    #[error("stored {entity} is malformed: {attribute}")]
    Malformed {
        /// The entity.
        entity: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// Writers kept getting in each other's way.
    #[error("gave up after {0} lost races")]
    Contended(u32),
}

impl StoreError {
    /// The operating system gave no random bytes.
    pub(super) fn random(error: getrandom::Error) -> Self {
        Self::Call { operation: "random bytes", cause: error.to_string() }
    }

    pub(crate) fn call<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let cause = match error.as_service_error() {
            Some(service) => format!("{}: {}", service.code().unwrap_or("unknown"), service.message().unwrap_or("")),
            None => aws_smithy_types::error::display::DisplayErrorContext(error).to_string(),
        };
        Self::Call { operation, cause }
    }
}
