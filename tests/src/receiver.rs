//! A server on a loopback port, which does what it is told to: a receiver of webhooks, or the source of a table.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Its first line.
    pub line: String,
    /// Its headers, the names in lower case.
    pub headers: HashMap<String, String>,
    /// Its body.
    pub body: String,
}

impl Received {
    /// A header, empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a receiver answers with: the head without its end, and the body, after a while; an empty head is no answer at all.
type Plan = Arc<Mutex<(String, String, Duration)>>;

/// The head of an answer that takes what arrived.
const TAKEN: &str = "HTTP/1.1 204 No Content\r\n";

/// The receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: SocketAddr,
    plan: Plan,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Starts one that takes everything, for as long as the runtime lives.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self {
            address: listener.local_addr()?,
            plan: Arc::new(Mutex::new((TAKEN.to_owned(), String::new(), Duration::ZERO))),
            received: Arc::default(),
        };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move {
                    let _ = served.serve(stream).await;
                });
            }
        });
        Ok(receiver)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/in?x=1", self.address)
    }

    /// From now on it answers so: a status, and more lines of a head.
    pub fn answers(&self, status: u16, more: &str) {
        self.plans(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{more}"), "");
    }

    /// From now on it answers with a table.
    pub fn serves(&self, table: &str) {
        let length = table.len();
        self.plans(format!("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: {length}\r\n"), table);
    }

    /// From now on it does not answer.
    pub fn hangs(&self) {
        self.plans(String::new(), "");
    }

    /// From now on it takes everything, after a while.
    pub fn takes_after(&self, pause: Duration) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = (TAKEN.to_owned(), String::new(), pause);
    }

    fn plans(&self, head: String, body: &str) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = (head, body.to_owned(), Duration::ZERO);
    }

    /// What arrived so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        let request = loop {
            let mut part = [0; 4_096];
            let read = stream.read(&mut part).await?;
            bytes.extend_from_slice(part.get(..read).unwrap_or_default());
            if let Some(request) = request(&bytes) {
                break request;
            }
            if read == 0 {
                return Ok(());
            }
        };
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let (head, body, pause) = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if head.is_empty() {
            // until the other side has enough
            let _ = stream.read(&mut [0; 1]).await;
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await
    }
}

/// A request that is there as a whole.
fn request(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    (body.len() >= length).then(|| Received { at: Instant::now(), line, headers, body: body.to_owned() })
}
