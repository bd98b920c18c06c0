//! From a module's name to the code that runs it.

use std::sync::Arc;

use crate::{
    BoxFuture, filter, import,
    module::{Fault, Input, Network, Run, Spec, Started},
    registry::Module,
    sort, verify,
    web::{self, Hosts},
};

/// Builds a run at the checkpoint that `spec` names.
///
/// # Errors
/// When the input cannot be read.
pub fn start(
    spec: Spec,
    input: Arc<dyn Input>,
    network: Arc<dyn Network>,
    hosts: Arc<dyn Hosts>,
) -> BoxFuture<'static, Result<Started, Fault>> {
    Box::pin(async move {
        let run: Box<dyn Run> = match spec.module {
            Module::Import => return import::start(spec, input, network).await,
            Module::Filter => filter::start(spec, input).await?,
            Module::Sort => sort::start(spec, input).await?,
            Module::VerifyEmails => verify::start(spec, input, network).await?,
            _ => web::start(&spec, input, network, hosts)?,
        };
        Ok(Started { run, discovered: None })
    })
}
