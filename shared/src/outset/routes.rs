//! The resources under `/v1/`: their paths, methods and descriptions (outset 7).

use serde::Serialize;

use super::study_id::{SegmentId, read};
use crate::model::StudyId;

/// What a path under `/v1/` names (outset 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `/v1/studies/`.
    List,
    /// `/v1/studies/{id}/`.
    Detail,
    /// `/v1/schema/`.
    Schema,
}

/// A path that names a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matched {
    /// The study that it names; `None` when the segment is no id: such a study is not found.
    pub(super) study: Option<StudyId>,
    /// Whether it ends in its slash.
    pub(super) slashed: bool,
}

/// What OPTIONS tells of a resource (outset 7.3).
#[derive(Debug, Serialize)]
pub(super) struct Description {
    name: &'static str,
    description: &'static str,
    renders: &'static [&'static str],
    parses: &'static [&'static str],
}

const JSON: &[&str] = &["application/json"];

impl Resource {
    /// Reads a path; `None` when it does not name this resource.
    pub(super) fn matches(self, path: &str) -> Option<Matched> {
        let (bare, slashed) = path.strip_suffix('/').map_or((path, false), |bare| (bare, true));
        let rest = bare.strip_prefix("/v1/")?;
        let study = match self {
            Self::List => (rest == "studies").then_some(None)?,
            Self::Schema => (rest == "schema").then_some(None)?,
            Self::Detail => {
                let segment = rest.strip_prefix("studies/").filter(|segment| !segment.contains('/'))?;
                match read(segment) {
                    SegmentId::Unrouted => return None,
                    SegmentId::NotFound => None,
                    SegmentId::Id(id) => Some(StudyId::from_uuid(id)),
                }
            }
        };
        Some(Matched { study, slashed })
    }

    /// The value of `Allow`.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::List | Self::Schema => "GET, HEAD, OPTIONS",
            Self::Detail => "GET, PATCH, HEAD, OPTIONS",
        }
    }

    /// The value of `Vary`: what an answer depends on beside its URL (outset 13.1).
    pub(super) const fn vary(self) -> &'static str {
        match self {
            Self::List | Self::Detail => "Accept, Authorization",
            Self::Schema => "Accept",
        }
    }

    /// The value of `Cache-Control` of an answer that is no refusal (outset 13.1).
    pub(super) const fn cache_control(self) -> &'static str {
        match self {
            Self::List | Self::Detail => "private, no-cache",
            Self::Schema => "public, max-age=300",
        }
    }

    /// What OPTIONS tells.
    pub(super) const fn description(self) -> Description {
        let (name, renders): (_, &[&str]) = match self {
            Self::List => ("Study List", JSON),
            Self::Detail => ("Study Instance", JSON),
            Self::Schema => (
                "Schema",
                &[
                    "application/vnd.oai.openapi",
                    "application/yaml",
                    "application/vnd.oai.openapi+json",
                    "application/json",
                ],
            ),
        };
        Description { name, description: "", renders, parses: JSON }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let all = [Resource::List, Resource::Detail, Resource::Schema];
        let found = |path: &str| all.into_iter().find_map(|resource| Some((resource, resource.matches(path)?)));
        let named = |resource, slashed| Some((resource, Matched { study: None, slashed }));
        assert_eq!(found("/v1/studies/"), named(Resource::List, true));
        assert_eq!(found("/v1/studies"), named(Resource::List, false));
        assert_eq!(found("/v1/schema/"), named(Resource::Schema, true));
        assert_eq!(found("/v1/studies/abc/"), named(Resource::Detail, true));
        let id = "0b5e7c1a-4d2f-4e8c-9a6b-000000000001";
        let (_, matched) = found(&format!("/v1/studies/{id}")).unwrap();
        assert_eq!((matched.study.unwrap().to_string(), matched.slashed), (id.to_owned(), false));
        for unrouted in
            ["/v1/", "/v1/studies//", "/v1/studies/a.json", "/v1/studies/a/b/", "/v1/Studies/", "//v1/schema/"]
        {
            assert_eq!(found(unrouted), None, "{unrouted}");
        }
    }
}
