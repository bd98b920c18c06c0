//! The work function: what is due is brought by the table's stream, and by a sweep each minute for
//! what lost its lease.

use std::sync::Arc;

use engine::Network;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    BoxFuture, agents,
    clock::{epoch_millis, from_epoch_millis},
    config::Settings,
    context::Context,
    jobs::{self, Slice},
    mail::compose,
    model::{
        Action, AuditEntry, AuditId, ConsentKind, Email, ExportId, JobId, OrganizationId, StudyId, TestSessionId,
        TokenKind, UserId, WorkItem, WorkKind,
    },
    openscouter::make_export,
    secret::new_token,
    store::{DueErasure, StoreError, Token},
};

/// How often a piece of work is tried before it is given up.
const MAX_ATTEMPTS: u32 = 8;
/// Pieces of work that one invocation does at a time.
const AT_A_TIME: usize = 10;
/// The pause before a slice that failed is tried again.
const RETRY: time::Duration = time::Duration::seconds(5);
/// The pause before work that failed again and again is tried once more.
const MUCH_LATER: time::Duration = time::Duration::minutes(15);
/// Accounts that one sweep erases.
const ERASURES: u32 = 25;
/// Approvals and audit records that one sweep takes off their lists.
const SWEPT: u32 = 100;
/// How long a sweep ends sessions at a time; what is due waits for it.
const SWEEP_TIME: time::Duration = time::Duration::seconds(10);
/// Test sessions that one sweep ends.
const OVERDUE: u32 = 100;
/// How long work that comes in slices goes on at a time; less than a lease, and than the function may take.
const MAX_TIME: time::Duration = time::Duration::seconds(30);

/// Makes what jobs reach the outside world with.
pub type MakeNetwork = fn(&Settings) -> Result<Arc<dyn Network>, String>;

/// Handles one event: stream records, or the schedule's. Several pieces of work are done at a time.
#[must_use]
pub fn handle(context: Context, event: Value, network: MakeNetwork) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let store = context.store();
        let ids: Vec<String> = match event.get("Records").and_then(Value::as_array) {
            Some(records) => {
                let ids = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
                ids.filter_map(|sk| Some(sk.strip_prefix("WORK#")?.to_owned())).collect()
            }
            None => {
                // what is due must not wait for what cannot be read
                if let Err(error) = start_due_erasures(&context, 0, ERASURES).await {
                    tracing::error!(cause = %error, "erasures not started");
                }
                if let Err(error) = end_all_overdue_sessions(&context).await {
                    tracing::error!(cause = %error, "sessions not ended");
                }
                let now = context.clock().now();
                let (retired, forgotten) =
                    futures_util::future::join(store.retire_approvals(now, SWEPT), store.forget_audit(now, SWEPT))
                        .await;
                if let Err(error) = retired {
                    tracing::error!(cause = %error, "approvals not retired");
                }
                if let Err(error) = forgotten {
                    tracing::error!(cause = %error, "audit records not forgotten");
                }
                if let Err(error) = jobs::sweep(&context).await {
                    tracing::error!(cause = %error, "jobs not swept");
                }
                store.due_work(context.clock().now()).await.map_err(|error| error.to_string())?
            }
        };
        let runs: Vec<_> = ids.into_iter().map(|id| attempt(context.clone(), id, network)).collect();
        stream::iter(runs).buffer_unordered(AT_A_TIME).collect::<()>().await;
        Ok(json!({"batchItemFailures": []}))
    })
}

/// Does one piece of work; what fails stays there and is taken up again when its lease has lapsed.
fn attempt(context: Context, id: String, network: MakeNetwork) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if let Err(cause) = run(&context, &id, network).await {
            tracing::error!(work = id, cause, "work failed");
        }
    })
}

async fn run(context: &Context, id: &str, network: MakeNetwork) -> Result<(), String> {
    let clock = context.clock();
    let began = clock.now();
    let told = |error: StoreError| error.to_string();
    let Some(work) = context.store().lease_work(id, began).await.map_err(told)? else { return Ok(()) };
    let outcome = if work.attempt > MAX_ATTEMPTS {
        tracing::error!(work = id, kind = work.kind.as_str(), "work given up");
        match work.kind {
            WorkKind::Job => jobs::give_up(context, &work).await.map_err(told)?,
            WorkKind::Export => {
                let (user, id) = export_ids(&work)?;
                context.store().fail_export(user, id, began).await.map_err(told)?;
            }
            WorkKind::Agent => {
                if let Some(due) = agents::give_up(context, &work).await.map_err(told)? {
                    return context.store().continue_work(&work, due).await.map_err(told);
                }
            }
            // what would be wrong for ever without it is tried again, however often it failed
            kind if kind.is_needed() => {
                return context.store().continue_work(&work, began + MUCH_LATER).await.map_err(told);
            }
            _ => {}
        }
        "given up"
    } else {
        match work.kind {
            WorkKind::RankAudit => {
                let id = AuditId::parse(&work.subject).ok_or("no such id")?;
                context.store().rank_audit(id).await.map_err(told)?;
                "ranked"
            }
            WorkKind::RankOrganization => {
                let id = OrganizationId::parse(&work.subject).ok_or("no such id")?;
                context.store().rank_organization(id).await.map_err(told)?;
                "ranked"
            }
            WorkKind::RankTestSession => {
                let id = TestSessionId::parse(&work.subject).ok_or("no such id")?;
                context.store().rank_test_session(id, began).await.map_err(told)?;
                "ranked"
            }
            WorkKind::Agent => {
                if let Some(due) = agents::run(context, &work).await.map_err(told)? {
                    return context.store().continue_work(&work, due).await.map_err(told);
                }
                "done"
            }
            WorkKind::WithdrawConsent => {
                let [user, kind, revoked_at] = work.subject.split(' ').collect::<Vec<_>>()[..] else {
                    return Err("no such ids".to_owned());
                };
                let revoked_at = revoked_at.parse().ok().and_then(from_epoch_millis);
                let ids = (UserId::parse(user), ConsentKind::parse(kind), revoked_at);
                let (Some(user), Some(kind), Some(revoked_at)) = ids else { return Err("no such ids".to_owned()) };
                let enough = || clock.now() - began >= MAX_TIME;
                let withdrawn = context.store().withdraw_consent(user, (kind, revoked_at), began, &enough).await;
                if !withdrawn.map_err(told)? {
                    return context.store().continue_work(&work, clock.now()).await.map_err(told);
                }
                "withdrawn"
            }
            WorkKind::RankStudies => {
                let ids: Option<Vec<_>> = work.subject.split(' ').map(StudyId::parse).collect();
                context.store().rank_studies(&ids.ok_or("no such ids")?).await.map_err(told)?;
                "ranked"
            }
            WorkKind::Export => {
                let (user, id) = export_ids(&work)?;
                if !make_export(context, user, id).await.map_err(told)? {
                    return context.store().continue_work(&work, clock.now()).await.map_err(told);
                }
                "exported"
            }
            WorkKind::Erase => {
                let (user, organization) = work.subject.split_once(' ').ok_or("no such ids")?;
                let ids = (UserId::parse(user), OrganizationId::parse(organization));
                let (Some(user), Some(organization)) = ids else { return Err("no such ids".to_owned()) };
                if !erase(context, user, organization).await.map_err(told)? {
                    // the next slice is a new piece of work as far as attempts go
                    return context.store().continue_work(&work, clock.now()).await.map_err(told);
                }
                "erased"
            }
            WorkKind::Job => {
                let slice = jobs::run(context, context.network(network)?, &work).await;
                let due = match slice {
                    // a job's end takes its work along; what somebody else has is theirs to end
                    Ok(Slice::Ended | Slice::Nothing) => return Ok(()),
                    Ok(Slice::More(due)) => due,
                    // given back rather than lost, so that it does not count as an item that kills its workers
                    Err(error) => {
                        tracing::warn!(work = id, cause = %error, "slice failed");
                        clock.now() + RETRY
                    }
                };
                return context.store().continue_work(&work, due).await.map_err(told);
            }
            WorkKind::Purge => {
                let job = JobId::parse(&work.subject).ok_or("no such id")?;
                while !context.store().purge_slice(job).await.map_err(told)? {
                    if clock.now() - began >= MAX_TIME {
                        return context.store().continue_work(&work, clock.now()).await.map_err(told);
                    }
                }
                "purged"
            }
            _ => deliver(context, &work).await?,
        }
    };
    context.store().finish_work(&work).await.map_err(told)?;
    let duration_ms = epoch_millis(clock.now()) - epoch_millis(began);
    tracing::info!(target: "canonical", work = id, kind = work.kind.as_str(), attempt = work.attempt, outcome, duration_ms, "work");
    Ok(())
}

/// What became of a step of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Items that were dealt with.
    pub processed: u32,
    /// Items whose handling failed; they are due again.
    pub failed: u32,
    /// Where the next step begins, if there is more to do.
    pub next: Option<String>,
}

/// Deletes the accounts whose erasure is due, at most `limit` behind the `failed` first ones, which stay there; what
/// hangs on them is the work that follows (openscouter 18, 20).
///
/// # Errors
/// When the store fails.
pub async fn start_due_erasures(context: &Context, failed: u32, limit: u32) -> Result<Step, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let mut step = Step::default();
    let due = store.due_erasures(now, failed.into(), limit.saturating_add(1)).await?;
    let more = due.len() > limit as usize;
    for due in due.into_iter().take(limit as usize) {
        match start_erasure(context, due, now).await {
            Ok(()) => step.processed += 1,
            // one that fails stops no other, and is due again
            Err(error) => {
                tracing::error!(cause = %error, "erasure not started");
                step.failed += 1;
            }
        }
    }
    step.next = more.then(|| (failed + step.failed).to_string());
    Ok(step)
}

/// Ends the test sessions whose time is over, as long as there are any and there is time (openscouter 20).
async fn end_all_overdue_sessions(context: &Context) -> Result<(), StoreError> {
    let began = context.clock().now();
    let mut after = String::new();
    while context.clock().now() - began < SWEEP_TIME {
        let step = end_overdue_sessions(context, &after, OVERDUE).await?;
        match step.next {
            Some(next) => after = next,
            None => break,
        }
    }
    Ok(())
}

/// Ends the test sessions whose time is over, at most `limit` of those that stand behind `after` in the order of their
/// ends (openscouter 20).
///
/// # Errors
/// When the store fails.
pub async fn end_overdue_sessions(context: &Context, after: &str, limit: u32) -> Result<Step, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let most = i32::try_from(limit).unwrap_or(i32::MAX);
    let due = store.overdue_test_sessions(after, now, most.saturating_add(1)).await?;
    let more = due.len() > limit as usize;
    let due: Vec<_> = due.into_iter().take(limit as usize).collect();
    let next = due.last().filter(|_| more).map(|(place, _)| place.clone());
    let ended = due.into_iter().map(|(_, id)| end_overdue_session(context, id, now));
    let ended: Vec<_> = stream::iter(ended).buffer_unordered(AT_A_TIME).collect().await;
    let mut step = Step { next, ..Step::default() };
    for ended in ended {
        match ended {
            Ok(done) => step.processed += u32::from(done),
            // one that fails stops no other, and is due again
            Err(error) => {
                tracing::error!(cause = %error, "session not ended");
                step.failed += 1;
            }
        }
    }
    Ok(step)
}

async fn end_overdue_session(context: &Context, id: TestSessionId, now: OffsetDateTime) -> Result<bool, StoreError> {
    let Some(session) = context.store().test_session(id).await?.filter(|session| session.status.is_running()) else {
        return Ok(false);
    };
    let ended = session.completed(session.planned_end(), true);
    // somebody else's change: it is due again at the next sweep, if it still runs
    context.store().change_test_session(&session, &ended, None, now).await
}

/// Has the jobs of agents taken up again that wait, or whose worker was lost, at most `limit` of those behind `after`
/// (openscouter 20): their work is put back, and the stream brings it.
///
/// # Errors
/// When the store fails.
pub async fn sweep_agents(context: &Context, after: &str, limit: u32) -> Result<Step, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let mut due: Vec<_> = store.due_work(now).await?.into_iter().filter(|id| id.starts_with("agent-")).collect();
    due.sort();
    due.retain(|id| id.as_str() > after);
    let more = due.len() > limit as usize;
    due.truncate(limit as usize);
    let mut step = Step { next: due.last().filter(|_| more).cloned(), ..Step::default() };
    for id in due {
        let put_back = async {
            match store.lease_work(&id, now).await? {
                Some(work) => store.continue_work(&work, now).await.map(|()| 1),
                None => Ok(0),
            }
        };
        match put_back.await {
            Ok(done) => step.processed += done,
            Err(error) => {
                tracing::error!(cause = %error, "agent not dispatched");
                step.failed += 1;
            }
        }
    }
    Ok(step)
}

async fn start_erasure(context: &Context, due: DueErasure, now: OffsetDateTime) -> Result<(), StoreError> {
    let store = context.store();
    for _ in 0..MAX_ATTEMPTS {
        let Some(account) = store.account(due.user).await? else { return store.drop_erasure(due).await };
        let record = AuditEntry::of_operator(Action::ErasureCompleted, Some(due.user.wire()), json!({}), now);
        if store.delete_account(&account.user, &record, now).await? {
            tracing::info!(user = %due.user, "account erased");
            return store.drop_erasure(due).await;
        }
    }
    Err(StoreError::Contended(MAX_ATTEMPTS))
}

/// Whose export, and which, a piece of work is about.
fn export_ids(work: &WorkItem) -> Result<(UserId, ExportId), String> {
    let ids = work.subject.split_once(' ').and_then(|(user, id)| Some((UserId::parse(user)?, ExportId::parse(id)?)));
    ids.ok_or_else(|| "no such ids".to_owned())
}

/// Removes what is left of an account, slice by slice, as long as there is time; whether it is done.
async fn erase(context: &Context, user: UserId, organization: OrganizationId) -> Result<bool, StoreError> {
    let began = context.clock().now();
    while context.clock().now() - began < MAX_TIME {
        if context.store().erase_slice(user, organization, context.clock().now()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends a mail. Run twice it sends two, and the second one's link works.
async fn deliver(context: &Context, work: &WorkItem) -> Result<&'static str, String> {
    let store = context.store();
    let account =
        store.account_by_email(&Email::from_stored(work.subject.clone())).await.map_err(|error| error.to_string())?;
    let Some(account) = account.filter(|account| account.user.active) else { return Ok("no such account") };
    let Some(mailer) = context.mailer() else { return Ok("no sender configured") };
    let user = &account.user;
    // whoever has not confirmed the address yet is asked to do that first (openscouter 7)
    let kind = match work.kind {
        WorkKind::MagicLink if !user.verified => WorkKind::ScouterVerify,
        kind => kind,
    };
    let link = match kind.token() {
        None => None,
        Some(purpose) => {
            if matches!(purpose, TokenKind::Verify | TokenKind::ScouterVerify) && user.verified {
                return Ok("verified already");
            }
            let settings = context.settings();
            let app = settings.openscouter.app_url.as_ref().or(settings.openscouter.public_url.as_ref());
            let (base, page) = match purpose {
                TokenKind::Verify => (settings.outsend.public_url.as_ref(), "verify-email"),
                TokenKind::Reset => (settings.outsend.public_url.as_ref(), "reset-password"),
                TokenKind::ScouterVerify => (app, "verify-email"),
                TokenKind::ScouterReset => (app, "reset-password"),
                TokenKind::Magic | TokenKind::Callback => (app, "magic-link"),
            };
            let base = base.ok_or("no public URL for the link")?;
            let (plain, hash) = new_token("").map_err(|error| error.to_string())?;
            let token = Token { hash, kind: purpose, user: user.id, email: user.email.clone() };
            store.issue_token(&token, context.clock().now()).await.map_err(|error| error.to_string())?;
            Some(format!("{}/{page}?token={plain}", base.trim_end_matches('/')))
        }
    };
    mailer.send(&user.email, &compose(kind, user.locale, &user.name, link.as_deref())).await?;
    Ok("sent")
}
