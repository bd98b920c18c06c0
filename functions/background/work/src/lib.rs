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

use std::sync::Arc;

use shared::{
    context::Context,
    lambda::{Function, Invoke, events},
};

use self::workers::Workers;

/// The function.
pub const FUNCTION: Work = Work;

/// The work function. What its invocations share, a mailer and a network, it makes once.
#[derive(Clone, Copy, Debug)]
pub struct Work;

impl Function for Work {
    fn name(&self) -> &'static str {
        env!("CARGO_PKG_NAME")
    }

    fn invoke(&self, context: Context) -> Invoke {
        let workers = Arc::new(Workers::new(context));
        events(Arc::new(move |event| Box::pin(event::handle(Arc::clone(&workers), event))))
    }
}
