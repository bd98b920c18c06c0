//! Lambda: what a function is, the edge that every request passes, and the loop that serves a process.

mod edge;
mod function;
mod reply;
mod serve;

pub use self::{
    edge::{Dialect, Handler},
    function::{Background, EventHandler, Function, Storeless, background, events, http, storeless},
    reply::{Invoke, InvokeError, Reply, Streamed},
    serve::{run, run_storeless},
};
