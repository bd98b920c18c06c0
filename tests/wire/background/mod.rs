//! What runs without a request.

mod authorizer;
mod gateway_keys;
mod outreach_send;
mod payout_retry;
mod reactor;
mod reminders;
mod veille;
mod work;
