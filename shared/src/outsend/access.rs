//! What an endpoint asks of its caller (outsend 4.4, 5.2).

use super::{limits::Policy, request_context::RequestContext};
use crate::model::Account;

/// What an endpoint asks of its caller (outsend 4.4).
#[derive(Clone, Copy, Debug)]
pub struct Access {
    pub(super) session_only: bool,
    pub(super) active: bool,
    pub(super) verified: Requirement,
    pub(super) policy: Option<Policy>,
}

/// When something is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Requirement {
    Never,
    Always,
    When(fn(&RequestContext) -> bool),
}

impl Requirement {
    pub(super) fn applies(self, cx: &RequestContext) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::When(rule) => rule(cx),
        }
    }
}

impl Access {
    /// Anyone with a session or a key, under the limit of their plan.
    pub const ANY: Self = Self { session_only: false, active: false, verified: Requirement::Never, policy: None };
    /// As [`Access::ANY`], but the account must be active.
    pub const ACTIVE: Self = Self { active: true, ..Self::ANY };
    /// As [`Access::ANY`], but no key is taken.
    pub const SESSION: Self = Self { session_only: true, ..Self::ANY };
    /// As [`Access::SESSION`], but the account must be active.
    pub const ACTIVE_SESSION: Self = Self { active: true, ..Self::SESSION };

    /// The same, but the e-mail address must be verified.
    #[must_use]
    pub const fn verified(self) -> Self {
        Self { verified: Requirement::Always, ..self }
    }

    /// The same, but the e-mail address must be verified for the requests that `rule` names.
    #[must_use]
    pub const fn verified_when(self, rule: fn(&RequestContext) -> bool) -> Self {
        Self { verified: Requirement::When(rule), ..self }
    }

    /// The same, under a rate policy of its own (outsend 5.2).
    #[must_use]
    pub const fn under(self, policy: Policy) -> Self {
        Self { policy: Some(policy), ..self }
    }
}

/// A caller who passed every check; only the authentication makes one.
#[derive(Debug)]
pub struct Caller {
    /// Who it is.
    pub account: Account,
}
