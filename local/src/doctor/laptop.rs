//! A laptop: the program, the data directory, the ports, the names of others.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{
    Network as _,
    module::MailHosts,
    net::{Outside, OutsideConfig},
};
use serde_json::Value;
use shared::http_client;
use url::Url;

use super::{
    Finding,
    directory::{self, count},
};
use crate::functions;

/// What answers on the four ports, in their order.
const PORTS: [&str; 4] = ["control", "Outset", "Outsend", "OpenScouter"];
/// How long a port may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// A domain that is there for such questions (RFC 2606).
const ASKED_FOR: &str = "example.com";

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Laptop {
    /// The data directory.
    pub data: PathBuf,
    /// First of the four ports; 0 means that the system chooses them.
    pub port: u16,
    /// Folder of function binaries, if functions run as processes.
    pub lambda: Option<PathBuf>,
    /// The name server that jobs ask; `None` means the system's.
    pub name_server: Option<SocketAddr>,
}

/// Looks at all of it.
pub async fn examine(laptop: &Laptop) -> Vec<Finding> {
    let mut findings = vec![program()];
    findings.extend(laptop.lambda.as_deref().map(binaries));
    findings.extend(directory::examine(&laptop.data).await);
    findings.extend(ports(laptop.port).await);
    findings.push(names(laptop.name_server).await);
    findings.push(missed());
    findings
}

fn program() -> Finding {
    let place = std::env::current_exe().map_or_else(|_| "outscout".to_owned(), |path| path.display().to_string());
    Finding::ok("program", place, format!("outscout {}", env!("CARGO_PKG_VERSION")))
}

/// Whether each function has a binary, none from before the program.
fn binaries(folder: &Path) -> Finding {
    let place = folder.display().to_string();
    let file = |name: &str| {
        let found = [folder.join(name).join("bootstrap"), folder.join(name)];
        found.into_iter().find(|path| path.is_file())
    };
    let build = "cargo build --workspace, and outscout serve --lambda target/debug";
    let named: Vec<_> = functions::ALL.iter().map(|function| (function.name(), file(function.name()))).collect();
    let missing: Vec<_> = named.iter().filter(|(_, file)| file.is_none()).map(|(name, _)| *name).collect();
    if let [first, ..] = missing.as_slice() {
        let text = format!("{} of {} have no binary, {first} for one", missing.len(), named.len());
        return Finding::problem("function binaries", place, text, build);
    }
    let built = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let own = std::env::current_exe().ok().and_then(|path| built(&path));
    let older = named.iter().filter(|(_, file)| {
        let built = file.as_deref().and_then(built);
        matches!((built, own), (Some(built), Some(own)) if built < own - Duration::from_secs(3_600))
    });
    match older.count() {
        0 => Finding::ok("function binaries", place, format!("all {} are there", named.len())),
        older => {
            let text = format!(
                "{} built an hour or more before this program",
                count(older, "binary").replace("binarys", "binaries")
            );
            Finding::warning("function binaries", place, text, build)
        }
    }
}

/// The four ports: free, this system's, or another program's.
async fn ports(first: u16) -> Vec<Finding> {
    if first == 0 {
        return vec![Finding::ok("ports", "127.0.0.1", "the system chooses them at each start")];
    }
    let mut findings = Vec::new();
    let mut running = None;
    let Some(ports) = addresses(first).await else {
        let text = format!("there are not four ports from {first} on");
        return vec![Finding::problem("ports", format!("127.0.0.1:{first}"), text, "name another with --port")];
    };
    for ((position, name), port) in PORTS.into_iter().enumerate().zip(ports) {
        let place = format!("127.0.0.1:{port}");
        let mut store = None;
        let finding = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) if position == 0 => Finding::ok("port", place, format!("it is free for {name}")),
            Ok(_) => match &running {
                None => Finding::ok("port", place, format!("it is free for {name}")),
                Some(running) => {
                    let text = format!("{running} answers on {first}, and nothing here for {name}");
                    Finding::problem("port", place, text, "stop that server and start it again")
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if position == 0 {
                    let found = server(&place).await;
                    store = found.as_ref().and_then(|(who, cause)| Some(full(&place, who, cause.as_deref()?)));
                    running = found.map(|(who, _)| who);
                }
                taken(&place, name, running.as_deref())
            }
            Err(error) => {
                let text = format!("it cannot be had for {name}: {error}");
                Finding::problem("port", place, text, "name another with --port")
            }
        };
        findings.push(finding);
        findings.extend(store);
    }
    findings
}

/// The four ports: those that the server at the first one names, which the system may have chosen, or those behind it.
async fn addresses(first: u16) -> Option<[u16; 4]> {
    let asked = http_client::send("GET", format!("http://127.0.0.1:{first}/_local/status"), Vec::new(), String::new());
    let answer = tokio::time::timeout(ANSWER, asked).await.ok().and_then(Result::ok);
    let told = answer.and_then(|(_, answer)| serde_json::from_slice::<Value>(&answer).ok());
    let port = |name: &str| Url::parse(told.as_ref()?.get("ready")?.get(name)?.as_str()?).ok()?.port();
    let named = || Some([first, port("outset")?, port("outsend")?, port("openscouter")?]);
    named().or_else(|| Some([first, first.checked_add(1)?, first.checked_add(2)?, first.checked_add(3)?]))
}

fn taken(place: &str, name: &str, running: Option<&str>) -> Finding {
    match running {
        Some(running) => Finding::ok("port", place, format!("{running} answers here for {name}")),
        None => {
            let port = place.rsplit(':').next().unwrap_or_default();
            let text = format!("another program listens where {name} would");
            let remedy =
                format!("see which by ss -ltnp 'sport = :{port}' and end it, or outscout serve --port another");
            Finding::problem("port", place, text, remedy)
        }
    }
}

/// A server whose store cannot write.
fn full(place: &str, who: &str, cause: &str) -> Finding {
    let text = format!("{who} answers, and its store cannot write: {cause}");
    Finding::problem("store", place, text, "make room on the disk of the data directory; the next write tries again")
}

/// The outscout that answers on a control port, and why its store cannot write, if it cannot.
async fn server(place: &str) -> Option<(String, Option<String>)> {
    let asked = http_client::send("GET", format!("http://{place}/_local/health"), Vec::new(), String::new());
    let (_, answer) = tokio::time::timeout(ANSWER, asked).await.ok()?.ok()?;
    let told: Value = serde_json::from_slice(&answer).ok()?;
    matches!(told.get("status")?.as_str()?, "ok" | "failing").then_some(())?;
    let cause = told.get("cause").and_then(Value::as_str).map(str::to_owned);
    let version = told.get("version").and_then(Value::as_str).unwrap_or("of another version");
    let process = told.get("process").and_then(Value::as_u64).map_or_else(String::new, |id| format!(" (process {id})"));
    Some((format!("outscout {version}{process}"), cause))
}

/// Whether names of others resolve, as the jobs resolve them.
async fn names(name_server: Option<SocketAddr>) -> Finding {
    let place = name_server.map_or_else(|| "the system's name server".to_owned(), |server| server.to_string());
    let config = OutsideConfig {
        dns_server: name_server,
        smtp_probe: false,
        smtp_port: 25,
        mail_from: String::new(),
        allow_hosts: Vec::new(),
        user_agent: String::new(),
    };
    let remedy = "look at the network and /etc/resolv.conf, or set OUTSCOUT_DNS_SERVER; all but jobs that verify \
                  addresses works without";
    match Outside::new(config) {
        Err(fault) => Finding::warning("names", place, format!("{fault:?}"), remedy),
        Ok(outside) => match tokio::time::timeout(ANSWER, outside.mail_hosts(ASKED_FOR)).await {
            Err(_) | Ok(MailHosts::Failed) => {
                Finding::warning("names", place, format!("{ASKED_FOR} does not resolve"), remedy)
            }
            _ => Finding::ok("names", place, format!("{ASKED_FOR} resolves")),
        },
    }
}

/// What stands in for the queues of a deployment.
fn missed() -> Finding {
    let text = "a laptop keeps no letters: a schedule that fails three times and a batch that is given up are lines of the \
                server's log (target dead_letter); what they were about is in the store, where the minute's sweep takes \
                it up again, and a tick that no server was there for is made up for by the next one";
    Finding::ok("dead letters", "the server's log", text)
}
