//! HTTP as the dialects see it: request, response, query, entity tags, public origin.

pub mod etag;
pub mod origin;
pub mod query;
mod request;
mod response;
pub mod routes;
mod values;

pub use self::{
    request::Request,
    response::{ByteStream, Pieces, Response},
    values::count_values,
};
