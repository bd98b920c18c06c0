//! The schema that the tables' items have, and the steps from each version to the next. They are run by whoever starts a
//! laptop's system, and on a deployment by `outscout migrate --cloud`; no request waits for them.
//!
//! A new form of items is a step at the end of [`STEPS`], and nothing else: the version follows from their number. A step
//! that was published is never changed or taken out.

use std::path::PathBuf;

use shared::{BoxFuture, context::Context, store::StoreError};

/// What tables have that do not say, as those from before the first version that did.
const FIRST: u64 = 1;

/// The steps, in order; the first one leads from version 1 to 2.
pub const STEPS: &[Step] = &[];

/// Rewrites some items; what it is given and gives back is where a step goes on.
pub type Part = fn(&Context, Option<String>) -> BoxFuture<'_, Result<Progress, StoreError>>;

/// A step from one version to the next.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it does to the items, in a few words.
    pub name: &'static str,
    /// Rewrites some items, from where the last part ended. A part may be run twice, also after later ones began on
    /// another machine: its writes are conditional, and on what it finds done it changes nothing.
    pub part: Part,
}

/// What a part of a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do, from here.
    More(String),
    /// The step is done.
    Done,
}

/// How the tables' schema stands to what this program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is nothing in the tables yet.
    Empty,
    /// They have the program's version.
    Current,
    /// They have this version, and there are steps to do.
    Older(u64),
    /// They have this version, which the program does not know.
    Newer(u64),
}

/// Why the tables are not worked on.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A newer program made them.
    #[error(
        "the tables have schema {0}, made by a newer outscout; this one, {program}, works with {known}: update the \
         program, or restore a copy from before (outscout restore)",
        program = env!("CARGO_PKG_VERSION"), known = version(STEPS)
    )]
    Newer(u64),
    /// An older program made them, and nobody has moved them on.
    #[error(
        "the tables have schema {0}, and this outscout works with {known}: outscout migrate moves them on, and outscout \
         serve does so when it starts",
        known = version(STEPS)
    )]
    Older(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no copy of what would be changed.
    #[error("no copy was made before the tables' schema is changed, so it was not: {0}")]
    Backup(Box<dyn std::error::Error + Send + Sync>),
}

/// Copies what is going to be changed from a version on, and says where the copy is.
pub type Copy<'a> = &'a (dyn Fn(u64) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> + Send + Sync);

/// What was done to tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version that they had.
    pub from: u64,
    /// The version that they have.
    pub to: u64,
    /// The copy that was made before.
    pub backup: Option<PathBuf>,
}

/// The version that the steps lead to.
#[must_use]
pub const fn version(steps: &[Step]) -> u64 {
    FIRST + steps.len() as u64
}

/// How a version that tables name stands to what `steps` lead to.
#[must_use]
pub fn compare(found: Option<u64>, steps: &[Step]) -> State {
    match found.unwrap_or(FIRST) {
        found if found > version(steps) => State::Newer(found),
        found if found < version(steps) => State::Older(found),
        _ => State::Current,
    }
}

/// How the tables' schema stands.
///
/// # Errors
/// When the store fails.
pub async fn state(context: &Context, steps: &[Step]) -> Result<State, StoreError> {
    match context.store().schema().await? {
        None if context.store().is_empty().await? => Ok(State::Empty),
        found => Ok(compare(found.map(|schema| schema.version), steps)),
    }
}

/// Whether the tables can be worked on as they are.
///
/// # Errors
/// When they are of another version, and when the store fails.
pub async fn check(context: &Context) -> Result<(), MigrationError> {
    match state(context, STEPS).await? {
        State::Empty | State::Current => Ok(()),
        State::Older(found) => Err(MigrationError::Older(found)),
        State::Newer(found) => Err(MigrationError::Newer(found)),
    }
}

/// Brings the tables to what `steps` lead to, and writes down what they have. Before items are changed, `copy` is called.
///
/// # Errors
/// When a newer program made them, there is no copy, or the store fails; what was done so far is gone on from next time.
pub async fn migrate(context: &Context, steps: &[Step], copy: Option<Copy<'_>>) -> Result<Migrated, MigrationError> {
    let (from, mut backup) = match state(context, steps).await? {
        State::Newer(found) => return Err(MigrationError::Newer(found)),
        State::Older(found) => (found, None),
        // what stands in an empty table needs no step
        State::Empty => {
            context.store().set_schema(None, version(steps), None).await?;
            return Ok(Migrated { from: version(steps), to: version(steps), backup: None });
        }
        State::Current => (version(steps), None),
    };
    if from < version(steps)
        && let Some(copy) = copy
    {
        backup = Some(copy(from).map_err(MigrationError::Backup)?);
    }
    loop {
        let schema = context.store().schema().await?;
        let found = schema.as_ref().map_or(FIRST, |schema| schema.version);
        let reached = usize::try_from(found - FIRST).ok().and_then(|done| steps.get(done));
        let Some(step) = reached else {
            if found > version(steps) {
                return Err(MigrationError::Newer(found));
            }
            if schema.is_some() || context.store().set_schema(None, found, None).await?.is_some() {
                return Ok(Migrated { from, to: found, backup });
            }
            continue;
        };
        let cursor = schema.as_ref().and_then(|schema| schema.cursor.clone());
        if cursor.is_none() {
            tracing::info!(from = found, to = found + 1, step = step.name, "schema step begun");
        }
        let (next, cursor) = match (step.part)(context, cursor).await? {
            Progress::More(cursor) => (found, Some(cursor)),
            Progress::Done => (found + 1, None),
        };
        // who was faster has written where to go on
        context.store().set_schema(schema.as_ref(), next, cursor).await?;
    }
}

#[cfg(test)]
mod tests;
