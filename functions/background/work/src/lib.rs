//! What outlives a request: mails, lists, exports, deletions, jobs, agents. What is due is brought by the main table's
//! stream, and by a sweep each minute for what lost its lease.
//!
//! Each kind of work is a module under [`kinds`], behind one signature: see [`kind::Kind`].

mod drain;
mod event;
mod item;
mod kind;
mod kinds;
mod llm;
mod mailer;
mod network;
mod sweep;
mod workers;

use std::{path::Path, sync::Arc};

use shared::{
    context::Context,
    lambda::{Function, Invoke, events},
};

use self::workers::Workers;

/// The function.
pub const FUNCTION: Work = Work;

/// Adds a deployment's own lists and signatures to the shipped ones, for the whole process (outsend 11.6).
///
/// # Errors
/// When a file is not in its format: then nothing is to start.
pub fn add_data(folder: Option<&Path>) -> Result<(), String> {
    let Some(folder) = folder else { return Ok(()) };
    engine::data::add_folder(folder).map(|_| ()).map_err(|why| format!("OUTSCOUT_DATA_FOLDER: {why}"))
}

/// The work function. What its invocations share, a mailer and a network, it makes once.
#[derive(Clone, Copy, Debug)]
pub struct Work;

impl Function for Work {
    fn name(&self) -> &'static str {
        env!("CARGO_PKG_NAME")
    }

    fn invoke(&self, context: Context) -> Invoke {
        // the program that this is in refused to start where it cannot be read
        if let Err(cause) = add_data(context.settings().outbound.data_folder.as_deref()) {
            tracing::error!(cause, "data not added");
        }
        let workers = Arc::new(Workers::new(context));
        events(Arc::new(move |event| Box::pin(event::handle(Arc::clone(&workers), event))))
    }
}
