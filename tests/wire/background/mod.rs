//! What runs without a request.

mod reactor;
mod work;
