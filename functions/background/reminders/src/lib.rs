//! Testers who accepted and have not begun, or whose session stands still, are reminded, and proposals that nobody answered
//! end (openscouter 20). A schedule calls it every quarter of an hour; over HTTP the cron endpoint does the same.
//!
//! Ticks may overlap, repeat or be missed: each reminder begins by one conditional write. What a tick has no time for is due
//! at the next one.

use shared::{
    lambda::{Background, background},
    sweeps::{remind_due_testers, tick},
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), |context, _| tick(context, remind_due_testers));
