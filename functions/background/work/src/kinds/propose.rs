//! Testers are proposed for studies, and proposals end with them (openscouter 5.3, 14.1).

use shared::{
    BoxFuture,
    model::{ProposalId, Study, StudyId, Wanted, WorkItem},
    store::Candidates,
};

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// Proposals of a slice.
const SLICE: usize = 48;

/// Testers are to be proposed; the subject is the study and behind it how many it is to come to, or the proposal in whose
/// place there is to be another one.
pub(crate) const PROPOSE: Kind = Kind { run: propose, give_up: try_later };
/// Proposals end; the subject is their study.
pub(crate) const END: Kind = Kind { run: end, give_up: try_later };

fn propose<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (study, what) = work.subject.split_once(' ').ok_or(WorkError::Subject)?;
        let study = StudyId::parse(study).ok_or(WorkError::Subject)?;
        let study = workers.store().linked_study(study).await?.filter(|study| study.status.is_active());
        let Some(study) = study else { return Ok(Outcome::Done("no such study, or not open")) };
        if let Some(instead) = ProposalId::parse(what) {
            make(workers, &study, Candidates::Next(instead.next())).await?;
            return Ok(Outcome::Done("proposed"));
        }
        let most: usize = what.parse().map_err(|_| WorkError::Subject)?;
        let missing = most.saturating_sub(workers.store().count_proposed(study.id).await?);
        let made = match missing {
            0 => 0,
            _ => make(workers, &study, Candidates::Best(missing.min(SLICE))).await?,
        };
        Ok(if made < missing && made > 0 { Outcome::AgainAt(workers.now()) } else { Outcome::Done("proposed") })
    })
}

/// Proposes testers; how many it were.
async fn make(workers: &Workers, study: &Study, candidates: Candidates) -> Result<usize, WorkError> {
    let now = workers.now();
    let wanted = Wanted {
        targeting: &study.details.targeting,
        year: u32::try_from(now.year()).unwrap_or_default(),
        consent_version: &workers.settings().openscouter.consent_version,
    };
    Ok(workers.store().propose(study, &wanted, candidates, (false, now)).await?.made.len())
}

fn end<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let study = StudyId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let began = workers.now();
        let enough = || workers.now() - began >= MAX_TIME;
        let ended = workers.store().end_proposals(study, began, &enough).await?;
        Ok(if ended { Outcome::Done("ended") } else { Outcome::AgainAt(workers.now()) })
    })
}
