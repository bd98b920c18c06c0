//! filter

use std::sync::Arc;

use crate::{BoxFuture, module::{Fault, Input, Run, Spec}};

pub(crate) fn start(_spec: Spec, _input: Arc<dyn Input>) -> BoxFuture<'static, Result<Box<dyn Run>, Fault>> {
    Box::pin(async { Err(Fault::InputGone) })
}
