//! The embedded DynamoDB-compatible engine.

mod in_process;
mod opened;
mod reads;
mod service;
mod share;
mod signature;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials as SigningCredentials, Region},
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
        StreamViewType, TimeToLiveSpecification,
    },
};
use dynoxide::Database;
use shared::config::{Credentials, ExposeSecret as _};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::Instant};

pub use self::{
    in_process::InProcess,
    opened::{Opened, Trouble},
    reads::schema_in,
    service::service,
    signature::new_credentials,
};
use crate::{guard::HostNames, private, template::Table};

/// How often items are looked for whose time has come.
const SWEEP: Duration = Duration::from_secs(30);

/// The least pause after a sweep, in times that it took.
const SWEEP_SHARE: u32 = 400;

/// The name that containers have for their host.
pub(crate) const CONTAINERS_HOST: &str = "host.docker.internal";

/// Why the engine does not start.
pub type EngineError = Box<dyn std::error::Error + Send + Sync>;

/// A running engine; it ends with its stop signal.
#[derive(Debug)]
pub struct Engine {
    /// Where it answers.
    pub endpoint: String,
    /// Whom it answers: who signs with these.
    pub credentials: Credentials,
    in_process: InProcess,
    writes: watch::Receiver<()>,
    trouble: Trouble,
    tasks: Vec<JoinHandle<()>>,
}

/// An address that a store cannot listen on, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("the store's address {address}: {told}")]
pub(crate) struct BadAddress {
    address: SocketAddr,
    told: String,
}

impl BadAddress {
    pub(crate) fn of(address: SocketAddr, error: &io::Error) -> Self {
        let told = match error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there: name another port".to_owned(),
            io::ErrorKind::AddrNotAvailable => "it is no address of this machine: name another".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not listen there: name a port from 1024 on".to_owned(),
            _ => format!("{error}: name another"),
        };
        Self { address, told }
    }
}

impl Engine {
    /// Starts an engine on `address` for who has `credentials`, with its data in `file` or in memory, and makes the
    /// tables that are missing. It may be asked for under the names of this machine and the address.
    ///
    /// # Errors
    /// When the file, the port or a table cannot be had.
    pub async fn start(
        address: SocketAddr,
        credentials: &Credentials,
        file: Option<&Path>,
        tables: &[Table],
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let location = match file {
            Some(file) => {
                // SQLite gives the files beside it the same rights
                drop(private::open(file)?);
                file.to_str().ok_or("data directory is not UTF-8")?.to_owned()
            }
            None => format!("file:{}?mode=memory&cache=shared", uuid::Uuid::new_v4()),
        };
        let database = Database::new(&location)?;
        index_stream(&location)?;
        let opened = match file {
            Some(file) => Opened::over(database, file, tables)?,
            None => Opened::from(database),
        };
        let listener = TcpListener::bind(address).await.map_err(|error| BadAddress::of(address, &error))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // under an address of its own, containers reach it by the name that they have for their host
        let more = [address.ip().to_string(), CONTAINERS_HOST.to_owned()];
        let hosts = if address.ip().is_loopback() { more.get(1..) } else { Some(&more[..]) };
        let service = service(opened.clone(), credentials, HostNames::with(hosts.unwrap_or_default()));
        let served = axum::serve(listener, service).with_graceful_shutdown(stopped(stop.clone()));
        let serve = tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(cause = %error, "embedded store stopped");
            }
        });
        let sweep = tokio::spawn(sweep(opened.clone(), file.map(Path::to_owned), stop));
        let (writes, trouble) = (opened.writes(), opened.trouble.clone());
        let in_process = InProcess::new(vec![(endpoint.clone(), opened)]);
        let (credentials, tasks) = (credentials.clone(), vec![serve, sweep]);
        let engine = Self { endpoint, credentials, in_process, writes, trouble, tasks };
        for table in tables {
            engine.create(table).await?;
        }
        Ok(engine)
    }

    /// What reaches these engines from within the process, at the endpoints that they have for others.
    #[must_use]
    pub fn in_process(engines: &[&Self]) -> InProcess {
        InProcess::all(engines.iter().map(|engine| &engine.in_process))
    }

    /// Says when something was written, by whomever.
    #[must_use]
    pub fn writes(&self) -> watch::Receiver<()> {
        self.writes.clone()
    }

    /// What is wrong with the disk, whenever it is asked.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    /// Waits until the engine has ended.
    pub async fn ended(self) {
        for task in self.tasks {
            let _ = task.await;
        }
    }

    async fn create(&self, table: &Table) -> Result<(), EngineError> {
        let client = client(&self.endpoint, &self.credentials);
        let mut call = client.create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in table.keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            call = call.attribute_definitions(attribute.build()?).key_schema(key.build()?);
        }
        if let Some(view) = &table.stream {
            let stream = StreamSpecification::builder().stream_enabled(true);
            call = call.stream_specification(stream.stream_view_type(StreamViewType::from(view.as_str())).build()?);
        }
        match call.send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some(attribute) = &table.time_to_live {
            let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?;
            client
                .update_time_to_live()
                .table_name(&table.name)
                .time_to_live_specification(specification)
                .send()
                .await?;
        }
        Ok(())
    }
}

/// The engine asks for a table's greatest sequence number at each write, and without an index reads
/// the whole stream to find it: every write would cost more than the one before.
fn index_stream(location: &str) -> rusqlite::Result<()> {
    rusqlite::Connection::open(location)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS outscout_stream_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// A connection beside the engine's. Nobody waits for what it removes to be on the disk: it may be removed twice.
fn beside(file: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Removes stream records that DynamoDB would keep no longer; the engine keeps them for ever.
fn trim_stream(file: &Path) -> rusqlite::Result<usize> {
    const KEPT_HOURS: u32 = 24;
    let connection = beside(file)?;
    let old = format!("DELETE FROM _stream_records WHERE created_at < unixepoch('now', '-{KEPT_HOURS} hours')");
    connection.execute(&old, [])
}

/// Removes the records of a shard before the one with the public sequence number `reached`, which everybody who reads the
/// stream is done with. Slice by slice, so that no request waits for it long; how many went.
///
/// # Errors
/// When the file cannot be written.
pub fn trim_read(file: &Path, shard: &str, reached: &str) -> rusqlite::Result<usize> {
    /// What the engine adds to a stored sequence number to make it public.
    const OFFSET: u128 = 100_000_000_000_000_000_000;
    const SLICE: usize = 500;
    let stored = reached.parse::<u128>().ok().and_then(|number| i64::try_from(number.checked_sub(OFFSET)?).ok());
    let (Some(stored), Some(table)) = (stored, shard.splitn(3, '-').nth(2)) else { return Ok(0) };
    let connection = beside(file)?;
    let mut gone = 0;
    loop {
        // the record itself stays: new ones are numbered after it
        let slice = connection.execute(
            "DELETE FROM _stream_records WHERE rowid IN (
                 SELECT rowid FROM _stream_records
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2 LIMIT ?3)",
            rusqlite::params![table, stored, SLICE],
        )?;
        gone += slice;
        if slice < SLICE {
            return Ok(gone);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What AWS's clients sign with.
#[must_use]
pub fn signing(credentials: &Credentials) -> SigningCredentials {
    let (id, secret) = (credentials.access_key_id.expose_secret(), credentials.secret_access_key.expose_secret());
    SigningCredentials::new(id, secret, None, None, "embedded")
}

/// A client of an embedded engine.
#[must_use]
pub fn client(endpoint: &str, credentials: &Credentials) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(signing(credentials))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// Ends when the stop signal comes.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Removes items whose time has come, as DynamoDB does. The engine looks at every item for that: the more there are, the
/// seldomer. What has ended is not there for the functions, removed or not.
async fn sweep(engine: Opened, file: Option<PathBuf>, stop: watch::Receiver<bool>) {
    let mut pause = SWEEP;
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let began = Instant::now();
        let (database, file) = (engine.database.clone(), file.clone());
        let swept = tokio::task::spawn_blocking(move || {
            let swept = database.sweep_ttl();
            if let Some(Err(error)) = file.as_deref().map(trim_stream) {
                tracing::warn!(cause = %error, "old stream records not removed");
            }
            swept
        });
        pause = match swept.await {
            Ok(Ok(0)) => SWEEP.max(began.elapsed() * SWEEP_SHARE),
            Ok(Ok(_)) => match engine.written().await {
                Ok(()) => SWEEP.max(began.elapsed() * SWEEP_SHARE),
                Err(error) => unswept(&error),
            },
            Ok(Err(error)) => unswept(&error),
            Err(error) => unswept(&error),
        };
    }
}

/// Notes that a sweep failed; the pause before the next one.
fn unswept(cause: &dyn std::error::Error) -> Duration {
    tracing::warn!(%cause, "expired items not removed");
    SWEEP
}
