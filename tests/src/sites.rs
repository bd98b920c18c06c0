//! Websites on a loopback port: each has a name below `web`, which the tests' name server knows, and its own pages.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a site answers to a path.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status line's number.
    pub status: u16,
    /// Headers beside the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it takes.
    pub after: Duration,
}

impl Reply {
    /// A page in UTF-8.
    #[must_use]
    pub fn page(html: &str) -> Self {
        let kind = ("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned());
        Self { status: 200, headers: vec![kind], body: html.as_bytes().to_vec(), after: Duration::ZERO }
    }

    /// What a service answers: JSON.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        Self { status: 200, headers: vec![kind], body: body.to_string().into_bytes(), after: Duration::ZERO }
    }

    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::page("") }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// After a while.
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// A request that a site got.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The site.
    pub host: String,
    /// The path.
    pub path: String,
    /// When the request came, and when its answer was out.
    pub time: (Instant, Instant),
}

/// For each path of a site its replies in turn, of which the last one stays.
type Pages = HashMap<(String, String), VecDeque<Reply>>;

/// The sites.
#[derive(Clone, Debug)]
pub struct Sites {
    /// Their port.
    pub port: u16,
    pages: Arc<Mutex<Pages>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sites {
    /// Starts a server for sites, for as long as the runtime lives. What no site has is 404.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let sites = Self { port, pages: Arc::default(), asked: Arc::default() };
        let serving = sites.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sites = serving.clone();
                tokio::spawn(async move { sites.serve(stream).await });
            }
        });
        Ok(sites)
    }

    /// Puts a reply there.
    pub fn put(&self, host: &str, path: &str, reply: Reply) {
        self.put_turns(host, path, vec![reply]);
    }

    /// Puts replies there that are given in turn; the last one stays.
    pub fn put_turns(&self, host: &str, path: &str, replies: Vec<Reply>) {
        locked(&self.pages).insert((host.to_owned(), path.to_owned()), replies.into());
    }

    fn reply(&self, host: &str, path: &str) -> Reply {
        let mut pages = locked(&self.pages);
        let left = pages.get_mut(&(host.to_owned(), path.to_owned()));
        let reply = left.and_then(|left| if left.len() > 1 { left.pop_front() } else { left.front().cloned() });
        reply.unwrap_or_else(|| Reply::status(404))
    }

    /// The address of a site.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }

    /// What was asked for so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut request = Vec::new();
        loop {
            while !request.ends_with(b"\r\n\r\n") {
                let mut piece = [0; 2048];
                let length = stream.read(&mut piece).await?;
                if length == 0 {
                    return Ok(());
                }
                request.extend_from_slice(piece.get(..length).unwrap_or_default());
            }
            let came = Instant::now();
            let text = String::from_utf8_lossy(&std::mem::take(&mut request)).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            let host = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("host:").map(str::to_owned));
            let host = host.unwrap_or_default();
            let host = host.trim().split(':').next().unwrap_or_default().to_owned();
            let reply = self.reply(&host, &path);
            tokio::time::sleep(reply.after).await;
            let mut head = format!("HTTP/1.1 {} Answer\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
            for (name, value) in &reply.headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            head.push_str("\r\n");
            let sent = async {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&reply.body).await
            };
            let sent = sent.await;
            locked(&self.asked).push(Asked { host, path, time: (came, Instant::now()) });
            sent?;
        }
    }
}
