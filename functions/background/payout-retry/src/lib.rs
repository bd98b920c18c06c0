//! Payouts that failed are tried again when their time has come, and those that waited for an account begin once it takes
//! them (openscouter 16.2, 20). A schedule calls it every hour; over HTTP the cron endpoint does the same.
//!
//! Ticks may overlap, repeat or be missed: a try is begun by one conditional write. What a tick has no time for is due at the
//! next one.

use shared::{
    lambda::{Background, background},
    sweeps::{retry_due_payouts, tick},
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), |context, _| tick(context, retry_due_payouts));
