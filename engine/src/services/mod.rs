//! Services that the configuration names, and the modules that ask them for each row (outsend 12, 18.3).

mod call;
mod client;
mod company;
mod config;
mod legal_data;
mod line;
mod overpass;
mod pagespeed;
mod rdap;
mod reviews;
#[cfg(test)]
mod testing;

use std::sync::Arc;

pub use self::{
    call::Call,
    config::{COMPANIES, PAGESPEED, Services},
};
pub(crate) use self::{
    overpass::{Asked, Overpass},
    rdap::Registries,
};
use crate::{
    Means, Module,
    ahead::Ahead,
    module::{Fault, Input, Run, Spec},
};

/// Builds a run of a module that asks a service.
pub(crate) fn start(spec: &Spec, input: Arc<dyn Input>, means: Means) -> Result<Box<dyn Run>, Fault> {
    let columns = input.columns().to_vec();
    match spec.module {
        Module::LegalData => {
            let worker = Arc::new(legal_data::LegalData::new(columns, &means)?);
            Ok(Box::new(Ahead::new(spec, input, worker)))
        }
        Module::Pagespeed => {
            let worker = Arc::new(pagespeed::Pagespeed::new(columns, &means)?);
            Ok(Box::new(Ahead::new(spec, input, worker)))
        }
        Module::Reviews => {
            let worker = Arc::new(reviews::Reviews::new(columns, &means)?);
            Ok(Box::new(Ahead::new(spec, input, worker)))
        }
        module => Err(Fault::Failed(format!("Module {} is not available.", module.as_str()))),
    }
}
