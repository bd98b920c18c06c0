//! How pending items name payouts whose lists are to follow them.

use std::collections::BTreeMap;

use crate::model::{PayoutId, PayoutStatus};

/// What a pending item says of a payout that is new.
const NEW: &str = "new";

/// How a pending item names a payout that moved on from `left`, or is new.
pub(super) fn subject(id: PayoutId, left: Option<PayoutStatus>) -> String {
    format!("{id}/{}", left.map_or(NEW, PayoutStatus::as_str))
}

/// The payouts that pending items name, each once, with the states that they left.
pub(super) fn moves_of(subjects: &[String]) -> BTreeMap<PayoutId, Vec<PayoutStatus>> {
    let mut moves: BTreeMap<PayoutId, Vec<PayoutStatus>> = BTreeMap::new();
    for subject in subjects {
        let Some((id, left)) = subject.split_once('/') else { continue };
        let Some(id) = PayoutId::parse(id) else { continue };
        moves.entry(id).or_default().extend(PayoutStatus::parse(left));
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payout_is_named_once_with_all_that_it_left() {
        let id = PayoutId::generate();
        let subjects = [
            subject(id, None),
            subject(id, Some(PayoutStatus::Pending)),
            "nonsense".to_owned(),
            subject(id, Some(PayoutStatus::Processing)),
        ];
        let left = vec![PayoutStatus::Pending, PayoutStatus::Processing];
        assert_eq!(moves_of(&subjects), BTreeMap::from([(id, left)]));
    }
}
