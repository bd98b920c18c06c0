//! `bench-veille DUE REST`: makes users with DUE veilles that are due and REST that are not, in an embedded store in memory,
//! and lets the schedule tick until nothing is due any more. Prints how long the claims took, and fails unless each slot
//! that was due was started once, and no other one.

mod made;

use std::{
    error::Error,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use local::{
    data::{ANY_PORT, Places, settings},
    embedded_store::{Engine, new_credentials},
    template::Templates,
};
use serde_json::{Value, json};
use shared::{
    clock::{Clock, epoch_micros},
    context::Context,
    lambda::Function as _,
    store::Store,
};
use time::Duration;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use self::made::Made;

/// The local system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// The time between two ticks of the schedule.
const BETWEEN: Duration = Duration::minutes(5);
/// More ticks than that are too many.
const MOST_TICKS: usize = 1_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [due, rest] = &arguments[..] else { return Err("DUE REST".into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = runtime.block_on(run(due.parse()?, rest.parse()?))?;
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

async fn run(due: usize, rest: usize) -> Result<Value, Failure> {
    let (stop, stopped) = watch::channel(false);
    let credentials = new_credentials()?;
    let engine = Engine::start(ANY_PORT, &credentials, None, &Templates::embedded()?.tables, stopped).await?;
    let places = Places { store: &engine.endpoint, windows: &engine.endpoint, clock: None, credentials: &credentials };
    let offset = Arc::new(AtomicI64::new(0));
    let clock = Clock::shared_offset(Arc::clone(&offset));
    let context = Context::over(settings(places, &[])?, clock, &Engine::in_process(&[&engine]).reach());
    let began = Instant::now();
    let made = made::all(&context, due, rest).await?;
    let creation = began.elapsed();
    advance(&offset, Duration::days(1));
    let (mut seconds, mut processor, mut started) = (0.0, 0, Vec::new());
    while is_due(&context).await? {
        if started.len() == MOST_TICKS {
            return Err(format!("still due after {MOST_TICKS} ticks: {started:?}").into());
        }
        let (began, used) = (Instant::now(), processor_ms()?);
        let ticked = tick(&context).await?;
        let took = began.elapsed();
        processor += processor_ms()? - used;
        seconds += took.as_secs_f64();
        started.push(ticked);
        advance(&offset, (BETWEEN - took).max(Duration::ZERO));
    }
    if started.iter().sum::<u64>() != due as u64 {
        return Err(format!("{started:?} were started of {due}").into());
    }
    check(&context, made).await?;
    let _ = stop.send(true);
    engine.ended().await;
    Ok(json!({
        "due": due,
        "not_due": rest,
        "creation_seconds": (creation.as_secs_f64() * 10.0).round() / 10.0,
        "claims_seconds": (seconds * 100.0).round() / 100.0,
        "claims_per_second": (due as f64 / seconds).round(),
        "processor_ms_per_claim": (processor as f64 / due as f64 * 1_000.0).round() / 1_000.0,
        "ticks": started.len(),
        "started": started,
    }))
}

fn advance(offset: &AtomicI64, by: Duration) {
    offset.fetch_add(i64::try_from(by.whole_milliseconds()).unwrap_or(0), Ordering::Relaxed);
}

/// What this process has taken of the processors so far, which other work disturbs less than the time.
fn processor_ms() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // in hundredths of a second, behind the name, which may hold anything
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let used: Vec<u64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(used.iter().sum::<u64>() * 10)
}

/// Whether a tick would find anything.
async fn is_due(context: &Context) -> Result<bool, Failure> {
    let (store, now) = (context.store(), context.clock().now());
    for shard in 0..Store::veille_shards() {
        if !store.due_veilles(shard, None, 1, now).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One tick; how many runs it started. It may neither skip a slot nor fail.
async fn tick(context: &Context) -> Result<u64, Failure> {
    let reply = background_veille::FUNCTION.invoke(context.clone())(Bytes::from_static(b"{}")).await?;
    let told: Value = serde_json::from_slice(&reply.whole().ok_or("streamed")?)?;
    if told["skipped"] != 0 || told["failed"] != 0 {
        return Err(told.to_string().into());
    }
    Ok(told["started"].as_u64().ok_or("not told")?)
}

/// Fails unless of each veille that was due one run began, for its slot, and of the others none.
async fn check(context: &Context, made: Vec<Made>) -> Result<(), Failure> {
    let mut under_way = JoinSet::new();
    for of_one in made {
        let context = context.clone();
        under_way.spawn(async move { check_user(context.store(), &of_one).await });
        if under_way.len() >= made::AT_A_TIME
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

async fn check_user(store: &Store, made: &Made) -> Result<(), Failure> {
    let mut veilles = store.veilles(made.user).await?;
    veilles.sort_by_key(|veille| veille.id);
    if veilles.len() != made.slots.len() {
        return Err(format!("{} veilles of {}", veilles.len(), made.slots.len()).into());
    }
    for (veille, slot) in veilles.iter().zip(&made.slots) {
        let runs = store.veille_runs(veille, 0, 10).await?.runs;
        let begun: Vec<_> = runs.iter().map(|run| epoch_micros(run.slot)).collect();
        let expected: Vec<_> = made.due.then(|| epoch_micros(*slot)).into_iter().collect();
        let next =
            veille.due_at == Some(veille.schedule.next_run_at) && (veille.schedule.next_run_at > *slot) == made.due;
        if begun != expected || veille.runs != expected.len() as u64 || !next {
            return Err(format!("{veille:?} has {runs:?}").into());
        }
    }
    Ok(())
}
