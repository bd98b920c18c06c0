//! What runs without a request.

mod reactor;
mod veille;
mod work;
