//! Servers for the tests, on 127.0.0.1.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, RecordType,
        rdata::{A, AAAA, MX},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, UdpSocket},
};

use super::outside::{Outside, OutsideConfig};

/// What the name server knows of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Mx(u16, &'static str),
    /// The first address when it is asked for the first time, from then on the second; not to be remembered.
    Turns(Ipv4Addr, Ipv4Addr),
    Nothing,
    Failure,
    Silence,
}

pub(super) struct NameServer {
    pub(super) address: SocketAddr,
    pub(super) asked: Arc<AtomicUsize>,
}

/// A name server for these names; any other does not exist.
pub(super) async fn name_server(records: &[(&'static str, Record)]) -> NameServer {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut records, counter) = (records.to_vec(), asked.clone());
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            counter.fetch_add(1, Ordering::Relaxed);
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let reply = reply(&records, &question);
            turn(&mut records, &question);
            if let Some(reply) = reply {
                socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    NameServer { address, asked }
}

/// Lets a name that was asked for its address have its second one.
fn turn(records: &mut [(&'static str, Record)], question: &Message) {
    let query = &question.queries[0];
    for (known, record) in records {
        if let Record::Turns(_, next) = *record
            && query.query_type() == RecordType::A
            && query.name().to_ascii().eq_ignore_ascii_case(known)
        {
            *record = Record::Turns(next, next);
        }
    }
}

fn reply(records: &[(&'static str, Record)], question: &Message) -> Option<Message> {
    let query = question.queries[0].clone();
    let name = query.name().to_ascii();
    let found: Vec<Record> =
        records.iter().filter(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, record)| *record).collect();
    if found.contains(&Record::Silence) {
        return None;
    }
    let code = match found.as_slice() {
        [] => ResponseCode::NXDomain,
        found if found.contains(&Record::Failure) => ResponseCode::ServFail,
        _ => ResponseCode::NoError,
    };
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.response_code = code;
    for record in found {
        let seconds = if matches!(record, Record::Turns(..)) { 0 } else { 60 };
        let data = match (record, query.query_type()) {
            (Record::A(address) | Record::Turns(address, _), RecordType::A) => RData::A(A(address)),
            (Record::Aaaa(address), RecordType::AAAA) => RData::AAAA(AAAA(address)),
            (Record::Mx(preference, host), RecordType::MX) => {
                RData::MX(MX::new(preference, Name::from_ascii(host).unwrap()))
            }
            _ => continue,
        };
        reply.add_answer(hickory_resolver::proto::rr::Record::from_rdata(query.name().clone(), seconds, data));
    }
    reply.add_query(query);
    Some(reply)
}

/// Clients that ask this name server.
pub(super) fn outside(dns_server: SocketAddr, allow_hosts: &[&str]) -> Outside {
    Outside::new(OutsideConfig {
        dns_server: Some(dns_server),
        smtp_probe: true,
        smtp_port: 25,
        mail_from: "probe@outscout.test".to_owned(),
        allow_hosts: allow_hosts.iter().map(ToString::to_string).collect(),
        user_agent: "outscout/1.0 (+https://outscout.test/bot)".to_owned(),
    })
    .unwrap()
}

pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// The commands it was sent.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().filter(|line| *line != "QUIT").cloned().collect()
    }
}

/// A mail server that answers commands that begin so with this, and any other with 250; the greeting is the command
/// without a letter.
pub(super) async fn mail_server(answers: &'static [(&'static str, &'static str)]) -> MailServer {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let greeting = answers.iter().find(|(begin, _)| begin.is_empty()).map_or("220 hello", |(_, text)| text);
            stream.write_all(format!("{greeting}\r\n").as_bytes()).await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
                let command = std::mem::take(&mut line).trim_end().to_owned();
                let answer = answers
                    .iter()
                    .find(|(begin, _)| !begin.is_empty() && command.starts_with(begin))
                    .map_or("250-fine\r\n250 go on", |(_, text)| text);
                lines.lock().unwrap().push(command);
                if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    MailServer { address, seen }
}

pub(super) struct WebServer {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl WebServer {
    /// The requests it got, in lower case.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A web server with an answer for each of these paths.
pub(super) async fn web_server(pages: Vec<(&'static str, Vec<u8>)>) -> WebServer {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (pages, requests) = (HashMap::<_, _>::from_iter(pages), seen.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).await.is_err() {
                    break;
                }
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap().to_lowercase();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            requests.lock().unwrap().push(request);
            // whoever has seen enough hangs up
            let _ = stream.write_all(&pages[path.as_str()]).await;
        }
    });
    WebServer { address, seen }
}
