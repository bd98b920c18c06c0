//! What runs without a request.

mod payout_retry;
mod reactor;
mod veille;
mod work;
