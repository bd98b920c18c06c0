//! From a module's name to the code that runs it.

use std::sync::Arc;

use crate::{
    BoxFuture, Means, delivery, filter, import,
    module::{Fault, Input, Run, Spec, Started},
    places,
    registry::Module,
    services, sort, verify, web,
};

/// Builds a run at the checkpoint that `spec` names.
///
/// # Errors
/// When the input cannot be read.
pub fn start(spec: Spec, input: Arc<dyn Input>, means: Means) -> BoxFuture<'static, Result<Started, Fault>> {
    Box::pin(async move {
        let run: Box<dyn Run> = match spec.module {
            Module::Scrap => places::start(&spec, input, means).await?,
            Module::Import => return import::start(spec, input, means.network).await,
            Module::Filter => filter::start(spec, input).await?,
            Module::Sort => sort::start(spec, input).await?,
            Module::VerifyEmails => verify::start(spec, input, means.network).await?,
            Module::DeliveryCheck => delivery::start(&spec, means)?,
            Module::LegalData | Module::Pagespeed | Module::Reviews => services::start(&spec, input, means)?,
            _ => web::start(&spec, input, means)?,
        };
        Ok(Started { run, discovered: None })
    })
}
