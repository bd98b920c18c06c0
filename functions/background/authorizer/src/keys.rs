//! Gateway keys. The pool keys are resources of the APIs' templates, whose values end as the deployment says.

use std::hash::{DefaultHasher, Hash, Hasher};

use shared::config::ExposeSecret as _;

use crate::{
    event::Api,
    label::{Label, Tier},
};

/// How many pool keys a tier has in each template.
const fn pool_size(tier: Tier) -> u64 {
    match tier {
        Tier::Free | Tier::Pro => 4,
        Tier::Anonymous => 8,
    }
}

/// The value of the key that a request with this label counts for.
pub(crate) fn value(api: Api, label: &Label, deployment: &str) -> String {
    match label {
        Label::Own(_, key) => key.expose_secret().to_owned(),
        Label::Pool(tier, who) => {
            let mut hasher = DefaultHasher::new();
            who.hash(&mut hasher);
            let number = hasher.finish() % pool_size(*tier);
            format!("{api}-{}-{number}-{deployment}", tier.name())
        }
    }
}
