//! How a study is kept: one item, which is all of an ordinary study. Long tasks stand beside it in parts that are named
//! by their text: a change that leaves the tasks alone writes the one item, and who reads while they are replaced finds
//! the parts that belong to the item, or none and reads again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    chunked::{PART, compress, decompress},
    item::{Condition, Item, Reader, delete},
};
use crate::{
    model::{Details, OrganizationId, Status, Study, StudyId, Task},
    secret::sha256_hex,
};

/// Bytes of tasks that stand in the study's own item; what they are longer is read only where they are shown.
const MAX_INLINE: usize = 16_384;

/// Tasks that stand beside their study.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LongTasks {
    digest: String,
    bytes: usize,
}

impl LongTasks {
    fn keys(&self, study: StudyId) -> Vec<(String, String)> {
        let parts = 0..self.bytes.div_ceil(PART);
        parts.map(|part| (study_pk(study), format!("TASKS#{}#{part:02}", self.digest))).collect()
    }
}

/// A study as its own item tells it: to be shown or filtered, never to be written back.
#[derive(Clone, Debug)]
pub struct ListedStudy {
    /// The study; of long tasks there is none here.
    pub study: Study,
    /// About how many bytes its tasks and details are as JSON; long tasks are none of them.
    pub size: usize,
    long: Option<LongTasks>,
}

impl ListedStudy {
    /// Whether the study has tasks that are too long to be here (openscouter 9.4).
    #[must_use]
    pub const fn lacks_tasks(&self) -> bool {
        self.long.is_some()
    }
}

pub(super) fn study_pk(id: StudyId) -> String {
    format!("STUDY#{id}")
}

pub(super) fn study_key(id: StudyId) -> (String, String) {
    (study_pk(id), "STUDY".to_owned())
}

fn tasks_text(study: &Study) -> String {
    serde_json::to_string(&study.tasks).unwrap_or_else(|_| "[]".to_owned())
}

/// The tasks of a study, if they are long, with their text.
fn long_tasks(study: &Study) -> Option<(LongTasks, String)> {
    let text = tasks_text(study);
    (text.len() > MAX_INLINE).then(|| {
        let digest = sha256_hex(text.as_bytes()).chars().take(32).collect();
        (LongTasks { digest, bytes: text.len() }, text)
    })
}

/// Bytes that a study's tasks take beside its item.
pub(super) fn bytes_beside(study: &Study) -> usize {
    long_tasks(study).map_or(0, |(long, _)| long.bytes)
}

/// A study's own item; of new tasks that are long, [`Store::task_members`] are written with it.
pub(super) fn study_item(study: &Study) -> Item {
    let item = Item::new(study_pk(study.id), "STUDY".to_owned())
        .text("id", study.id.to_string())
        .text("organization", study.organization.to_string())
        .text("name", &*study.name)
        .text("status", study.status.as_str())
        .optional_text("paused_from", study.paused_from.map(Status::as_str))
        .optional_text("completion_url", study.completion_url.as_deref())
        .optional_text("target_url", study.target_url.as_deref())
        .text("details", serde_json::to_string(&study.details).unwrap_or_else(|_| "{}".to_owned()))
        .time("created_at", study.created_at)
        .time("updated_at", study.updated_at)
        .number("version", study.version);
    match long_tasks(study) {
        None => item.text("tasks", tasks_text(study)),
        Some((long, _)) => item.text("tasks_digest", long.digest).number("tasks_bytes", long.bytes),
    }
}

/// Reads a study's own item.
pub(super) fn read_study(item: &Item) -> Result<ListedStudy, StoreError> {
    let reader = item.read("study");
    let long = match reader.optional_text("tasks_digest") {
        None => None,
        Some(digest) => Some(LongTasks { digest: digest.to_owned(), bytes: reader.number("tasks_bytes")? }),
    };
    let inline = |name| reader.optional_text(name).map_or(0, str::len);
    let size = inline("tasks") + inline("details");
    let study = Study {
        id: reader.parsed("id", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        name: reader.text("name")?.to_owned(),
        status: reader.parsed("status", Status::parse)?,
        paused_from: reader.optional_text("paused_from").and_then(Status::parse),
        completion_url: reader.optional_text("completion_url").map(str::to_owned),
        target_url: reader.optional_text("target_url").map(str::to_owned),
        tasks: if long.is_some() { Vec::new() } else { read_tasks(reader, reader.text("tasks")?)? },
        details: match reader.optional_text("details") {
            None => Details::default(),
            Some(_) => reader.parsed("details", |text| serde_json::from_str(text).ok())?,
        },
        created_at: reader.time("created_at")?,
        updated_at: reader.time("updated_at")?,
        version: reader.number("version")?,
    };
    Ok(ListedStudy { study, size, long })
}

fn read_tasks(reader: Reader<'_>, text: &str) -> Result<Vec<Task>, StoreError> {
    serde_json::from_str(text).map_err(|_| reader.malformed("tasks"))
}

/// The tasks that stand in these parts; `None` when one is not there any more.
fn joined(parts: &[Item], keys: &[(String, String)]) -> Result<Option<Vec<Task>>, StoreError> {
    let mut text = Vec::new();
    for (pk, sk) in keys {
        let found = |item: &&Item| item.pk() == pk && item.read("tasks").optional_text("sk") == Some(sk);
        let Some(part) = parts.iter().find(found) else { return Ok(None) };
        let reader = part.read("tasks");
        text.extend(decompress(reader.bytes("text")?).ok_or_else(|| reader.malformed("text"))?);
    }
    let item = Item::default();
    let text = String::from_utf8(text).map_err(|_| item.read("tasks").malformed("text"))?;
    read_tasks(item.read("tasks"), &text).map(Some)
}

impl Store {
    /// The members that bring the parts of `next`'s tasks and take away those of `before`'s, where they differ.
    pub(super) fn task_members(
        &self,
        before: Option<&Study>,
        next: &Study,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let known = before.and_then(long_tasks).map(|(long, _)| long);
        let wanted = long_tasks(next);
        let mut members = Vec::new();
        if known.as_ref() == wanted.as_ref().map(|(long, _)| long) {
            return Ok(members);
        }
        if let Some((long, text)) = wanted {
            for ((pk, sk), part) in long.keys(next.id).into_iter().zip(text.as_bytes().chunks(PART)) {
                members.push(Item::new(pk, sk).bytes("text", compress(part)?).put(&self.main, Condition::None)?);
            }
        }
        for (pk, sk) in known.iter().flat_map(|long| long.keys(next.id)) {
            members.push(delete(&self.main, pk, sk)?);
        }
        Ok(members)
    }

    /// One study of `organization`; another tenant's study is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn study(&self, organization: OrganizationId, id: StudyId) -> BoxFuture<'_, Result<Option<Study>, StoreError>> {
        Box::pin(async move { Ok(self.linked_study(id).await?.filter(|study| study.organization == organization)) })
    }

    /// The study that a participant's link names: the link is the permission (outset 14.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn linked_study(&self, id: StudyId) -> BoxFuture<'_, Result<Option<Study>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = study_key(id);
            for attempt in 0.. {
                let Some(item) = self.get(&self.main, pk.clone(), sk.clone()).await? else { return Ok(None) };
                if let Some(study) = self.with_tasks(read_study(&item)?).await? {
                    return Ok(Some(study));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// A study with its tasks, when they are still those that its item named.
    async fn with_tasks(&self, listed: ListedStudy) -> Result<Option<Study>, StoreError> {
        let ListedStudy { mut study, long, .. } = listed;
        if let Some(long) = long {
            let keys = long.keys(study.id);
            let parts = self.batch_get(keys.clone()).await?;
            let Some(tasks) = joined(&parts, &keys)? else { return Ok(None) };
            study.tasks = tasks;
        }
        Ok(Some(study))
    }

    /// A study with its tasks, as it is now if they were replaced meanwhile; `None` when it is gone.
    pub(super) async fn whole_study(&self, listed: ListedStudy) -> Result<Option<Study>, StoreError> {
        let id = listed.study.id;
        match self.with_tasks(listed).await? {
            None => self.linked_study(id).await,
            whole => Ok(whole),
        }
    }

    /// Studies with their tasks, in one read where any is needed; one that is gone is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn whole_studies(&self, listed: Vec<ListedStudy>) -> BoxFuture<'_, Result<Vec<Study>, StoreError>> {
        Box::pin(async move {
            let keys_of = |listed: &ListedStudy| listed.long.as_ref().map(|long| long.keys(listed.study.id));
            let mut parts: HashMap<String, Vec<Item>> = HashMap::new();
            for part in self.batch_get(listed.iter().filter_map(keys_of).flatten().collect()).await? {
                parts.entry(part.pk().to_owned()).or_default().push(part);
            }
            let mut studies = Vec::with_capacity(listed.len());
            for listed in listed {
                let Some(keys) = keys_of(&listed) else {
                    studies.push(listed.study);
                    continue;
                };
                let mut study = listed.study;
                let parts = parts.get(&study_pk(study.id)).map(Vec::as_slice).unwrap_or_default();
                if let Some(tasks) = joined(parts, &keys)? {
                    study.tasks = tasks;
                    studies.push(study);
                } else {
                    studies.extend(self.linked_study(study.id).await?);
                }
            }
            Ok(studies)
        })
    }
}
