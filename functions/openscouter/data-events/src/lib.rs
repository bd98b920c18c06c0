//! `POST /api/data/events`: events of a test session (openscouter 11.1, 11.2).

use shared::{
    model::IngestedStream,
    openscouter::{self, Endpoint, access::INGESTERS, ingestion::ingest},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), INGESTERS, |cx, caller| ingest(cx, caller, IngestedStream::Events));
