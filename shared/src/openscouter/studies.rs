//! Studies (openscouter 5.1, 9): look-ups, updates and refusals that several endpoints share.

pub mod body;
pub mod view;

use super::{
    access::{Caller, Viewer},
    envelope::Problem,
    request_context::RequestContext,
};
use crate::{
    model::{Details, OrganizationId, Status, Study, StudyId},
    page::Words,
    store::Progress,
};

const OBJECT: &str = "Study";

/// 404 for a study that is not there, or not for this caller (openscouter 3.8).
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found(OBJECT)
}

/// 422 for the state that a study is in (openscouter 5.1).
#[must_use]
pub fn wrong_state(study: &Study, expected: &str) -> Problem {
    Problem::invalid("", &format!("Study is {}, expected {expected}", study.status.as_str()))
}

/// A study's state as pages name it (openscouter 7.3).
#[must_use]
pub const fn status_words(status: Status) -> Words {
    match status {
        Status::Draft => Words { en: "draft", fr: "brouillon" },
        Status::Open => Words { en: "open", fr: "ouverte" },
        Status::InProgress => Words { en: "in progress", fr: "en cours" },
        Status::Paused => Words { en: "paused", fr: "en pause" },
        Status::Completed => Words { en: "completed", fr: "terminée" },
        Status::Closed => Words { en: "closed", fr: "close" },
    }
}

/// Whether a caller sees a study as its owner does (openscouter 3.8).
fn owns(viewer: Viewer, study: &Study) -> bool {
    match viewer {
        Viewer::Admin => true,
        Viewer::Owner(organization) => study.organization == organization,
        Viewer::Tester(_) => false,
    }
}

/// A study that the caller sees as its owner does (openscouter 3.8).
///
/// # Errors
/// 404 when there is none; 500 when the store fails.
pub async fn owned_study(cx: &RequestContext, viewer: Viewer, id: Option<StudyId>) -> Result<Study, Problem> {
    let study = cx.context.store().linked_study(id.ok_or_else(missing)?).await?;
    study.filter(|study| owns(viewer, study)).ok_or_else(missing)
}

/// As [`owned_study`], with the counts of its sessions, in the same read (openscouter 9.2).
///
/// # Errors
/// As [`owned_study`].
pub async fn owned_with_progress(
    cx: &RequestContext,
    viewer: Viewer,
    id: Option<StudyId>,
) -> Result<(Study, Progress), Problem> {
    let found = cx.context.store().study_with_progress(id.ok_or_else(missing)?).await?;
    found.filter(|(study, _)| owns(viewer, study)).ok_or_else(missing)
}

/// A draft that nothing is known of yet, for a body to fill (openscouter 9.1).
#[must_use]
pub fn empty_draft(cx: &RequestContext, organization: OrganizationId) -> Study {
    Study {
        id: StudyId::at(cx.now),
        organization,
        name: String::new(),
        status: Status::Draft,
        paused_from: None,
        completion_url: None,
        target_url: None,
        tasks: Vec::new(),
        details: Details::default(),
        created_at: cx.now,
        updated_at: cx.now,
        version: 1,
    }
}

/// Keeps a new draft (openscouter 9.4).
///
/// # Errors
/// 500 when the store fails.
pub async fn keep_draft(cx: &RequestContext, study: &Study) -> Result<(), Problem> {
    if !cx.context.store().create_studies(std::slice::from_ref(study)).await?.is_empty() {
        tracing::debug!("the answer to an earlier try was lost");
    }
    Ok(())
}

/// Updates a study by `rule`, which gives its next state, or `None` to leave it; the store asks it again after each
/// lost race (openscouter 5.1, 9.4).
///
/// # Errors
/// What `rule` refuses; 404 when the study is gone; 500 when the store fails.
pub async fn update(
    cx: &RequestContext,
    study: Study,
    rule: &(dyn Fn(&Study) -> Result<Option<Study>, Problem> + Send + Sync),
) -> Result<Study, Problem> {
    let (organization, id) = (study.organization, study.id);
    let updated = cx.context.store().update_study(organization, id, Some(study), rule).await;
    updated.map_err(|error| error.or_missing(missing))
}

/// Whether the organization of a study need not pay for it (openscouter 1.3).
///
/// # Errors
/// When the store fails.
pub async fn billing_exempt(cx: &RequestContext, caller: &Caller, study: &Study) -> Result<bool, Problem> {
    match caller.viewer() {
        Viewer::Owner(_) => Ok(caller.account.organization.billing_exempt),
        Viewer::Admin | Viewer::Tester(_) => {
            let organization = cx.context.store().organization(study.organization).await?;
            Ok(organization.is_some_and(|organization| organization.billing_exempt))
        }
    }
}

/// Refuses to open a study that is not paid for and must be (openscouter 5.1).
///
/// # Errors
/// 422 when it is not.
pub fn check_paid(study: &Study, exempt: bool) -> Result<(), Problem> {
    if exempt || study.details.payment.is_settled() {
        return Ok(());
    }
    Err(Problem::invalid("", "Study payment is not confirmed"))
}
