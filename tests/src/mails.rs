//! A local system and the mails that it sends.

use local::server::Server;
use serde_json::{Value, json};
use time::Duration;

use crate::{Answer, http, log, serving};

const PATIENCE: usize = 200;

const STEP: std::time::Duration = std::time::Duration::from_millis(50);

/// A local system, its mails and its clock.
#[derive(Debug)]
pub struct World(
    /// The system.
    pub Server,
);

impl World {
    /// A new system.
    pub async fn start() -> Self {
        Self(Server::start(serving(&[]), log().clone()).await.unwrap())
    }

    /// A new system with variables of its own.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self(Server::start(serving(variables), log().clone()).await.unwrap())
    }

    /// Posts to Outsend.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        http::send(&self.0.outsend, "POST", path, &all, body.to_string().as_bytes()).await.unwrap()
    }

    /// Asks the control of the local system.
    pub async fn control(&self, method: &str, path: &str, body: &str) -> Answer {
        http::control(&self.0.control, method, path, body).await.unwrap()
    }

    /// Moves the clock.
    pub async fn advance(&self, by: Duration) {
        let body = json!({"advance_seconds": by.whole_seconds()}).to_string();
        assert_eq!(self.control("POST", "/_local/clock", &body).await.status, 200);
    }

    /// The mails, once there are as many.
    pub async fn mails(&self, count: usize) -> Vec<Value> {
        let mut mails = Vec::new();
        for _ in 0..PATIENCE {
            mails = self.control("GET", "/_local/mail", "").await.json().as_array().unwrap().clone();
            if mails.len() >= count {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        assert_eq!(mails.len(), count, "{mails:?}");
        mails
    }

    /// Waits until no piece of work is left.
    pub async fn nothing_waits(&self) {
        let far = self.0.context.clock().now() + Duration::days(1);
        let mut waiting = Vec::new();
        for _ in 0..PATIENCE {
            waiting = self.0.context.store().due_work(far).await.unwrap();
            if waiting.is_empty() {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        assert!(waiting.is_empty(), "{waiting:?}");
    }
}

/// The token in a mail's link, which both parts carry.
pub fn token(mail: &Value, page: &str) -> String {
    let text = mail["text"].as_str().unwrap();
    let link = text.split(": ").last().unwrap().trim();
    assert!(mail["html"].as_str().unwrap().contains(&format!("href=\"{link}\"")), "{mail}");
    let (head, token) = link.split_once("?token=").unwrap();
    assert!(head.starts_with("http://127.0.0.1:") && head.ends_with(page), "{head}");
    assert_eq!(token.len(), 43);
    token.to_owned()
}
