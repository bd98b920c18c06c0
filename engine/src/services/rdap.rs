//! Whether a domain is about to be given up by its registry (outsend 12.7; RFC 9082, 9083).

use std::time::Duration;

use serde_json::Value;

use super::client::{Client, Pace};
use crate::{Means, ahead::Stop, module::Fault};

/// A request a second: what public bootstrap services allow. Nobody waits for a slow registry: the rule is passed over.
const PACE: Pace =
    Pace { gap: Duration::from_secs(1), request: Duration::from_secs(4), row: Duration::from_secs(5), at_once: 1 };
/// States of a domain that its owner has let go (RFC 8056).
const LAPSING: [&str; 2] = ["redemption period", "pending delete"];

/// What asks registries.
pub(crate) struct Registries(Client);

impl Registries {
    /// What asks the service at `base`.
    pub(crate) fn new(means: &Means, base: &str) -> Result<Self, Fault> {
        Client::new(means, base, PACE).map(Self)
    }

    /// Whether a domain is in redemption or about to be deleted, and how many requests it took to know; `None` when the
    /// run is closing. What the registry does not tell is not so.
    pub(crate) async fn lapses(&self, domain: &str) -> Result<Option<(bool, u64)>, Fault> {
        let mut errand = self.0.errand();
        let lapses = match errand.get(&self.0.url(&format!("domain/{domain}"), &[])).await {
            Ok(answer) => is_lapsing(&answer),
            Err(Stop::Missed(_)) => false,
            Err(Stop::PutBack) => return Ok(None),
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        Ok(Some((lapses, errand.requests)))
    }

    /// No row is begun from now on.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Gives the service back.
    pub(crate) async fn rest(&self) -> Result<(), Fault> {
        self.0.rest().await
    }
}

fn is_lapsing(answer: &Value) -> bool {
    let states = answer.get("status").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    states.iter().filter_map(Value::as_str).any(|state| LAPSING.contains(&state.trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::services::{
        Services,
        testing::{Desk, json as answer, means, status},
    };

    #[tokio::test(start_paused = true)]
    async fn states_are_read_and_what_is_not_told_is_not_so() {
        let desk = Arc::new(Desk::default());
        let domain = |states: &Value| answer(&json!({"objectClassName": "domain", "ldhName": "x", "status": states}));
        desk.put("/rdap/domain/gone.fr", vec![domain(&json!(["inactive", "Redemption Period"]))]);
        desk.put("/rdap/domain/soon.fr", vec![status(429, Some("2")), domain(&json!(["pending delete"]))]);
        desk.put("/rdap/domain/here.fr", vec![domain(&json!(["active", 7]))]);
        desk.put("/rdap/domain/odd.fr", vec![answer(&json!([]))]);
        desk.put("/rdap/domain/busy.fr", vec![status(503, None)]);
        let registries = Registries::new(&means(&desk, Services::default()), "https://registries.test/rdap/").unwrap();
        for (domain, expected) in [
            ("gone.fr", (true, 1)),
            ("soon.fr", (true, 2)),
            ("here.fr", (false, 1)),
            ("odd.fr", (false, 1)),
            ("none.fr", (false, 1)),
            ("busy.fr", (false, 3)),
        ] {
            assert_eq!(registries.lapses(domain).await, Ok(Some(expected)), "{domain}");
        }
        assert!(desk.times().windows(2).all(|pair| pair[1] - pair[0] >= PACE.gap));
        registries.close();
        assert_eq!(registries.lapses("here.fr").await, Ok(None));
    }
}
