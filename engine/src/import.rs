//! Import of tables (outsend 12.2).

use std::sync::Arc;

use crate::{
    BoxFuture,
    module::{Discovered, Fault, Input, Network, Spec, Started},
};

/// Reads a source's text: its columns, its number of rows and the notice.
///
/// # Errors
/// `Import source could not be read.`
pub fn discover(_text: Vec<u8>) -> Result<Discovered, Fault> {
    Err(Fault::Failed("Import source could not be read.".to_owned()))
}

/// See [`crate::module::start`].
pub(crate) fn start(
    _spec: Spec,
    _input: Arc<dyn Input>,
    _network: Arc<dyn Network>,
) -> BoxFuture<'static, Result<Started, Fault>> {
    Box::pin(async { Err(Fault::InputGone) })
}
