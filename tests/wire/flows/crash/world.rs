//! A server of Outsend that is killed and started again, and an account that has jobs there.

use std::time::Duration;

use harness::{
    Answer, dns, http,
    outsend::{cookie, sign_up_body},
    process::{Folder, Running, start},
};
use local::data::{DataDirectory, Session};
use serde_json::Value;
use shared::{
    model::{Account, Action, AuditEntry, Email, Plan},
    store::ChangeWith,
};

/// The server, and the account, of the larger plan.
pub(super) struct World {
    folder: Folder,
    names: String,
    pub(super) server: Running,
    pub(super) account: Account,
    pub(super) session: String,
    /// Kills that are still to come.
    pub(super) left: u32,
    random: u64,
}

impl World {
    /// A server that is to be killed so often, unless `OUTSCOUT_TEST_KILLS` names another number.
    pub(super) async fn start(kills: u32) -> Self {
        let named = std::env::vars().find(|(name, _)| name == "OUTSCOUT_TEST_KILLS");
        let left = named.and_then(|(_, number)| number.parse().ok()).unwrap_or(kills);
        let (folder, names) = (Folder::temporary(), dns::start().await.unwrap().to_string());
        let server = start(&folder.0, &variables(&names));
        let headers = [("Content-Type", "application/json")];
        let body = sign_up_body("ada@example.com").to_string();
        let answer = http::send(&server.outsend, "POST", "/api/auth/signup", &headers, body.as_bytes()).await.unwrap();
        let session = cookie(&answer);
        let account = grown(&folder).await;
        Self { folder, names, server, account, session, left, random: 20_261_124 }
    }

    pub(super) fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    /// The store beside the server.
    pub(super) async fn store(&self) -> Session {
        opened(&self.folder).await
    }

    pub(super) fn kill(&mut self) {
        self.server.kill();
        self.server = start(&self.folder.0, &variables(&self.names));
        self.left -= 1;
    }

    /// A moment of so many milliseconds at most passes, and then the server is killed, if there are kills left.
    pub(super) async fn disturb(&mut self, most: u64) {
        if self.left > 0 {
            let pause = self.random(most);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.kill();
        } else {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What a GET in the session answers, once the rate limits let it pass.
    pub(super) async fn get(&self, path: &str) -> Value {
        loop {
            let headers = [("Cookie", self.session.as_str())];
            let answer = http::send(&self.server.outsend, "GET", path, &headers, b"").await.unwrap();
            if answer.status != 429 {
                assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                return body(&answer);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

fn variables(names: &str) -> [(&str, &str); 2] {
    [("OUTSCOUT_DNS_SERVER", names), ("OUTSCOUT_EF_QUOTA_PRO", "")]
}

async fn opened(folder: &Folder) -> Session {
    Session::open(&DataDirectory::open(&folder.0).unwrap()).await.unwrap()
}

/// The account, its address confirmed and on the larger plan.
async fn grown(folder: &Folder) -> Account {
    let (session, email) = (opened(folder).await, Email::parse("ada@example.com").unwrap());
    let store = session.context.store();
    let account = store.account_by_email(&email).await.unwrap().unwrap();
    let mut user = account.user;
    user.verified = true;
    assert!(store.change_user(&user, ChangeWith::default()).await.unwrap());
    let now = session.context.clock().now();
    let audit = AuditEntry::of_operator(Action::OrganizationChanged, None, Value::Null, now);
    store.change_organization(account.organization.id, Some(Plan::Pro), None, &audit).await.unwrap().unwrap();
    store.account_by_email(&email).await.unwrap().unwrap()
}

/// The JSON of an answer, which may come in chunks.
fn body(answer: &Answer) -> Value {
    let whole = serde_json::from_slice(&answer.bytes);
    whole.unwrap_or_else(|_| serde_json::from_slice(&chunked(&answer.bytes)).unwrap())
}

/// The data of a body in chunks.
pub(super) fn chunked(body: &[u8]) -> Vec<u8> {
    let (mut data, mut rest) = (Vec::new(), body);
    loop {
        let line = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            return data;
        }
        data.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
}
