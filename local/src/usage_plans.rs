//! Usage plans as API Gateway keeps them: each key of a plan has a bucket of tokens by itself. A request takes one, and they
//! come back at the plan's rate.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::{config::OutsetLimits, model::Plan};

use crate::template::{Api, Throttle};

/// A key that is throttled is told of in the log this often, in milliseconds.
const TOLD_EVERY_MS: i64 = 1_000;

/// The usage plans of one API, with their keys; clones share them.
#[derive(Clone)]
pub struct UsagePlans(Arc<Inner>);

struct Inner {
    api: String,
    plans: HashMap<String, Throttle>,
    keys: Mutex<HashMap<String, Key>>,
}

/// A key of a plan.
struct Key {
    /// What the log calls it: the value is nobody's business.
    name: String,
    /// Its plan.
    plan: String,
    /// `None` means that nothing is throttled.
    throttle: Option<Throttle>,
    tokens: f64,
    filled_at: i64,
    told_at: i64,
}

/// What the plans say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// The key's bucket is empty.
    Throttled,
    /// No plan has such a key.
    Unknown,
}

impl fmt::Debug for UsagePlans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UsagePlans").field("api", &self.0.api).finish_non_exhaustive()
    }
}

/// The plan of organizations with a key of their own.
const fn plan_of(tier: Plan) -> &'static str {
    match tier {
        Plan::Free => "FreePlan",
        Plan::Pro => "ProPlan",
    }
}

impl UsagePlans {
    /// The plans of an API and its pool keys, whose values end with `deployment`. Where Outset's limits are switched off, so are
    /// its plans of the tier.
    #[must_use]
    pub fn new(api: &Api, deployment: &str, limits: OutsetLimits) -> Self {
        let mut plans: HashMap<_, _> = api.plans.clone().into_iter().collect();
        if api.name == "outset" {
            let off = [("Free", limits.free), ("Pro", limits.pro), ("Anonymous", limits.anonymous)];
            let off: Vec<_> = off.iter().filter(|(_, limit)| *limit == 0).map(|(tier, _)| *tier).collect();
            plans.retain(|plan, _| !off.iter().any(|tier| plan.starts_with(tier)));
        }
        let new = Self(Arc::new(Inner { api: api.name.clone(), plans, keys: Mutex::default() }));
        for (value, plan) in &api.pool_keys {
            let value = value.replace("${GatewayKeys}", deployment);
            let name = value.trim_end_matches(deployment).trim_end_matches('-').to_owned();
            new.add(value, plan, format!("pool key {name}"));
        }
        new
    }

    /// Makes `value` a key of an organization's own, in the plan of its tier.
    pub fn add_own(&self, value: &str, tier: Plan, organization: &str) {
        self.add(value.to_owned(), plan_of(tier), format!("organization {organization}"));
    }

    /// The name of a plan that the control plane calls so; `None` when it is none of these.
    pub(crate) fn plan_named(&self, id: &str) -> Option<&str> {
        let plan = id.strip_prefix(&self.0.api)?.strip_prefix('-')?;
        [plan_of(Plan::Free), plan_of(Plan::Pro)].into_iter().find(|known| *known == plan)
    }

    /// The plan that a key is in.
    #[must_use]
    pub fn plan_of_key(&self, value: &str) -> Option<String> {
        self.keys().get(value).map(|key| key.plan.clone())
    }

    /// Puts a key into a plan.
    pub(crate) fn enter(&self, value: &str, plan: &str, name: &str) {
        self.add(value.to_owned(), plan, name.to_owned());
    }

    /// Takes a key out of its plan.
    pub(crate) fn leave(&self, value: &str) {
        self.keys().remove(value);
    }

    fn add(&self, value: String, plan: &str, name: String) {
        let throttle = self.0.plans.get(plan).copied();
        let tokens = throttle.map_or(0.0, |throttle| throttle.burst);
        self.keys().insert(
            value,
            Key { name, plan: plan.to_owned(), throttle, tokens, filled_at: i64::MIN, told_at: i64::MIN },
        );
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token of a key at a time in milliseconds.
    pub(crate) fn take(&self, value: &str, now: i64) -> Verdict {
        let mut keys = self.keys();
        let Some(key) = keys.get_mut(value) else { return Verdict::Unknown };
        if key.take(now) {
            return Verdict::Passed;
        }
        if now.saturating_sub(key.told_at) >= TOLD_EVERY_MS {
            key.told_at = now;
            tracing::warn!(api = self.0.api, who = key.name, "throttled by the usage plan");
        }
        Verdict::Throttled
    }
}

impl Key {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds between two requests")]
    fn take(&mut self, now: i64) -> bool {
        let Some(throttle) = self.throttle else { return true };
        let passed = now.saturating_sub(self.filled_at).max(0) as f64 / 1_000.0;
        self.tokens = passed.mul_add(throttle.rate, self.tokens).min(throttle.burst);
        self.filled_at = now.max(self.filled_at);
        let has = self.tokens >= 1.0;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Templates;

    const LIMITS: OutsetLimits = OutsetLimits { free: 120, pro: 600, anonymous: 30 };

    fn passed(plans: &UsagePlans, key: &str, now: i64, requests: usize) -> usize {
        (0..requests).filter(|_| plans.take(key, now) == Verdict::Passed).count()
    }

    #[test]
    fn a_bucket_is_a_key_s_own_and_fills_at_the_plan_s_rate() {
        let plans = UsagePlans::new(&Templates::embedded().unwrap().outset, "local", LIMITS);
        plans.add_own("one", Plan::Free, "a");
        plans.add_own("two", Plan::Free, "b");
        assert_eq!(passed(&plans, "one", 0, 1_000), 480);
        assert_eq!(passed(&plans, "one", 999, 100), 7);
        assert_eq!(passed(&plans, "one", 10_000, 1_000), 73);
        assert_eq!(passed(&plans, "one", 5_000, 1_000), 0, "a clock that went back fills nothing");
        assert_eq!(passed(&plans, "two", 10_000, 1_000), 480);
        assert_eq!(passed(&plans, "one", 10_000_000, 1_000), 480, "a bucket holds the burst and no more");
        assert_eq!(passed(&plans, "outset-anonymous-7-local", 0, 1_000), 200);
        assert_eq!(plans.take("outset-anonymous-8-local", 0), Verdict::Unknown);
    }

    #[test]
    fn where_a_limit_is_off_the_tier_s_plans_are_off() {
        let off = OutsetLimits { free: 0, ..LIMITS };
        let templates = Templates::embedded().unwrap();
        let (outset, outsend) = (&templates.outset, &templates.outsend);
        let plans = [outset, outsend].map(|api| UsagePlans::new(api, "local", off));
        assert_eq!(passed(&plans[0], "outset-free-0-local", 0, 10_000), 10_000);
        assert_eq!(passed(&plans[0], "outset-pro-0-local", 0, 10_000), 4_000);
        assert_eq!(passed(&plans[1], "outsend-free-0-local", 0, 10_000), 800);
    }
}
