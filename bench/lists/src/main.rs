//! `bench-lists RATE SECONDS [DATA]`: starts the local system, in memory or on a data directory, and creates organizations
//! at RATE a second. All of them belong into one list, the operator's, which follows by group commit. Prints what came of
//! it: the rate that was held, how far the list lagged while it was held, and how long it took to follow in the end.

use std::{error::Error, io::Write as _, path::PathBuf, sync::Arc, time::Duration};

use local::{
    log::Capture,
    server::{Options, Server},
};
use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{Organization, OrganizationId, Plan},
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

type Failure = Box<dyn Error + Send + Sync>;

/// Insertions that begin at a time.
const AT_A_TIME: u32 = 8;
/// How long the list may take to follow in the end.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (rate, seconds, data) = match &arguments[..] {
        [rate, seconds] => (rate.parse()?, seconds.parse()?, None),
        [rate, seconds, data] => (rate.parse()?, seconds.parse()?, Some(PathBuf::from(data))),
        _ => return Err("RATE SECONDS [DATA]".into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = runtime.block_on(run(rate, seconds, data))?;
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

async fn run(rate: u32, seconds: u32, data: Option<PathBuf>) -> Result<Value, Failure> {
    let server = Server::start(Options { data, ..Options::default() }, Capture::install()).await?;
    let context = Arc::new(server.context.clone());
    let (began, wanted) = (Instant::now(), rate * seconds);
    let mut pace = interval(Duration::from_secs(1) * AT_A_TIME / rate);
    // who is late makes up for it
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut under_way, mut made, mut lag) = (JoinSet::new(), 0, 0);
    while made < wanted {
        pace.tick().await;
        for _ in 0..AT_A_TIME.min(wanted - made) {
            made += 1;
            under_way.spawn(insert(Arc::clone(&context)));
        }
        // no more under way than a server would let in
        while under_way.len() > 64
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
        if made.is_multiple_of(rate) {
            lag = lag.max(u64::from(made).saturating_sub(listed(&context).await?));
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let held = began.elapsed();
    let ended = Instant::now();
    while listed(&context).await? < u64::from(wanted) {
        if ended.elapsed() > PATIENCE {
            return Err(format!("{} of {wanted} are in the list", listed(&context).await?).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let followed = ended.elapsed();
    server.shutdown().await;
    Ok(json!({
        "insertions": wanted,
        "per_second": (f64::from(wanted) / held.as_secs_f64()).round(),
        "seconds": (held.as_secs_f64() * 10.0).round() / 10.0,
        "longest_lag_members": lag,
        "followed_after_seconds": (followed.as_secs_f64() * 100.0).round() / 100.0,
    }))
}

async fn insert(context: Arc<Context>) -> Result<(), Failure> {
    let created_at = context.clock().now();
    let id = OrganizationId::at(created_at);
    let organization =
        Organization { id, name: "One of many".to_owned(), plan: Plan::Free, billing_exempt: true, created_at };
    if context.store().create_organization(&organization).await? { Ok(()) } else { Err("the id is taken".into()) }
}

/// Members of the list.
async fn listed(context: &Context) -> Result<u64, Failure> {
    Ok(context.store().organizations_page(0, 1).await?.total)
}
