//! The Outset dialect: Django REST framework's wire format (docs/contracts/outset.md).

pub mod access;
pub mod boolean;
pub mod datetime;
mod dialect;
mod endpoint;
pub mod envelope;
pub mod integer;
pub mod media_type;
pub mod negotiation;
pub mod participants;
pub mod rendering;
pub mod request_context;
pub mod routes;
pub mod studies;
pub mod study_id;
pub mod text;
pub mod url;

pub use self::{
    dialect::DIALECT,
    endpoint::{
        Document, Endpoint, Handler, LinkHandler, Operation, Outcome, ParticipantLink, Preload, document, endpoint,
        fallback, participant_link,
    },
    participants::loggable_path,
};
