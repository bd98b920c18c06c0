//! Studies that are paid for, testers who are paid, and what Stripe tells of it (openscouter 16).

use ring::hmac;
use serde_json::{Value, json};
use shared::model::{Payment, Status, User};

use super::{
    data, send,
    stripe::{SECRET, Stripe},
    studies::{moved, paid},
    team::{Team, tester},
    work,
};
use crate::{Answer, Bench};

/// A team over a bench whose Stripe is a stub; the owner's organization pays.
#[derive(Debug)]
pub struct Billing {
    /// The team.
    pub team: Team,
    /// Stripe.
    pub stripe: Stripe,
}

/// An event as Stripe sends it.
#[must_use]
pub fn event(id: &str, kind: &str, created: i64, object: &Value) -> Value {
    json!({"id": id, "object": "event", "api_version": "2022-11-15", "created": created, "livemode": false,
        "pending_webhooks": 1, "type": kind, "data": {"object": object}})
}

/// The header that signs a body at a time.
#[must_use]
pub fn signed(body: &str, secret: &str, at: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

impl Billing {
    /// The team; what new organizations pay is up to their operator.
    pub async fn start() -> Self {
        let (stripe, variables) = Stripe::start().await;
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self { team: Team::over(Bench::with(&variables).await.unwrap()).await, stripe }
    }

    /// From now on the owner's organization pays.
    pub async fn paying(self) -> Self {
        let owner = super::user(&self.team.bench, "dana@example.com").await;
        let path = format!("/api/admin/organizations/{}", owner.organization.wire());
        let changed = self.team.admin("PATCH", &path, &json!({"billingExempt": false})).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        self
    }

    /// Sends an event as Stripe does.
    pub async fn tell(&self, event: &Value) -> Answer {
        tell(&self.team.bench, event).await
    }

    /// Makes the tester's account at Stripe; its id.
    pub async fn connect(&self, credential: &str) -> String {
        let made = super::ask(&self.team.bench, credential, "POST", "/api/billing/connect", &json!({})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["accountId"].as_str().unwrap().to_owned()
    }

    /// Says whether an account takes payouts.
    pub async fn enable(&self, account: &str, enabled: bool, created: i64) {
        let object =
            json!({"id": account, "object": "account", "payouts_enabled": enabled, "charges_enabled": enabled});
        let id = format!("evt_{account}_{created}_{enabled}");
        let told = self.tell(&event(&id, "account.updated", created, &object)).await;
        assert_eq!((told.status, told.json()), (200, json!({"received": true})));
    }

    /// A study that is over, with as many confirmed sessions as there are testers: its id and the sessions'.
    pub async fn over(&self, testers: &[(&User, &str)], change: &Value) -> (String, Vec<String>) {
        let mut body = json!({"targeting": {"countries": ["US"], "testerCount": testers.len() + 1}});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let study = self.team.study(&body).await;
        self.team.approve(&study).await;
        let mut sessions = Vec::new();
        for tester in testers {
            sessions.push(self.team.confirmed(&study, *tester, "#pay").await);
        }
        moved(&self.team, &format!("/api/jobs/{study}"), Status::Completed).await;
        (study, sessions)
    }

    /// A study that the team's tester finished, and whose payout was asked for: study, session, payout.
    pub async fn paid_out(&self) -> (String, String, Value) {
        let (study, sessions) = self.over(&[(&self.team.user, &self.team.tester)], &json!({})).await;
        let made = self.pay(&study).await;
        assert_eq!(made.status, 201, "{}", made.body);
        (study, sessions[0].clone(), data(&made)["payouts"][0].clone())
    }

    /// The owner asks for a study's payouts.
    pub async fn pay(&self, study: &str) -> Answer {
        self.team.owner("POST", "/api/billing/payout", &json!({"jobId": study})).await
    }

    /// A study's payment, behind the API's back.
    pub async fn payment(&self, study: &str, payment: Payment) {
        paid(&self.team, &format!("/api/jobs/{study}"), payment).await;
    }

    /// The rows of a list of payouts, after what follows by work.
    pub async fn listed(&self, credential: &str, query: &str) -> (Vec<Value>, Value) {
        work(&self.team.bench).await;
        let answer = super::read(&self.team.bench, credential, &format!("/api/billing/payouts{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (data(&answer).as_array().unwrap().clone(), answer.json()["metadata"].clone())
    }

    /// Another tester, with an account that takes payouts.
    pub async fn payee(&self, name: &str) -> (User, String, String) {
        let (user, credential) = tester(&self.team.bench, &format!("{name}@example.com")).await;
        let account = self.connect(&credential).await;
        self.enable(&account, true, 1).await;
        (user, credential, account)
    }

    /// Runs the job `payout-retry` over HTTP.
    pub async fn retry(&self, body: &Value) -> Value {
        data(&super::ask(&self.team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/payout-retry", body).await)
    }
}

/// Sends an event as Stripe does, to a bench.
pub async fn tell(bench: &Bench, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = signed(&body, SECRET, bench.context.clock().now().unix_timestamp());
    let headers = [("stripe-signature", signature.as_str()), ("content-type", "application/json; charset=utf-8")];
    send(bench, "POST", "/api/webhooks/stripe", &headers, &body).await
}
