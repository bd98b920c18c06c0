//! A stub of an IMAP server (RFC 9051, RFC 6154, Gmail's X-GM-EXT-1), as far as placement checks speak with one: some
//! mailboxes, each with an inbox and a folder for spam, and their mails. Dovecot is asked in `tests/reference`.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::json;
use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const PASSWORD: &str = "hush \"of\" seeds";
const DATE: &[FormatItem<'_>] = format_description!("[day]-[month repr:short]-[year] [hour]:[minute]:[second] +0000");

/// A mail of a mailbox.
#[derive(Clone, Debug)]
struct Mail {
    mailbox: String,
    folder: &'static str,
    tab: &'static str,
    from: String,
    subject: String,
    at: OffsetDateTime,
}

/// The server.
#[derive(Clone, Debug)]
pub struct Seeds {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seeds {
    /// Starts it, for as long as the runtime lives.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seeds = Self { address, mails: Arc::default(), commands: Arc::default() };
        let server = seeds.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                // whoever hangs up has heard enough
                tokio::spawn(async move { server.serve(stream).await.ok() });
            }
        });
        seeds
    }

    /// The variable that names these mailboxes: of a name that ends in `-out` the password is wrong.
    #[must_use]
    pub fn variable(&self, names: &[&str]) -> String {
        let seed = |name: &&str| {
            let password = if name.ends_with("-out") { "wrong" } else { PASSWORD };
            json!({
                "email": format!("{name}@seed.test"), "kind": name, "host": "127.0.0.1", "port": self.address.port(),
                "password": password, "tls": false,
            })
        };
        json!(names.iter().map(seed).collect::<Vec<_>>()).to_string()
    }

    /// Puts a mail into the inbox of a mailbox, under a tab if it is not empty.
    pub fn deliver(&self, name: &str, tab: &'static str, from: &str, subject: &str, at: OffsetDateTime) {
        self.put(name, "INBOX", tab, from, subject, at);
    }

    /// Puts a mail into the folder for spam.
    pub fn reject(&self, name: &str, from: &str, subject: &str, at: OffsetDateTime) {
        self.put(name, "Junk", "", from, subject, at);
    }

    fn put(&self, name: &str, folder: &'static str, tab: &'static str, from: &str, subject: &str, at: OffsetDateTime) {
        let (mailbox, from, subject) = (format!("{name}@seed.test"), from.to_owned(), subject.to_owned());
        lock(&self.mails).push(Mail { mailbox, folder, tab, from, subject, at });
    }

    /// The commands that came, without their tags.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        lock(&self.commands).clone()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK stub\r\n").await?;
        let (mut mailbox, mut folder, mut line) = (String::new(), String::new(), String::new());
        while stream.read_line(&mut line).await? > 0 {
            let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
            lock(&self.commands).push(command.to_owned());
            let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
            let mails: Vec<_> = lock(&self.mails).iter().filter(|mail| mail.mailbox == mailbox).cloned().collect();
            let here = || mails.iter().zip(1_u32..).filter(|(mail, _)| mail.folder == folder);
            let mut end = "OK done";
            let mut text = String::new();
            match (verb, rest) {
                ("LOGIN", rest) => {
                    let (user, password) = rest.split_once(' ').unwrap_or_default();
                    mailbox = user.trim_matches('"').to_owned();
                    if password != format!("\"{}\"", PASSWORD.replace('"', "\\\"")) {
                        end = "NO [AUTHENTICATIONFAILED] no";
                    }
                }
                ("CAPABILITY", _) => text.push_str("* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n"),
                ("LIST", _) => text.push_str("* LIST () \"/\" INBOX\r\n* LIST (\\Junk) \"/\" Junk\r\n"),
                ("EXAMINE", name) => {
                    name.trim_matches('"').clone_into(&mut folder);
                    let exist = mails.iter().filter(|mail| mail.folder == folder).count();
                    let _ = write!(text, "* {exist} EXISTS\r\n");
                }
                ("UID", rest) if rest.starts_with("SEARCH") => {
                    let tab = rest.split_once("category:").map(|(_, tab)| tab.trim_matches('"'));
                    let found = here().filter(|(mail, _)| tab.is_none_or(|tab| tab == mail.tab));
                    let found: Vec<_> = found.map(|(_, uid)| uid.to_string()).collect();
                    let _ = write!(text, "* SEARCH {}\r\n", found.join(" "));
                }
                ("UID", rest) if rest.starts_with("FETCH") => here().for_each(|(mail, uid)| {
                    let header = format!("From: {}\r\nSubject: {}\r\n\r\n", mail.from, mail.subject);
                    let (date, length) = (mail.at.format(DATE).unwrap(), header.len());
                    let _ = write!(text, "* {uid} FETCH (UID {uid} INTERNALDATE \"{date}\" ");
                    let _ = write!(text, "BODY[HEADER.FIELDS (FROM SUBJECT)] {{{length}}}\r\n{header})\r\n");
                }),
                ("LOGOUT", _) => text.push_str("* BYE\r\n"),
                _ => end = "BAD unknown",
            }
            let answer = format!("{text}{tag} {end}\r\n");
            stream.write_all(answer.as_bytes()).await?;
            line.clear();
        }
        Ok(())
    }
}
