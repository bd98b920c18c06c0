//! What is to be done next about an organization's key.

use shared::{
    config::ExposeSecret as _,
    model::Plan,
    store::{OwnKey, Tenancy},
};
use time::{Duration, OffsetDateTime};

/// How long a key that is not named any more may still be by processes that remember it: a minute, and some time for requests
/// that are under way.
const QUIET: Duration = Duration::seconds(90);
/// How long the gateway may take to know a key that was put into a plan.
const SETTLING: Duration = Duration::seconds(60);

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// All is as it should be.
    Nothing,
    /// Its value is to be chosen.
    Begin(Plan),
    /// The control plane is to make it.
    Create,
    /// Its organization is to name it no longer.
    Hush,
    /// Until then it stays as it is.
    Wait(OffsetDateTime),
    /// It is to leave its plans.
    Leave(Plan),
    /// It is to go into these plans.
    Enter(Plan),
    /// Its organization is to name it.
    Name(Plan),
    /// The control plane is to remove it.
    Remove,
}

/// What is next, seen from the organization as it is, and from how far its key was brought. A key is named only while it is
/// in the plans of its organization's tier, and known there; what it is in is not touched as long as it may be named.
pub(crate) fn next(tenant: Option<&Tenancy>, key: Option<&OwnKey>, now: OffsetDateTime) -> Move {
    let Some(key) = key else { return tenant.map_or(Move::Nothing, |tenant| Move::Begin(tenant.plan)) };
    let quiet = |then: Move| match key.quiet_since {
        None => Move::Hush,
        Some(since) if now < since + QUIET => Move::Wait(since + QUIET),
        Some(_) => then,
    };
    let Some(tenant) = tenant.filter(|_| !key.retiring) else { return quiet(Move::Remove) };
    if key.id.is_none() {
        return Move::Create;
    }
    match (key.plan, key.ready_at) {
        (Some(plan), _) if plan != tenant.plan => quiet(Move::Leave(plan)),
        (Some(_), Some(_)) if is_named(tenant, key) => Move::Nothing,
        (Some(_), Some(ready)) if now < ready + SETTLING => Move::Wait(ready + SETTLING),
        (Some(_), Some(_)) => Move::Name(tenant.plan),
        (_, None) | (None, _) => Move::Enter(tenant.plan),
    }
}

fn is_named(tenant: &Tenancy, key: &OwnKey) -> bool {
    let named = tenant.key.as_ref().map(|named| named.expose_secret());
    key.quiet_since.is_none() && named == Some(key.value.expose_secret())
}

#[cfg(test)]
mod tests {
    use shared::model::OrganizationId;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn tenant(plan: Plan, key: Option<&str>) -> Tenancy {
        Tenancy { plan, key: key.map(Into::into), used_today: false }
    }

    fn key() -> OwnKey {
        OwnKey {
            organization: OrganizationId::at(NOW),
            value: "value".into(),
            id: Some("id".to_owned()),
            plan: Some(Plan::Free),
            ready_at: Some(NOW),
            quiet_since: None,
            retiring: false,
            made_at: NOW,
            version: 1,
        }
    }

    #[test]
    fn from_nothing_to_a_key_that_counts() {
        let free = tenant(Plan::Free, None);
        assert_eq!(next(Some(&free), None, NOW), Move::Begin(Plan::Free));
        let begun = OwnKey { id: None, plan: None, ready_at: None, quiet_since: Some(NOW), ..key() };
        assert_eq!(next(Some(&free), Some(&begun), NOW), Move::Create);
        let made = OwnKey { id: Some("id".to_owned()), ..begun };
        assert_eq!(next(Some(&free), Some(&made), NOW), Move::Enter(Plan::Free));
        let half_way = OwnKey { plan: Some(Plan::Free), ..made };
        assert_eq!(next(Some(&free), Some(&half_way), NOW), Move::Enter(Plan::Free));
        let ready = OwnKey { ready_at: Some(NOW), ..half_way };
        assert_eq!(next(Some(&free), Some(&ready), NOW), Move::Wait(NOW + SETTLING));
        assert_eq!(next(Some(&free), Some(&ready), NOW + SETTLING), Move::Name(Plan::Free));
        // it was said and did not become so
        let said = OwnKey { quiet_since: None, ..ready };
        assert_eq!(next(Some(&free), Some(&said), NOW + SETTLING), Move::Name(Plan::Free));
        assert_eq!(next(Some(&tenant(Plan::Free, Some("value"))), Some(&said), NOW), Move::Nothing);
    }

    #[test]
    fn what_may_be_named_is_left_alone_until_nobody_remembers_it() {
        let pro = tenant(Plan::Pro, Some("value"));
        assert_eq!(next(Some(&pro), Some(&key()), NOW), Move::Hush);
        let quiet = OwnKey { quiet_since: Some(NOW), ..key() };
        let pro = tenant(Plan::Pro, None);
        assert_eq!(next(Some(&pro), Some(&quiet), NOW), Move::Wait(NOW + QUIET));
        assert_eq!(next(Some(&pro), Some(&quiet), NOW + QUIET), Move::Leave(Plan::Free));
        let out = OwnKey { plan: None, ready_at: None, ..quiet.clone() };
        assert_eq!(next(Some(&pro), Some(&out), NOW + QUIET), Move::Enter(Plan::Pro));
        // a change that was taken back while it moved
        assert_eq!(next(Some(&tenant(Plan::Free, None)), Some(&quiet), NOW + QUIET), Move::Name(Plan::Free));
        for (tenant, retiring) in [(None, false), (Some(tenant(Plan::Free, Some("value"))), true)] {
            let named = OwnKey { retiring, ..key() };
            assert_eq!(next(tenant.as_ref(), Some(&named), NOW), Move::Hush);
            let quiet = OwnKey { quiet_since: Some(NOW), ..named };
            assert_eq!(next(tenant.as_ref(), Some(&quiet), NOW), Move::Wait(NOW + QUIET));
            assert_eq!(next(tenant.as_ref(), Some(&quiet), NOW + QUIET), Move::Remove);
        }
        assert_eq!(next(None, None, NOW), Move::Nothing);
    }
}
