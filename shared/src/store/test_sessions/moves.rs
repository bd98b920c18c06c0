//! How pending items name sessions whose lists are to follow them.

use std::collections::BTreeMap;

use crate::model::{TestSession, TestSessionId, TestStatus};

/// What a pending item says of a session that is new.
const BEGAN: &str = "new";

/// A session whose lists follow it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// The session.
    pub(super) id: TestSessionId,
    /// The states that it left since its lists followed it.
    pub(super) left: Vec<TestStatus>,
    /// Whether it began, so that its study is among its tester's from now on.
    pub(super) began: bool,
}

/// How a pending item names a session that moved on from `left`, or began.
pub(super) fn subject(id: TestSessionId, left: Option<TestStatus>) -> String {
    format!("{id}/{}", left.map_or(BEGAN, TestStatus::as_str))
}

/// The sessions that pending items name, each once. Of one that is named alone nothing is known.
pub(super) fn moves_of(subjects: &[String]) -> Vec<Moved> {
    let mut moves: BTreeMap<TestSessionId, Moved> = BTreeMap::new();
    for subject in subjects {
        let (id, told) = subject.split_once('/').map_or((subject.as_str(), None), |(id, told)| (id, Some(told)));
        let Some(id) = TestSessionId::parse(id) else { continue };
        let moved = moves.entry(id).or_insert_with(|| Moved { id, left: Vec::new(), began: false });
        match told {
            Some(BEGAN) => moved.began = true,
            Some(told) => moved.left.extend(TestStatus::parse(told)),
            None => (moved.left, moved.began) = (TestStatus::ALL.to_vec(), true),
        }
    }
    moves.into_values().collect()
}

/// The id of the pending change of its lists that a session's state makes.
pub(super) fn pending_id(session: &TestSession) -> String {
    format!("{}-{}", session.id, session.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_once_with_all_that_is_known_of_it() {
        let id = TestSessionId::from_uuid(uuid::Uuid::from_u128(7));
        let other = TestSessionId::from_uuid(uuid::Uuid::from_u128(8));
        let subjects = [
            subject(id, Some(TestStatus::Active)),
            subject(id, None),
            "nonsense".to_owned(),
            subject(id, Some(TestStatus::Paused)),
            other.to_string(),
        ];
        let left = vec![TestStatus::Active, TestStatus::Paused];
        let wanted =
            [Moved { id, left, began: true }, Moved { id: other, left: TestStatus::ALL.to_vec(), began: true }];
        assert_eq!(moves_of(&subjects), wanted);
    }
}
