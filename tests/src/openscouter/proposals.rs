//! Testers who fit, and proposals, for the tests of them.

use serde_json::{Value, json};
use shared::{model::User, store::SharedList};
use time::Duration;

use super::{ask, data, patch, team, team::Team, testers_follow, work};
use crate::Bench;

/// A tester who fits the studies of [`Team::study`].
pub async fn fitting(bench: &Bench, email: &str) -> (User, String) {
    let (user, credential) = team::tester(bench, email).await;
    let profile = json!({"country": "US", "birthYear": 1990, "devices": ["mobile"], "languages": ["en"]});
    assert_eq!(patch(bench, &credential, "/api/me/profile", &profile).await.status, 200);
    testers_follow(bench).await;
    (user, credential)
}

/// Lets the lists of proposals follow.
pub async fn proposals_follow(bench: &Bench) {
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let _aside = bench.faults.beside_functions();
    let _ = store.drain_left(SharedList::Proposals, clock, clock.now() + Duration::seconds(30)).await;
}

impl Team {
    /// A study that nobody was proposed for when it was launched, since nobody fitted.
    pub async fn open_study(&self, change: &Value) -> String {
        let study = self.study(change).await;
        work(&self.bench).await;
        study
    }

    /// The proposal of a study to a tester, who was told.
    pub async fn offered(&self, study: &str, tester: &User) -> String {
        let body = json!({"jobId": study, "testerIds": [tester.id.wire()], "send": true});
        let made = self.owner("POST", "/api/proposals", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let proposals = data(&made)["proposals"].clone();
        assert_eq!(proposals[0]["status"], "sent", "{}", made.body);
        proposals[0]["proposalId"].as_str().unwrap().to_owned()
    }

    /// What a tester answers.
    pub async fn answer(&self, credential: &str, proposal: &str, what: &str) -> crate::Answer {
        ask(&self.bench, credential, "POST", &format!("/api/proposals/{proposal}/{what}"), &Value::Null).await
    }
}
