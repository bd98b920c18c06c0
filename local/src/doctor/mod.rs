//! What is wrong with a laptop's system or a deployment, and what to do about it.

mod deployment;
mod directory;
mod laptop;

use serde::Serialize;

pub use deployment::Deployment;
pub use laptop::{Laptop, examine};

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// Something does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is to be taken.
    pub level: Level,
    /// What was looked at.
    pub what: &'static str,
    /// Where it is: a path, an address, a name.
    #[serde(rename = "where")]
    pub place: String,
    /// What was found; of a problem, its cause.
    pub found: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(what: &'static str, place: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, what, place: place.into(), found: found.into(), remedy: None }
    }

    /// Something that works, or will not for long.
    pub(crate) fn warning(
        what: &'static str,
        place: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (place, found, remedy) = (place.into(), found.into(), Some(remedy.into()));
        Self { level: Level::Warning, what, place, found, remedy }
    }

    /// Something that does not work.
    pub(crate) fn problem(
        what: &'static str,
        place: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Problem, ..Self::warning(what, place, found, remedy) }
    }
}
