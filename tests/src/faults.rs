//! A layer in front of the embedded engine that does to callers what DynamoDB may do: it throttles, lets
//! transactions conflict, loses answers after the write, is slow, and refuses what a function's role does not allow.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{binaries::Offset, notes::Notes, policies};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused: too many calls.
    Throttled,
    /// A transaction, or the write of a single entity, meets a transaction. Other calls pass.
    Conflict,
    /// A transaction fails for good, however often it is tried. Other calls pass.
    Broken,
    /// It is done, and nobody hears of it.
    LostAnswer,
    /// It takes this many milliseconds longer.
    Slow(u64),
}

/// What a call takes, in milliseconds, and the offset of the clock that it moves.
type Takes = (i64, Offset);

/// The layer.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Where it answers.
    pub endpoint: String,
    plan: Arc<Mutex<Option<(usize, Fault)>>>,
    calls: Arc<AtomicUsize>,
    happened: Arc<AtomicUsize>,
    /// What a call takes by the clock that the offset moves.
    takes: Arc<Mutex<Option<Takes>>>,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    /// Where it is noted what invocations take.
    pub(crate) notes: Option<Notes>,
}

/// Stands among the functions for a test that calls the store itself while functions run.
const THE_TEST: &str = "the test";

/// A function that is under way.
#[derive(Debug)]
pub struct Running {
    function: &'static str,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(invocations) = running.get_mut(self.function) {
            *invocations -= 1;
            if *invocations == 0 {
                running.remove(self.function);
            }
        }
    }
}

impl Faults {
    /// Starts a layer in front of `engine`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(engine: &str) -> io::Result<Self> {
        Self::noting(engine, None).await
    }

    /// Starts a layer in front of `engine` beside which it is noted what invocations take.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) async fn noting(engine: &str, notes: Option<Notes>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let faults = Self {
            endpoint: format!("http://{}", listener.local_addr()?),
            plan: Arc::default(),
            calls: Arc::default(),
            happened: Arc::default(),
            takes: Arc::default(),
            running: Arc::default(),
            notes,
        };
        let (layer, engine) = (faults.clone(), engine.trim_start_matches("http://").to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (layer, engine) = (layer.clone(), engine.clone());
                tokio::spawn(async move {
                    // a connection ends when either side does
                    let _ = layer.relay(client, &engine).await;
                });
            }
        });
        Ok(faults)
    }

    /// From now on every `nth` call meets `fault`, and of conflicts every `nth` write that can meet one.
    pub fn every(&self, nth: usize, fault: Fault) {
        self.calls.store(0, Ordering::SeqCst);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some((nth, fault));
    }

    /// From now on each call takes this many milliseconds, by the clock that `offset` moves: nobody waits for them. Calls
    /// made beside one another take their time one after another.
    pub(crate) fn takes(&self, milliseconds: i64, offset: &Offset) {
        *self.takes.lock().unwrap_or_else(PoisonError::into_inner) = Some((milliseconds, offset.clone()));
    }

    /// From now on nothing goes wrong, nor takes any time; says how often something did since the last time.
    pub fn stop(&self) -> usize {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.takes.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.happened.swap(0, Ordering::SeqCst)
    }

    /// Until the value is dropped, calls are those of `function`: its role must allow them.
    #[must_use]
    pub fn running(&self, function: &'static str) -> Running {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner).entry(function).or_default() += 1;
        Running { function, running: Arc::clone(&self.running) }
    }

    /// Until the value is dropped, the test calls the store itself beside the functions: nothing is refused.
    #[must_use]
    pub fn beside_functions(&self) -> Running {
        self.running(THE_TEST)
    }

    /// Whether no function that runs may do this. A call cannot be told from another's of the same moment, so one that
    /// may is enough; without any, it is the test's own. What a function no longer waits for can come late and be taken
    /// for the next one's: its refusal reaches nobody.
    fn refuses(&self, request: &[u8]) -> bool {
        let running: Vec<_> = self.running.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        if running.is_empty() || running.contains(&THE_TEST) {
            return false;
        }
        let accesses = accesses(request);
        if let Some(file) = policies::record() {
            if let [function] = running[..] {
                accesses.iter().for_each(|access| policies::note(&file, function, access));
            }
            return false;
        }
        let may = |function: &&str| accesses.iter().all(|access| policies::allows(function, access));
        let refused = !running.iter().any(may);
        if refused {
            eprintln!("no policy of {running:?} allows {accesses:?}");
        } else if let (Some(file), [function]) = (policies::used(), &running[..]) {
            accesses.iter().for_each(|access| policies::note(file, function, access));
        }
        refused
    }

    /// What happens to the next call; conflicts count only what can meet one.
    fn next(&self, write: Option<Write>) -> Option<Fault> {
        let plan = *self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let (nth, fault) = plan.filter(|(_, fault)| match fault {
            Fault::Conflict => write.is_some(),
            Fault::Broken => write == Some(Write::Transaction),
            Fault::Throttled | Fault::LostAnswer | Fault::Slow(_) => true,
        })?;
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        call.is_multiple_of(nth).then_some(fault)
    }

    async fn relay(&self, mut client: TcpStream, engine: &str) -> io::Result<()> {
        let mut server = TcpStream::connect(engine).await?;
        loop {
            let request = message(&mut client).await?;
            if self.refuses(&request) {
                client.write_all(&refusal("AccessDeniedException", "")).await?;
                continue;
            }
            if let Some((milliseconds, offset)) = &*self.takes.lock().unwrap_or_else(PoisonError::into_inner) {
                offset.add(*milliseconds);
            }
            let write = write(&request);
            let fault = self.next(write);
            if fault.is_some() {
                self.happened.fetch_add(1, Ordering::SeqCst);
            }
            match fault {
                Some(Fault::Throttled) => {
                    client.write_all(&refusal("ProvisionedThroughputExceededException", "")).await?;
                    continue;
                }
                Some(Fault::Conflict) if write == Some(Write::Single) => {
                    client.write_all(&refusal("TransactionConflictException", "")).await?;
                    continue;
                }
                Some(Fault::Conflict) => {
                    let reasons = r#","CancellationReasons":[{"Code":"TransactionConflict","Message":"conflict"}]"#;
                    client.write_all(&refusal("TransactionCanceledException", reasons)).await?;
                    continue;
                }
                Some(Fault::Broken) => {
                    client.write_all(&refusal("AccessDeniedException", "")).await?;
                    continue;
                }
                Some(Fault::Slow(milliseconds)) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
                _ => {}
            }
            let call = match &self.notes {
                Some(notes) => Some(notes.begins(parts(&request)).await),
                None => None,
            };
            server.write_all(&request).await?;
            let answer = message(&mut server).await?;
            if let Some(call) = call {
                call.ends(!answer.starts_with(b"HTTP/1.1 200")).await;
            }
            if fault == Some(Fault::LostAnswer) {
                return Ok(());
            }
            client.write_all(&answer).await?;
        }
    }
}

/// A write that can meet a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// A transaction itself.
    Transaction,
    /// Of one item of the table that transactions write to.
    Single,
}

fn write(request: &[u8]) -> Option<Write> {
    let has = |what: &str| find(request, what.as_bytes()).is_some();
    if has("DynamoDB_20120810.TransactWriteItems") {
        return Some(Write::Transaction);
    }
    let single = ["PutItem", "UpdateItem", "DeleteItem"].iter().any(|call| has(&format!("DynamoDB_20120810.{call}")));
    (single && has("\"TableName\":\"main\"")).then_some(Write::Single)
}

fn accesses(request: &[u8]) -> Vec<policies::Access> {
    let (operation, body) = parts(request);
    policies::accesses(&operation, &serde_json::from_slice(body).unwrap_or_default())
}

/// The operation that a request names, and its body.
fn parts(request: &[u8]) -> (String, &[u8]) {
    let end = find(request, b"\r\n\r\n").unwrap_or(request.len());
    let (head, body) = request.split_at(end);
    let head = String::from_utf8_lossy(head);
    let operation = head.split("DynamoDB_20120810.").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
    (operation.trim().to_owned(), body)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Reads one HTTP message with a length.
async fn message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0_usize) {
                return Ok(bytes);
            }
        }
        let mut part = [0; 16 * 1024];
        match stream.read(&mut part).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
}

fn refusal(kind: &str, more: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"fault"{more}}}"#);
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}
