//! `bench-ingest serve TESTERS [DATA]`: the local system, in memory or on a data directory, with a study, testers and
//! their running sessions; what it printed, one line of JSON, tells how to call it. When its input ends it prints what
//! was stored, and stops.
//! `bench-ingest send FILE CONNECTIONS`: sends the batches that FILE plans, and prints how long they took.
//! `bench-ingest analyse EVENTS`: analyses a session of that many events, and prints how long it took.

mod analyse;
mod send;
mod serve;

use std::{error::Error, io::Write as _, path::Path};

/// The local system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let told = match &arguments[..] {
        ["serve", testers] => serve::serve(testers.parse()?, None)?,
        ["serve", testers, data] => serve::serve(testers.parse()?, Some(Path::new(data)))?,
        ["send", plan, connections] => send::send(Path::new(plan), connections.parse()?)?,
        ["analyse", events] => analyse::analyse(events.parse()?),
        _ => return Err("serve TESTERS [DATA] | send PLAN CONNECTIONS | analyse EVENTS".into()),
    };
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}
