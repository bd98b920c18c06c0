//! Messages that were approved are sent at their time (openscouter 14.2, 20). A schedule calls it every five minutes; over
//! HTTP the cron endpoint does the same.
//!
//! Ticks may overlap, repeat or be missed: a message's delivery begins by one conditional write. What a tick has no time for
//! is due at the next one.

use shared::{
    lambda::{Background, background},
    sweeps::{send_due_outreach, tick},
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), |context, _| tick(context, send_due_outreach));
