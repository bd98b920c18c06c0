//! `POST /api/sessions/:id/feedback`: what the tester or the owner says of a session (openscouter 10.2).

use serde::Serialize;

use shared::{
    http::Response,
    model::{FeedbackId, Role},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, Scope, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
        test_sessions::{consent_withdrawn, missing, seen, wrong_state},
    },
    store::{Feedback, FeedbackGiven},
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(&[Role::Business, Role::Tester]).tokens(Scope::Write);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(give_feedback(cx, caller)));

/// Feedback as its author sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeedbackView {
    feedback_id: String,
    session_id: String,
    author_role: &'static str,
    rating: u32,
    comment: Option<String>,
    created_at: String,
}

async fn give_feedback(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let session = seen(cx, &caller, cx.path("id")).await?;
        fields.required("rating")?;
        let rating = fields.optional_integer("rating", 1, 5)?.unwrap_or(1);
        let comment = fields.optional_text("comment", 0, 2_000)?;
        if session.status.is_running() {
            return Err(wrong_state(&session, "completed, analyzed or confirmed"));
        }
        let role = if matches!(caller.viewer(), Viewer::Tester(_)) { Role::Tester } else { Role::Business };
        let feedback = Feedback {
            id: FeedbackId::at(cx.now),
            session: session.id,
            role,
            author: Some(caller.account.user.id),
            rating,
            comment,
            created_at: cx.now,
        };
        match cx.context.store().give_feedback(&feedback, session.tester).await? {
            FeedbackGiven::Done => {}
            FeedbackGiven::Before => return Err(Problem::invalid("", "Feedback was already given")),
            FeedbackGiven::Withdrawn => return Err(consent_withdrawn()),
            FeedbackGiven::Gone => return Err(missing()),
        }
        let view = FeedbackView {
            feedback_id: feedback.id.wire(),
            session_id: session.id.wire(),
            author_role: role.as_str(),
            rating,
            comment: feedback.comment,
            created_at: timestamp(feedback.created_at),
        };
        Ok(success(201, &view))
    })
    .await
}
