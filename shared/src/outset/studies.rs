//! Studies on the wire, and the look-up that the endpoints of one study share (outset 6, 13.3).

use serde::Serialize;

use super::{
    access::Caller,
    datetime,
    envelope::{Problem, json_answer},
    rendering::{Rendering, compact},
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    http::Response,
    model::Study,
    secret::{KeyHash, sha256_hex},
    store::StoreError,
};

/// A study on the wire (outset 6).
#[derive(Debug, Serialize)]
pub struct StudyView<'a> {
    id: String,
    active: bool,
    completion_url: Option<&'a str>,
    name: &'a str,
    status: &'static str,
    created_at: String,
    updated_at: String,
    share_url: String,
}

impl<'a> StudyView<'a> {
    /// The view of a study, whose links are built on `base`.
    #[must_use]
    pub fn new(study: &'a Study, base: &str) -> Self {
        Self {
            id: study.id.to_string(),
            active: study.status.is_active(),
            completion_url: study.completion_url.as_deref(),
            name: &study.name,
            status: study.status.as_str(),
            created_at: datetime::format(study.created_at),
            updated_at: datetime::format(study.updated_at),
            share_url: format!("{base}/interviews/public-surveys/{}/start/", study.id),
        }
    }

    /// The strong entity tag of this representation (outset 13.3).
    #[must_use]
    pub fn tag(&self) -> String {
        let digest = sha256_hex(compact(self).as_bytes());
        format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
    }

    /// The 200 of a study, with its tag unless it is pretty-printed.
    #[must_use]
    pub fn answer(&self, rendering: Rendering) -> Response {
        let answer = json_answer(200, self, rendering);
        if rendering.indent.is_some() { answer } else { answer.header("ETag", self.tag()) }
    }
}

/// The study that a path names, as it was read before it was known who calls.
pub type NamedStudy = Result<Option<Study>, StoreError>;

/// Reads the study that the path names; whose it is, [`owned`] looks at.
#[must_use]
pub fn named<'a>(cx: &'a RequestContext, _: &'a KeyHash) -> BoxFuture<'a, NamedStudy> {
    Box::pin(async move {
        match cx.study {
            Some(id) => cx.context.store().linked_study(id).await,
            None => Ok(None),
        }
    })
}

/// Step 7 of a detail: the study that was read, if it is the caller's.
///
/// # Errors
/// 404.
pub fn owned(caller: &Caller, study: NamedStudy) -> Result<Study, Problem> {
    study?.filter(|study| study.organization == caller.organization).ok_or(Problem::NotFound)
}
