//! Users with veilles.

use engine::{Module, Step};
use shared::{
    context::Context,
    model::{
        Email, Job, JobId, Organization, OrganizationId, Plan, Role, Schedule, User, UserId, Veille, VeilleRun,
        VeilleSource,
    },
    password,
    secret::new_token,
    store::{
        ChangeWith, Commit, Creation, JobParameters, NewJob, NewVeille, PackedRows, RunTable, SignUp, VeilleCreation,
    },
};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

use crate::Failure;

/// Veilles that a user may have.
const MOST: usize = 50;
/// Users that are seen to at a time.
pub(crate) const AT_A_TIME: usize = 8;
/// Days between two runs of a veille that is due the next day.
const DAILY: u16 = 1;

/// A user's veilles.
#[derive(Debug)]
pub(crate) struct Made {
    /// The user.
    pub(crate) user: UserId,
    /// Whether they are due a day after the last one was made.
    pub(crate) due: bool,
    /// Their first slots, in the order of their ids.
    pub(crate) slots: Vec<OffsetDateTime>,
}

/// As many veilles as are asked for, of as few users as may have them.
pub(crate) async fn all(context: &Context, due: usize, rest: usize) -> Result<Vec<Made>, Failure> {
    // one after another: a lane gives its slots away by turns
    let (mut owners, plain) = (Vec::new(), new_token("")?.0);
    let hash = password::hash(plain).await?;
    for (count, due) in shares(due, true).chain(shares(rest, false)) {
        let email = format!("user{}@example.com", owners.len());
        let email = Email::parse(&email).ok_or("no address")?;
        let now = context.clock().now();
        let organization = Organization {
            id: OrganizationId::at(now),
            name: "One of many".to_owned(),
            plan: Plan::Free,
            billing_exempt: true,
            created_at: now,
        };
        let id = (UserId::at(now), context.store().next_user_number().await?);
        let mut user = User::new(id, email, "One of many".to_owned(), Role::Business, organization.id, now);
        (user.password, user.verified) = (Some(hash.clone()), true);
        if context.store().sign_up(&user, &organization, ChangeWith::default()).await? != SignUp::Created {
            return Err("the address is taken".into());
        }
        let job = found_nothing(context, &user, organization.plan).await?;
        owners.push((user, job, count, due));
    }
    let (mut made, mut under_way) = (Vec::new(), JoinSet::new());
    for (user, job, count, due) in owners {
        let context = context.clone();
        under_way.spawn(async move { veilles(&context, &user, &job, (count, due)).await });
        if under_way.len() >= AT_A_TIME
            && let Some(done) = under_way.join_next().await
        {
            made.push(done??);
        }
    }
    while let Some(done) = under_way.join_next().await {
        made.push(done??);
    }
    Ok(made)
}

/// So many veilles by user.
fn shares(all: usize, due: bool) -> impl Iterator<Item = (usize, bool)> {
    (0..all).step_by(MOST).map(move |first| (MOST.min(all - first), due))
}

/// A search for places that is done, and has no rows.
async fn found_nothing(context: &Context, user: &User, plan: Plan) -> Result<Job, Failure> {
    let (store, now) = (context.store(), context.clock().now());
    let mut job = Job::new(JobId::at(now)?, user, Module::Scrap, now, Duration::days(30));
    job.planned = Some(0);
    let (id, lane) = (job.id, job.lane());
    let parameters = JobParameters::default();
    let new = NewJob { job, parameters, rows: PackedRows::default(), text: None, log: Vec::new(), resumes: None };
    match store.create_job(&new, plan).await? {
        Creation::Created => {}
        other => return Err(format!("{other:?}").into()),
    }
    store.admit(lane, now).await?;
    let job = store.take_job(id, false).await?.ok_or("not running")?.job;
    match store.commit(&job, &Step::default(), now).await? {
        Commit::Ended(job) => Ok(*job),
        other => Err(format!("{other:?}").into()),
    }
}

/// Veilles of a user over a job: each day, or each so many days from two to a year.
async fn veilles(context: &Context, user: &User, job: &Job, (count, due): (usize, bool)) -> Result<Made, Failure> {
    let store = context.store();
    let mut slots = Vec::new();
    for _ in 0..count {
        let (id, now) = (store.next_veille_number().await?, context.clock().now());
        let days = if due { DAILY } else { u16::try_from(id % 364)? + 2 };
        let schedule = Schedule::new(days, now);
        slots.push(schedule.next_run_at);
        let veille = Veille {
            id,
            user: user.id,
            organization: user.organization,
            name: format!("Number {id}"),
            source: VeilleSource::Job(job.id),
            due_at: schedule.due(),
            schedule,
            runs: 0,
            successes: 0,
            last_success_at: None,
            last_success_job: None,
            snapshot: 0,
            version: 1,
        };
        let table = RunTable { module: job.module, names: Vec::new(), source_rows: 0, rows: None };
        let baseline = VeilleRun::new(id, 0, now, now);
        let new = NewVeille { veille, baseline, job: job.clone(), table, template: None };
        match store.create_veille(&new, MOST).await? {
            VeilleCreation::Created => {}
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(Made { user: user.id, due, slots })
}
