//! The whole system in one process.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use serde_json::Value;
use shared::{
    clock::Clock,
    context::Context,
    lambda::{Invoke, InvokeError},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::Instant};

use crate::{
    background::Background,
    backup,
    control::{Control, Outbox, Ready, Said},
    control_plane::ControlPlane,
    data::{
        ANY_PORT, DataDirectory, Held, Places, WITHOUT_STREAMS, settings, signing_variables, start_store, variables,
    },
    embedded_store::{Engine, EngineError, InProcess, new_credentials, stopped, trim_read},
    faults, functions,
    gateway::Gateway,
    guard::HostNames,
    lambda::{self, Lambda},
    log::Capture,
    past::Past,
    private, sam,
    schedule::Scheduler,
    streams::{self, Checkpoints, Mapping},
    template::{Api, Table, Templates},
    usage_plans::UsagePlans,
};

/// How long running requests may take to finish when the system stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long the last answers may take to reach their clients.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// How often stream records are removed that everybody has read.
const TRIMMED_EVERY: Duration = Duration::from_secs(10);

/// How a server runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// First of the four ports; 0 lets the system choose four.
    pub port: u16,
    /// Data directory; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Where the store answers; `None` lets the system choose a port of this machine.
    pub store: Option<SocketAddr>,
    /// Folder of function binaries to run as processes; `None` runs the linked functions in process.
    pub lambda: Option<PathBuf>,
    /// How many invocations such a process takes at once; 0 and 1 are one.
    pub at_once: usize,
    /// What starts those processes, so that none outlives the server, see [`lambda::launch`].
    pub launcher: Option<PathBuf>,
    /// Variables of the functions' environment.
    pub variables: Vec<(String, String)>,
    /// Names under which the control port may be asked for, beside those of this machine.
    pub host_names: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// The control port's URL.
    pub control: String,
    /// Base URL of the Outset API.
    pub outset: String,
    /// Base URL of the Outsend API.
    pub outsend: String,
    /// Base URL of the OpenScouter API.
    pub openscouter: String,
    /// A context over the server's store.
    pub context: Context,
    /// Ends, in this order: what brings work in, the functions' processes, the engines.
    stops: [watch::Sender<bool>; 3],
    tasks: Vec<JoinHandle<()>>,
    lambda: Option<Lambda>,
    engines: Vec<Engine>,
    scratch: Option<PathBuf>,
    held: Option<Held>,
    own: Own,
}

/// What the linked functions are made of.
#[derive(Debug)]
struct Own {
    engines: InProcess,
    outsend: Api,
    openscouter: Api,
    authorizer: String,
    usage_plans: Vec<UsagePlans>,
    said: Said,
}

impl Own {
    fn new(engines: &InProcess, templates: &Templates, said: &Said) -> Self {
        let (outsend, openscouter) = (templates.outsend.clone(), templates.openscouter.clone());
        let (engines, authorizer) = (engines.clone(), templates.authorizer.clone());
        Self { engines, outsend, openscouter, authorizer, usage_plans: Vec::new(), said: said.clone() }
    }
}

impl Server {
    /// Starts the system; it answers when this returns.
    ///
    /// # Errors
    /// When a port is taken, or the data directory is in use or cannot be read.
    pub async fn start(options: Options, log: Capture) -> Result<Self, EngineError> {
        let templates = Templates::embedded()?;
        let background = Background::embedded()?;
        let (listeners, directory, held) = places(&options).await?;
        let [(stop_work, work), (stop_functions, function_stop), (stop_engines, engine_stop)] =
            std::array::from_fn(|_| watch::channel(false));
        let [store, windows] = stores(directory.as_ref(), options.store, &templates.tables, engine_stop).await?;
        let scratch = (options.lambda.is_some() && directory.is_none()).then(scratch).transpose()?;
        let clock_file = clock_file(directory.as_ref(), scratch.as_deref());
        let offset = Arc::new(AtomicI64::new(clock_file.as_deref().map_or(0, kept_offset)));
        let [control, outset, outsend, openscouter] = urls(&listeners)?;
        let keys = signing_keys(directory.as_ref())?;
        let mut given = options.variables.clone();
        given.extend(own_variables([&control, &outsend, &openscouter], &keys)?);
        let places = Places {
            store: &store.endpoint,
            windows: &windows.endpoint,
            clock: clock_file.as_deref(),
            credentials: &store.credentials,
        };
        let settings = settings(places, &given)?;
        let in_process = Engine::in_process(&[&store, &windows]);
        let context = Context::over(settings, Clock::shared_offset(Arc::clone(&offset)), &in_process.reach());
        let lambda = match options.lambda {
            None => None,
            Some(directory) => {
                let (variables, time_limits) = (variables(places, &given), templates.time_limits.clone());
                let (launcher, at_once) = (options.launcher, options.at_once);
                let options = lambda::Options { directory, variables, launcher, at_once, time_limits };
                Some(processes(options, log.clone(), function_stop).await?)
            }
        };
        backup::migrate(&context, directory.as_ref()).await?;
        // this is the one process that works on this store: what held a lease is gone
        context.store().release_leases(context.clock().now()).await?;
        let (time_limits, named) = (&templates.time_limits, background.functions());
        let linked = Functions { context: &context, engines: &in_process, time_limits, background: named };
        let invokers = linked.invokers(lambda.as_ref());
        let scheduler = Scheduler::new(background.schedules, invokers.clone(), context.clock().clone());
        let mut tasks = vec![scheduler.run(work.clone())];
        tasks.extend(consumers(background.mappings, &invokers, (&store, directory.as_ref()), &work)?);
        let urls = vec![("Outset", outset.clone()), ("Outsend", outsend.clone()), ("OpenScouter", openscouter.clone())];
        let (hosts, outbox, said) = (HostNames::with(&options.host_names), Outbox::default(), Said::default());
        let mut own = Own::new(&in_process, &templates, &said);
        let apis = [templates.outset, templates.outsend, templates.openscouter];
        let gateways = apis.map(|api| Gateway::new(api, &templates.authorizer, &invokers, &context));
        own.usage_plans.extend(gateways.iter().map(|(_, plans)| plans.clone()));
        let control_plane = ControlPlane::new(own.usage_plans.clone(), context.clock().clone());
        control_plane.restore(&context.store().own_keys().await?);
        let troubles = vec![store.trouble(), windows.trouble()];
        let port = Control { offset, clock_file, log, scheduler, outbox, urls, hosts, control_plane, said, troubles };
        let routers = [port.router()].into_iter().chain(gateways.into_iter().map(|(gateway, _)| gateway.router()));
        for (listener, router) in listeners.into_iter().zip(routers) {
            tasks.push(tokio::spawn(serve(listener, router, work.clone())));
        }
        let (stops, engines) = ([stop_work, stop_functions, stop_engines], vec![store, windows]);
        Ok(Self { control, outset, outsend, openscouter, context, stops, tasks, lambda, engines, scratch, held, own })
    }

    /// Has the control port tell what was said when the server was ready.
    pub fn show(&self, said: Ready) {
        // it is said once
        let _ = self.own.said.set(said);
    }

    /// The usage plans of Outset, Outsend and OpenScouter.
    #[must_use]
    pub fn usage_plans(&self) -> &[UsagePlans] {
        &self.own.usage_plans
    }

    /// The APIs as they were some time ago.
    pub(crate) fn past(&self, ago: time::Duration) -> Past {
        let now = self.context.clock().now() - ago;
        let system = Clock::system().now();
        let offset = i64::try_from((now - system).whole_milliseconds()).unwrap_or(0);
        let offset = Arc::new(AtomicI64::new(offset));
        let clock = Clock::shared_offset(Arc::clone(&offset));
        let context = Context::over(self.context.settings().clone(), clock, &self.own.engines.reach());
        let named = HashSet::new();
        let linked = Functions {
            context: &context,
            engines: &self.own.engines,
            time_limits: &BTreeMap::new(),
            background: named,
        };
        let invokers = linked.invokers(None);
        let gateway = |api: &Api| Gateway::new(api.clone(), &self.own.authorizer, &invokers, &context).0;
        let gateways = [gateway(&self.own.outsend), gateway(&self.own.openscouter)];
        Past::new(context.clone(), gateways, offset)
    }

    /// Lets running requests finish and ends.
    pub async fn shutdown(self) {
        let [work, functions, engines] = self.stops;
        let _ = work.send(true);
        let end = Instant::now() + GRACE;
        for mut task in self.tasks {
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                task.abort();
            }
        }
        let _ = functions.send(true);
        if let Some(lambda) = self.lambda {
            lambda.ended().await;
        }
        let _ = engines.send(true);
        let end = Instant::now() + GRACE;
        for engine in self.engines {
            let _ = tokio::time::timeout_at(end, engine.ended()).await;
        }
        if let Some(folder) = self.scratch
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            tracing::warn!(cause = %error, "scratch folder not removed");
        }
        drop(self.held);
    }
}

/// The engines of entities, announced to the command line, and of rate windows. Nobody else knows the credentials: they
/// answer this system's processes and its owner.
async fn stores(
    directory: Option<&DataDirectory>,
    address: Option<SocketAddr>,
    tables: &[Table],
    stop: watch::Receiver<bool>,
) -> Result<[Engine; 2], EngineError> {
    let (credentials, place) = (new_credentials()?, address.unwrap_or(ANY_PORT));
    let store = start_store(directory, place, &credentials, tables, stop.clone()).await?;
    let windows = Engine::start(ANY_PORT, &credentials, None, tables, stop).await?;
    if let Some(directory) = directory {
        directory.announce(&store)?;
        if address.is_some() {
            sam::write(directory, &store)?;
        }
    }
    Ok([store, windows])
}

/// The keys that sign access tokens: those of the data directory, or new ones.
fn signing_keys(directory: Option<&DataDirectory>) -> Result<Vec<Value>, EngineError> {
    match directory {
        Some(directory) => Ok(directory.signing_keys()?),
        None => Ok(vec![shared::jwt::new_key()?.0]),
    }
}

/// What the local system sets by itself; what is given on the command line or in the environment goes before it.
fn own_variables(
    [control, outsend, openscouter]: [&str; 3],
    keys: &[Value],
) -> Result<Vec<(String, String)>, EngineError> {
    // mails go to the control port, which takes them like SES, and gateway keys, which it takes like API Gateway
    let plans = |plan: &str| ["outset", "outsend", "openscouter"].map(|api| format!("{api}-{plan}")).join(",");
    let (free, pro) = (plans("FreePlan"), plans("ProPlan"));
    let named = [
        ("AWS_ENDPOINT_URL_SESV2", control),
        ("AWS_ENDPOINT_URL_API_GATEWAY", control),
        ("OUTSCOUT_GATEWAY_FREE_PLANS", &free),
        ("OUTSCOUT_GATEWAY_PRO_PLANS", &pro),
        ("OUTSCOUT_MAIL_SENDER", "outscout@localhost"),
        ("OUTSCOUT_OUTSEND_PUBLIC_URL", outsend.trim_end_matches("/api")),
        ("OUTSCOUT_OPENSCOUTER_PUBLIC_URL", openscouter.trim_end_matches("/api")),
    ];
    let mut variables: Vec<_> = named.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(signing_variables(keys));
    // nobody has chosen a secret for the scheduler: one for this run
    let (cron_secret, _) = shared::secret::new_token("")?;
    variables.push(("OUTSCOUT_CRON_SECRET".to_owned(), cron_secret));
    Ok(variables)
}

/// Takes the ports, and the data directory for this process alone. Where a port is taken, no directory is made; where there
/// is one, its holder is told of before the ports.
async fn places(options: &Options) -> Result<(Vec<TcpListener>, Option<DataDirectory>, Option<Held>), EngineError> {
    let Some(path) = options.data.as_deref() else { return Ok((bind(options.port).await?, None, None)) };
    let first = if path.exists() { None } else { Some(bind(options.port).await?) };
    let directory = DataDirectory::open(path)?;
    let held = directory.hold_alone()?;
    let listeners = match first {
        Some(listeners) => listeners,
        None => bind(options.port).await?,
    };
    Ok((listeners, Some(directory), Some(held)))
}

/// Readies the functions as processes, each of which must have its binary.
async fn processes(options: lambda::Options, log: Capture, stop: watch::Receiver<bool>) -> Result<Lambda, EngineError> {
    let lambda = lambda::start(options, log, stop).await?;
    lambda.check(functions::ALL.iter().map(|function| function.name()))?;
    Ok(lambda)
}

/// The file that moves the clock of separate processes: they share it also when nothing else is kept.
fn clock_file(directory: Option<&DataDirectory>, scratch: Option<&Path>) -> Option<PathBuf> {
    directory.map(DataDirectory::clock_file).or_else(|| scratch.map(|folder| folder.join("clock")))
}

/// Starts what reads the tables' streams, and what removes the records that all have read.
fn consumers(
    mappings: Vec<Mapping>,
    invokers: &HashMap<String, Invoke>,
    (store, directory): (&Engine, Option<&DataDirectory>),
    work: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, EngineError> {
    let checkpoints = match directory.map(DataDirectory::streams_file) {
        None => Checkpoints::default(),
        Some(file) => Checkpoints::open(file.clone())
            .map_err(|error| faults::file(&file, &format!("it cannot be read: {error}"), WITHOUT_STREAMS))?,
    };
    let mut tasks = Vec::new();
    if let Some(file) = directory.map(DataDirectory::store_file) {
        tasks.push(tokio::spawn(trim(file, readers(&mappings), checkpoints.clone(), work.clone())));
    }
    for mapping in mappings {
        let invoke = invokers.get(&mapping.function);
        let invoke = invoke.ok_or_else(|| format!("no function {}", mapping.function))?;
        tasks.push(streams::run(mapping, store, checkpoints.clone(), Arc::clone(invoke), work.clone()));
    }
    Ok(tasks)
}

/// The functions that read each table's stream.
fn readers(mappings: &[Mapping]) -> Vec<Vec<String>> {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mapping in mappings {
        tables.entry(&mapping.table).or_default().push(mapping.function.clone());
    }
    tables.into_values().collect()
}

/// Removes the stream records that all of their readers are done with, from time to time.
async fn trim(file: PathBuf, readers: Vec<Vec<String>>, checkpoints: Checkpoints, stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(TRIMMED_EVERY) => {}
        }
        for (shard, reached) in readers.iter().flat_map(|functions| checkpoints.passed_by_all(functions)) {
            let file = file.clone();
            let trimmed = tokio::task::spawn_blocking(move || trim_read(&file, &shard, &reached));
            match trimmed.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(cause = %error, "read stream records not removed"),
                Err(error) => tracing::error!(cause = %error, "trimming failed"),
            }
        }
    }
}

/// The four listeners: control, Outset, Outsend, OpenScouter.
async fn bind(first: u16) -> Result<Vec<TcpListener>, EngineError> {
    let mut listeners = Vec::new();
    for position in 0..4 {
        let port = if first == 0 { Some(0) } else { first.checked_add(position) };
        let port = port.ok_or_else(|| {
            format!("port {first}: there are not four ports from here on: name other ports with --port")
        })?;
        let bound = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
        listeners.push(bound.map_err(|error| no_port(first, port, &error))?);
    }
    Ok(listeners)
}

/// Why a port is not had, and what to do.
fn no_port(first: u16, port: u16, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::AddrInUse {
        let who = format!("`outscout doctor --port {first}` looks which");
        return format!("port {port}: another program listens there: name other ports with --port; {who}");
    }
    format!("port {port}: {error}: name other ports with --port")
}

fn urls(listeners: &[TcpListener]) -> Result<[String; 4], EngineError> {
    let mut urls = Vec::new();
    for (listener, path) in listeners.iter().zip(["", "/v1", "/api", "/api"]) {
        urls.push(format!("http://{}{path}", listener.local_addr()?));
    }
    <[String; 4]>::try_from(urls).map_err(|_| "four listeners expected".into())
}

/// The functions in this process.
struct Functions<'a> {
    context: &'a Context,
    engines: &'a InProcess,
    time_limits: &'a BTreeMap<String, Duration>,
    /// Names of those that no request calls.
    background: HashSet<String>,
}

impl Functions<'_> {
    /// The functions by crate name, in process or as processes.
    fn invokers(&self, lambda: Option<&Lambda>) -> HashMap<String, Invoke> {
        let invoker = |function: &dyn shared::lambda::Function| match lambda {
            Some(lambda) => lambda.invoker(function.name()),
            None => self.invoker(function),
        };
        functions::ALL.iter().map(|function| (function.name().to_owned(), invoker(*function))).collect()
    }

    /// A function that answers when the disk has what it wrote. Its invocations end at the template's time limit, as the
    /// platform ends them; what no request waits for makes way for those that do.
    fn invoker(&self, function: &dyn shared::lambda::Function) -> Invoke {
        let (invoke, engines) = (function.invoke(self.context.clone()), self.engines.clone());
        let aside = self.background.contains(function.name());
        let limit = self.time_limits.get(function.name()).copied().unwrap_or(Duration::MAX);
        Arc::new(move |event| {
            let (work, engines) = (invoke(event), engines.clone());
            Box::pin(async move {
                let answered = async { if aside { engines.aside(work).await } else { engines.told(work).await } };
                match tokio::time::timeout(limit, answered).await {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(error)) => Err(InvokeError::failed(format!("not on the disk: {error}"))),
                    Err(_) => Err(InvokeError::TimedOut(limit)),
                }
            })
        })
    }
}

fn kept_offset(file: &Path) -> i64 {
    std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn scratch() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
    private::make_directory(&folder)?;
    Ok(folder)
}

/// Serves until the stop signal comes and what runs then is answered. A client that has sent half a request
/// and stays silent is not waited for.
async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let running = Arc::new(watch::Sender::new(0_usize));
    let mut quiet = running.subscribe();
    let service = router.layer(middleware::from_fn_with_state(running, count));
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopped(stop.clone()));
    let answered = async {
        stopped(stop).await;
        let _ = quiet.wait_for(|running| *running == 0).await;
        tokio::time::sleep(LAST_BYTES).await;
    };
    tokio::select! {
        served = served.into_future() => if let Err(error) = served {
            tracing::error!(cause = %error, "listener stopped");
        },
        () = answered => {}
    }
}

/// Counts the requests that run.
async fn count(State(running): State<Arc<watch::Sender<usize>>>, request: Request, next: Next) -> Response {
    let _one = Running::one_more(running);
    next.run(request).await
}

/// One request that runs, also when its client goes away.
struct Running(Arc<watch::Sender<usize>>);

impl Running {
    fn one_more(running: Arc<watch::Sender<usize>>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}
