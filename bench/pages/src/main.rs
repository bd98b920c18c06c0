//! `bench-pages serve FOLDER TIMES`: serves the pages of a folder (`/0`, `/1` …), each so many times in a row as one page,
//! on every address of the machine; its port is the first line that it prints. Stops when its input ends.
//! `bench-pages read PORT PAGES TOTAL HOSTS`: the engine's fetcher and parser, on one thread, with one request at a time to
//! each of so many hosts; prints how many pages it read, what it found, and how long it took.

mod read;
mod serve;

use std::{error::Error, io::Write as _, path::Path};

/// The local system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        ["serve", folder, times] => serve::serve(Path::new(folder), times.parse()?),
        ["read", port, pages, total, hosts] => {
            let told = read::read(port.parse()?, pages.parse()?, total.parse()?, hosts.parse()?)?;
            Ok(writeln!(std::io::stdout(), "{told}")?)
        }
        _ => Err("serve FOLDER TIMES | read PORT PAGES TOTAL HOSTS".into()),
    }
}
