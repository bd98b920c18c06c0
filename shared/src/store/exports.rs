//! Personal exports (openscouter 18): made in slices by work, each slice a run of parts that the export names once
//! the slice is done, so that a worker who died or was overtaken leaves nothing behind that anybody reads.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    chunked::{PART, compress, decompress},
    client::Written,
    item::{Condition, Item, check_version, delete},
    retry::MAX_ATTEMPTS,
    test_sessions::assignment_key,
    testers::counts_key,
    user_items::user_pk,
};
use crate::model::{AuditEntry, ExportId, StudyId, TestSessionId, UserId, WorkItem, WorkKind};

/// How long an export can be fetched, and how long it is told that one failed (openscouter 5.3).
const KEPT: Duration = Duration::days(7);
/// How long it is told that one has expired, whether the store has removed it or not.
const TOLD: Duration = Duration::days(7);
/// How much longer its parts stay, since they are written before it is complete.
const MARGIN: Duration = Duration::days(1);
/// The item that says that one is being made.
const MARK: &str = "EXPORTING";

/// Where an export stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// Asked for.
    Queued,
    /// Can be fetched.
    Complete,
    /// Could not be made.
    Failed,
}

impl ExportState {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Complete, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}

/// Parts that were written in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Names the parts.
    pub id: String,
    /// How many they are.
    pub parts: u32,
}

impl Run {
    /// A new one, without parts.
    #[must_use]
    pub fn begin() -> Self {
        Self { id: Uuid::new_v4().simple().to_string(), parts: 0 }
    }
}

/// A personal export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Id.
    pub id: ExportId,
    /// Whose it is.
    pub user: UserId,
    /// Where it stands.
    pub state: ExportState,
    /// When it cannot be fetched any more.
    pub expires_at: Option<OffsetDateTime>,
    /// What it consists of, in order.
    pub runs: Vec<Run>,
    /// The last test session that is in it already.
    pub done: Option<TestSessionId>,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl Export {
    /// One that was just asked for.
    #[must_use]
    pub const fn queued(id: ExportId, user: UserId) -> Self {
        Self { id, user, state: ExportState::Queued, expires_at: None, runs: Vec::new(), done: None, version: 1 }
    }

    /// The export after a run up to test session `done`; complete at `now`, when that was the last one.
    #[must_use]
    pub fn with_run(&self, run: Run, done: Option<TestSessionId>, completed: Option<OffsetDateTime>) -> Self {
        let mut next = Self { done, version: self.version + 1, ..self.clone() };
        next.runs.push(run);
        if let Some(now) = completed {
            next.state = ExportState::Complete;
            next.expires_at = Some(now + KEPT);
        }
        next
    }
}

fn export_key(user: UserId, id: ExportId) -> (String, String) {
    (user_pk(user), format!("EXPORT#{id}"))
}

fn part_key(export: &Export, run: &str, part: u32) -> (String, String) {
    (user_pk(export.user), format!("EXPORT#{}#{run}#{part:06}", export.id))
}

fn export_item(export: &Export, gone_at: Option<OffsetDateTime>) -> Item {
    let (pk, sk) = export_key(export.user, export.id);
    let item = Item::new(pk, sk)
        .text("id", export.id.to_string())
        .text("user", export.user.to_string())
        .text("state", export.state.as_str())
        .text("runs", serde_json::to_string(&export.runs).unwrap_or_else(|_| "[]".to_owned()))
        .optional_text("done", export.done.map(|session| session.to_string()).as_deref())
        .number("version", export.version)
        .optional_time("expires_at", export.expires_at);
    match gone_at {
        Some(end) => item.number("ttl", end.unix_timestamp()),
        None => item,
    }
}

fn read_export(item: &Item) -> Result<Export, StoreError> {
    let reader = item.read("export");
    Ok(Export {
        id: reader.parsed("id", ExportId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        state: reader.parsed("state", ExportState::parse)?,
        expires_at: reader.optional_time("expires_at")?,
        runs: reader.parsed("runs", |text| serde_json::from_str(text).ok())?,
        done: reader.optional_text("done").and_then(TestSessionId::parse),
        version: reader.number("version")?,
    })
}

/// The text in pieces that an item can hold, compressed; nearly always it is one.
fn pieces(text: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
    let bytes = compress(text)?;
    if bytes.len() <= PART || text.len() < 2 {
        return Ok(vec![bytes]);
    }
    let (left, right) = text.split_at(text.len() / 2);
    let mut all = pieces(left)?;
    all.extend(pieces(right)?);
    Ok(all)
}

impl Store {
    /// Queues an export; the one that is queued already, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue_export<'a>(
        &'a self,
        export: &'a Export,
        audit: &'a AuditEntry,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Export>, StoreError>> {
        Box::pin(async move {
            // one at a time: the mark goes when the export is made, or given up
            let mark = (user_pk(export.user), MARK.to_owned());
            for attempt in 0..MAX_ATTEMPTS {
                let work = WorkItem {
                    id: format!("export-{}", export.id),
                    kind: WorkKind::Export,
                    subject: format!("{} {}", export.user, export.id),
                    attempt: 0,
                };
                let item = Item::new(mark.0.clone(), mark.1.clone()).text("export", export.id.to_string());
                let mut members = vec![
                    item.put(&self.main, Condition::Absent)?,
                    export_item(export, None).put(&self.main, Condition::Absent)?,
                    self.work_member(&work, now)?,
                ];
                members.extend(self.audit_members(audit)?);
                match self.transact(members).await? {
                    Written::Done => return Ok(None),
                    Written::Refused(failed) if failed.contains(&0) => {
                        let Some(item) = self.get(&self.main, mark.0.clone(), mark.1.clone()).await? else { continue };
                        let id = item.read("export mark").parsed("export", ExportId::parse)?;
                        // the first answer to this very write can have been lost
                        if id == export.id {
                            return Ok(None);
                        }
                        return self.export(export.user, id).await;
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// An export of a user.
    ///
    /// # Errors
    /// When the store fails.
    pub fn export(&self, user: UserId, id: ExportId) -> BoxFuture<'_, Result<Option<Export>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = export_key(user, id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_export).transpose()
        })
    }

    /// Adds `text` to a run of an export that is still as it was read; `Ok(false)` when it is not, because somebody
    /// else came further or the account is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_export_parts<'a>(
        &'a self,
        export: &'a Export,
        run: &'a mut Run,
        text: &'a [u8],
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for bytes in pieces(text)? {
                let (pk, sk) = part_key(export, &run.id, run.parts);
                let end = now + KEPT + MARGIN;
                let item = Item::new(pk, sk).bytes("part", bytes).number("ttl", end.unix_timestamp());
                let (pk, sk) = export_key(export.user, export.id);
                let members =
                    vec![item.put(&self.main, Condition::None)?, check_version(&self.main, pk, sk, export.version)?];
                for attempt in 0.. {
                    match self.transact(members.clone()).await? {
                        Written::Done => break,
                        Written::Refused(failed) if !failed.is_empty() => return Ok(false),
                        Written::Refused(_) => after_lost_race(attempt).await?,
                    }
                }
                run.parts += 1;
            }
            Ok(true)
        })
    }

    /// Writes an export over the version before; with its end, the next one may be asked for. What somebody else
    /// wrote meanwhile stays.
    ///
    /// # Errors
    /// When the store fails.
    pub fn advance_export<'a>(&'a self, next: &'a Export) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.write_export(next, next.expires_at.map(|end| end + TOLD)).await })
    }

    async fn write_export(&self, next: &Export, gone_at: Option<OffsetDateTime>) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let item = export_item(next, gone_at);
            let mut members = vec![item.put(&self.main, Condition::Version(next.version - 1))?];
            if next.state != ExportState::Queued {
                members.push(delete(&self.main, user_pk(next.user), MARK.to_owned())?);
            }
            match self.transact(members).await? {
                Written::Done => return Ok(()),
                // somebody else came further, or the account is gone, or the first answer was lost
                Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Gives an export up that is still queued, so that the next one may be asked for; one that ended stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fail_export(
        &self,
        user: UserId,
        id: ExportId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let export = self.export(user, id).await?.filter(|export| export.state == ExportState::Queued);
                let Some(export) = export else { return Ok(()) };
                let failed = Export { state: ExportState::Failed, version: export.version + 1, ..export };
                self.write_export(&failed, Some(now + KEPT)).await?;
                // the write may have met somebody else's: then it is looked at again
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// A part of an export; `None` when it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn export_part<'a>(
        &'a self,
        export: &'a Export,
        run: &'a Run,
        part: u32,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = part_key(export, &run.id, part);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
            let reader = item.read("export part");
            decompress(reader.bytes("part")?).map(Some).ok_or_else(|| reader.malformed("part"))
        })
    }

    /// The sum and the number of the ratings that business users gave a tester.
    ///
    /// # Errors
    /// When the store fails.
    pub fn ratings(&self, tester: UserId) -> BoxFuture<'_, Result<(u64, u64), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = counts_key(tester);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok((0, 0)) };
            let reader = item.read("counts");
            Ok((reader.count("sum")?, reader.count("count")?))
        })
    }

    /// The studies that a tester accepted, and when, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn assignments(&self, tester: UserId) -> BoxFuture<'_, Result<Vec<(StudyId, OffsetDateTime)>, StoreError>> {
        Box::pin(async move {
            let names = self.query(user_pk(tester), "ASSIGNED#").await?;
            let study =
                |item: &Item| item.read("assignment").parsed("sk", |sk| StudyId::parse(sk.strip_prefix("ASSIGNED#")?));
            let studies = names.iter().map(study).collect::<Result<Vec<_>, _>>()?;
            let items = self.batch_get(studies.iter().map(|study| assignment_key(*study, tester)).collect()).await?;
            let assignment = |item: Item| {
                let study = item.pk().strip_prefix("STUDY#").and_then(StudyId::parse);
                let reader = item.read("assignment");
                Ok((study.ok_or_else(|| reader.malformed("pk"))?, reader.time("accepted_at")?))
            };
            items.into_iter().map(assignment).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_fit_an_item_and_come_back() {
        let mut text = vec![0; 1_500_000];
        getrandom::fill(&mut text).unwrap();
        let pieces = pieces(&text).unwrap();
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.len() <= PART));
        let back: Vec<u8> = pieces.iter().flat_map(|piece| decompress(piece).unwrap()).collect();
        assert!(back == text);
        assert_eq!(super::pieces(b"x").unwrap().len(), 1);
    }
}
