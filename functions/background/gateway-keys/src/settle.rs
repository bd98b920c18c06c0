//! One organization's key, brought to where it should be, step by step. Each step can be made twice: its value is kept before
//! the control plane hears of it, and what is there already is found.

use shared::{
    config::SecretString,
    context::Context,
    model::{OrganizationId, Plan},
    secret::new_token,
    store::{KeyTask, OwnKey, Recorded, StoreError},
};
use time::{Duration, OffsetDateTime};

use crate::{
    control_plane::{CallError, ControlPlane, Entered},
    moves::{Move, next},
    pace::{Kind, turn},
};

/// How long a worker goes on with one organization, less than its lease.
const PATIENCE: Duration = Duration::seconds(35);
/// Steps that are made at a time: more than there are from nothing to a key that counts.
const MAX_STEPS: usize = 12;
/// The longest pause after failures, as a power of two of seconds: about a quarter of an hour.
const MAX_PAUSE: u32 = 10;

/// What all organizations of a tick are dealt with by.
pub(crate) struct Worker<'a> {
    pub(crate) context: &'a Context,
    /// `None` where there is none: pool keys go on.
    pub(crate) plane: Option<&'a ControlPlane>,
}

/// How far an organization came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// All is as it should be.
    Ended,
    /// It goes on later.
    Waits,
    /// A call failed; it is tried again.
    Failed,
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// There was no turn in time.
    #[error("no turn")]
    NoTurn,
    /// The record changed meanwhile.
    #[error("changed meanwhile")]
    Changed,
    #[error(transparent)]
    Call(#[from] CallError),
    /// Something else is wrong there.
    #[error("{0}")]
    Odd(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a step came to.
enum Step {
    /// The next one follows.
    Made,
    /// Later.
    At(OffsetDateTime),
    /// There are no more.
    Ended,
}

/// A key's name at the control plane, by which it is found again.
fn name(organization: OrganizationId) -> String {
    format!("outscout-{organization}")
}

impl Worker<'_> {
    /// Takes an organization's task up; `None` when it is done, not due, or somebody else's.
    ///
    /// # Errors
    /// When the store fails: the task is due again when its lease has lapsed.
    pub(crate) async fn settle(
        &self,
        organization: OrganizationId,
        until: OffsetDateTime,
    ) -> Result<Option<Settled>, StoreError> {
        let (store, now) = (self.context.store(), self.context.clock().now());
        let Some(task) = store.lease_key_task(organization, now).await? else { return Ok(None) };
        let until = until.min(now + PATIENCE);
        for _ in 0..MAX_STEPS {
            match self.step(&task, until).await {
                Ok(Step::Made) => {}
                Ok(Step::Ended) => return Ok(Some(Settled::Ended)),
                Ok(Step::At(at)) => {
                    store.give_back_key_task(&task, at, 0).await?;
                    return Ok(Some(Settled::Waits));
                }
                Err(Trouble::NoTurn | Trouble::Changed) => break,
                Err(Trouble::Store(error)) => return Err(error),
                Err(trouble) => {
                    tracing::warn!(%organization, failed = task.failed, cause = %trouble, "gateway key waits");
                    let pause = Duration::seconds(1 << task.failed.min(MAX_PAUSE));
                    let at = self.context.clock().now() + pause;
                    store.give_back_key_task(&task, at, task.failed.saturating_add(1)).await?;
                    return Ok(Some(Settled::Failed));
                }
            }
        }
        store.give_back_key_task(&task, self.context.clock().now(), task.failed).await?;
        Ok(Some(Settled::Waits))
    }

    async fn step(&self, task: &KeyTask, until: OffsetDateTime) -> Result<Step, Trouble> {
        let (store, now) = (self.context.store(), self.context.clock().now());
        let tenant = store.tenancy(task.organization, now).await?;
        let plan = tenant.as_ref().map(|tenant| tenant.plan);
        let Some(plane) = self.plane else { return Ok(self.ended(task, plan).await?) };
        let key = store.own_key(task.organization).await?;
        let hands = Hands { context: self.context, plane, until };
        match (next(tenant.as_ref(), key.as_ref(), now), key) {
            (Move::Wait(at), _) => Ok(Step::At(at)),
            (Move::Begin(plan), _) => self.begin(task, plan, now).await,
            (Move::Create, Some(key)) => hands.create(key).await,
            (Move::Hush, Some(key)) => {
                store.hush_own_key(task.organization).await?;
                hands.put(OwnKey { quiet_since: Some(now), ..key }).await
            }
            (Move::Leave(plan), Some(key)) => hands.leave(key, plan).await,
            (Move::Enter(plan), Some(key)) => hands.enter(key, plan).await,
            (Move::Name(plan), Some(key)) => {
                // said before it is so: who finds it said makes it so, or takes it back
                let key = store.put_own_key(&OwnKey { quiet_since: None, ..key }).await?.ok_or(Trouble::Changed)?;
                store.name_own_key(&key, plan).await?;
                Ok(Step::Made)
            }
            (Move::Remove, Some(key)) => hands.remove(&key, task).await,
            (Move::Nothing, _) | (_, None) => Ok(self.ended(task, plan).await?),
        }
    }

    /// The task ends, unless the organization changed meanwhile.
    async fn ended(&self, task: &KeyTask, plan: Option<Plan>) -> Result<Step, StoreError> {
        Ok(if self.context.store().finish_key_task(task, plan).await? { Step::Ended } else { Step::Made })
    }

    async fn begin(&self, task: &KeyTask, plan: Plan, now: OffsetDateTime) -> Result<Step, Trouble> {
        // of letters and digits, as the gateway wants them: the digest of 256 random bits
        let (_, value) = new_token("").map_err(|_| Trouble::Odd("no random bytes"))?;
        let most = self.context.settings().gateway.most;
        let made = self.context.store().record_own_key((task.organization, plan), value.into(), most, now).await?;
        match made {
            Recorded::Made | Recorded::Changed => Ok(Step::Made),
            // it is asked for again on the day of its next request
            Recorded::Full => Ok(self.ended(task, Some(plan)).await?),
        }
    }
}

/// What a step is made by.
struct Hands<'a> {
    context: &'a Context,
    plane: &'a ControlPlane,
    until: OffsetDateTime,
}

impl Hands<'_> {
    async fn turn(&self, kind: Kind) -> Result<(), Trouble> {
        if turn(self.context, kind, self.until).await? { Ok(()) } else { Err(Trouble::NoTurn) }
    }

    async fn put(&self, key: OwnKey) -> Result<Step, Trouble> {
        self.context.store().put_own_key(&key).await?.map(|_| Step::Made).ok_or(Trouble::Changed)
    }

    async fn create(&self, key: OwnKey) -> Result<Step, Trouble> {
        let (name, value): (_, &SecretString) = (name(key.organization), &key.value);
        self.turn(Kind::Create).await?;
        let id = match self.plane.create(&name, value).await? {
            Some(id) => id,
            // an earlier call made it, whose answer nobody heard
            None => self.find(&name).await?.ok_or(Trouble::Odd("the key is there and not found"))?,
        };
        self.put(OwnKey { id: Some(id), ..key }).await
    }

    async fn find(&self, name: &str) -> Result<Option<String>, Trouble> {
        self.turn(Kind::Other).await?;
        Ok(self.plane.find(name).await?)
    }

    async fn enter(&self, key: OwnKey, plan: Plan) -> Result<Step, Trouble> {
        let Some(id) = key.id.clone() else { return Err(Trouble::Odd("a key without an id")) };
        // said before it is so: whoever finds it half done knows where it may be
        let key = OwnKey { plan: Some(plan), ready_at: None, ..key };
        let key = self.context.store().put_own_key(&key).await?.ok_or(Trouble::Changed)?;
        for usage_plan in self.context.settings().gateway.plans(plan) {
            self.turn(Kind::Other).await?;
            if self.plane.enter(usage_plan, &id).await? == Entered::Conflict {
                self.turn(Kind::Other).await?;
                if !self.plane.is_in(usage_plan, &id).await? {
                    return Err(Trouble::Odd("the key is in another plan of the API"));
                }
            }
        }
        self.put(OwnKey { ready_at: Some(self.context.clock().now()), ..key }).await
    }

    async fn leave(&self, key: OwnKey, plan: Plan) -> Result<Step, Trouble> {
        let Some(id) = key.id.clone() else { return Err(Trouble::Odd("a key without an id")) };
        for usage_plan in self.context.settings().gateway.plans(plan) {
            self.turn(Kind::Other).await?;
            self.plane.leave(usage_plan, &id).await?;
        }
        self.put(OwnKey { plan: None, ready_at: None, ..key }).await
    }

    async fn remove(&self, key: &OwnKey, task: &KeyTask) -> Result<Step, Trouble> {
        let id = match &key.id {
            Some(id) => Some(id.clone()),
            None => self.find(&name(key.organization)).await?,
        };
        if let Some(id) = id {
            self.turn(Kind::Delete).await?;
            self.plane.delete(&id).await?;
        }
        let store = self.context.store();
        // an earlier try may have forgotten it, whose answer nobody heard
        let forgotten = store.forget_own_key(key, task).await? || store.own_key(key.organization).await?.is_none();
        if forgotten { Ok(Step::Ended) } else { Err(Trouble::Changed) }
    }
}
