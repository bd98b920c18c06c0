//! A server with sessions that take batches in.

use std::{io::Write as _, path::Path};

use local::{
    log::Capture,
    people,
    server::{Options, Server},
};
use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{
        Details, Email, IngestedStream, Organization, OrganizationId, Plan, Role, Status, Study, StudyId, Task,
        TestSessionId,
    },
    secret::sha256_hex,
    store::{ChangeWith, NewTest, TestCreation},
};
use tokio::io::AsyncReadExt as _;

use crate::Failure;

/// A tester's session, and the token that may send to it.
struct Sending {
    session: TestSessionId,
    token: String,
}

/// Starts the system, and stops it when the input ends; what was stored then.
pub(crate) fn serve(testers: u32, data: Option<&Path>) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = Options { data: data.map(Path::to_owned), ..Options::default() };
        let server = Server::start(options, Capture::install()).await?;
        let sending = seed(&server.context, testers).await?;
        let sessions: Vec<_> =
            sending.iter().map(|one| json!({"session": one.session.wire(), "token": one.token})).collect();
        writeln!(std::io::stdout(), "{}", json!({"url": server.openscouter, "sessions": sessions}))?;
        tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
        let stored = stored(&server.context, &sending).await?;
        server.shutdown().await;
        Ok(stored)
    })
}

fn organization(context: &Context, name: &str) -> Organization {
    let created_at = context.clock().now();
    let id = OrganizationId::at(created_at);
    Organization { id, name: name.to_owned(), plan: Plan::Free, billing_exempt: true, created_at }
}

async fn study(context: &Context) -> Result<Study, Failure> {
    let owner = organization(context, "Bench");
    context.store().create_organization(&owner).await?;
    let mut details = Details::default();
    details.targeting.tester_count = 1_000;
    let now = context.clock().now();
    let study = Study {
        id: StudyId::generate(),
        organization: owner.id,
        name: "Checkout Redesign".to_owned(),
        status: Status::InProgress,
        paused_from: None,
        completion_url: None,
        target_url: Some("https://example.com/".to_owned()),
        tasks: vec![Task::titled("Pay")],
        details,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    context.store().create_studies(std::slice::from_ref(&study)).await?;
    Ok(study)
}

/// A study with testers, each with a session that runs.
async fn seed(context: &Context, testers: u32) -> Result<Vec<Sending>, Failure> {
    let study = study(context).await?;
    let store = context.store();
    let mut sending = Vec::new();
    for number in 0..testers {
        let email = Email::parse(&format!("tester{number}@example.com")).ok_or("no address")?;
        let own = organization(context, "Tester");
        let made = people::create_person(context, &own, Role::Tester, (&email, "Tester"), "long enough phrase").await?;
        let mut tester = made.ok_or("the address is taken")?;
        // as after the quiz
        tester.qualified = true;
        if !store.change_user(&tester, ChangeWith::default()).await? {
            return Err("the tester changed".into());
        }
        let now = context.clock().now();
        let new = NewTest { study: &study, tester: tester.id, variant: None, assigns: true };
        let TestCreation::Created(session) = store.create_test_session(&new, now).await? else {
            return Err("no session".into());
        };
        let token = sha256_hex(session.id.wire().as_bytes()).chars().take(48).collect::<String>();
        store.issue_test_token(&tester, study.id, &sha256_hex(token.as_bytes()), now).await?;
        sending.push(Sending { session: session.id, token });
    }
    Ok(sending)
}

/// What the batches are in the store, and the units that DynamoDB would have counted for them: one for each KB that is
/// written.
async fn stored(context: &Context, sending: &[Sending]) -> Result<Value, Failure> {
    let (mut bytes, mut units, mut batches) = (0, 0, 0);
    for one in sending {
        for size in context.store().ingested_sizes(one.session, IngestedStream::Events).await? {
            (bytes, units, batches) = (bytes + size, units + size.div_ceil(1024), batches + 1);
        }
    }
    Ok(json!({"bytes": bytes, "write_units": units, "batches": batches}))
}
