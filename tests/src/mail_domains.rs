//! Domains that take mail in every way that is met: a name server that knows them, and their mail servers on loopback
//! addresses, all on one port.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, MX, TXT},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// What the name server says of a name.
#[derive(Clone, Copy)]
enum Known {
    Mx(u16, &'static str),
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(&'static str),
    Txt,
    Failure,
    Silence,
}

const fn server(number: u8) -> Known {
    Known::A(Ipv4Addr::new(127, 0, 2, number))
}

/// The names; any other does not exist. Where a server is dead nobody listens.
const NAMES: &[(&str, Known)] = &[
    ("good.test", Known::Mx(10, "mx.good.test.")),
    ("mx.good.test", server(1)),
    ("null.test", Known::Mx(0, ".")),
    ("nullmix.test", Known::Mx(0, ".")),
    ("nullmix.test", Known::Mx(10, "mx.good.test.")),
    ("implicit.test", server(1)),
    ("implicit6.test", Known::Aaaa(Ipv6Addr::LOCALHOST)),
    ("txtonly.test", Known::Txt),
    ("mxlocal.test", Known::Mx(10, "localhost.")),
    ("localhost", Known::A(Ipv4Addr::LOCALHOST)),
    ("mxip.test", Known::Mx(10, "127.0.2.1.")),
    ("mxnowhere.test", Known::Mx(10, "nowhere.good.test.")),
    ("alias.test", Known::Cname("good.test.")),
    ("servfail.test", Known::Failure),
    ("silent1.test", Known::Silence),
    ("policy.test", Known::Mx(10, "mx.policy.test.")),
    ("mx.policy.test", server(2)),
    ("full.test", Known::Mx(10, "mx.full.test.")),
    ("mx.full.test", server(3)),
    ("grey.test", Known::Mx(10, "mx.grey.test.")),
    ("mx.grey.test", server(4)),
    ("catchall.test", Known::Mx(10, "mx.catchall.test.")),
    ("mx.catchall.test", server(5)),
    ("relay.test", Known::Mx(10, "mx.relay.test.")),
    ("mx.relay.test", server(6)),
    ("first-dead.test", Known::Mx(5, "dead.test.")),
    ("first-dead.test", Known::Mx(10, "mx.catchall.test.")),
    ("dead.test", server(200)),
    ("first-busy.test", Known::Mx(5, "busy.test.")),
    ("first-busy.test", Known::Mx(10, "mx.catchall.test.")),
    ("busy.test", server(7)),
    ("evilgoogle.com", Known::Mx(10, "aspmx.evilgoogle.com.")),
    ("aspmx.evilgoogle.com", server(5)),
];

/// What is said of recipients that begin so.
type Answers = &'static [(&'static str, &'static str)];

/// The mail servers: the last byte of the address, the greeting, and what is said of recipients; of any other that there
/// is no such user.
const SERVERS: &[(u8, &str, Answers)] = &[
    (
        1,
        "220 good",
        &[
            ("ok", "250 2.1.5 fine"),
            ("contact", "250 2.1.5 fine"),
            ("o'neil", "250 2.1.5 fine"),
            ("a%b", "250 2.1.5 fine"),
            ("any", "250 2.1.5 fine"),
        ],
    ),
    (2, "220 policy", &[("", "550 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org")]),
    (3, "220 full", &[("", "452 4.2.2 mailbox full")]),
    (4, "220 grey", &[("", "451 4.7.1 greylisted, try again later")]),
    (5, "220 all", &[("", "250 2.1.5 fine")]),
    (6, "220 relay", &[("", "554 5.7.1 Relay access denied")]),
    (7, "421 4.3.2 too many connections", &[]),
];

/// Where the domains are served.
#[derive(Clone, Copy, Debug)]
pub struct MailDomains {
    /// The name server.
    pub names: SocketAddr,
    /// The port of all mail servers.
    pub port: u16,
}

impl MailDomains {
    /// The variables with which jobs ask these domains, mailbox by mailbox.
    #[must_use]
    pub fn variables(self) -> Vec<(&'static str, String)> {
        vec![
            ("OUTSCOUT_DNS_SERVER", self.names.to_string()),
            ("OUTSCOUT_SMTP_PROBE", "true".to_owned()),
            ("OUTSCOUT_SMTP_PORT", self.port.to_string()),
            ("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".test,.evilgoogle.com".to_owned()),
        ]
    }
}

/// Starts all servers, for as long as the runtime lives.
///
/// # Errors
/// When an address is not to be had.
pub async fn start() -> io::Result<MailDomains> {
    let mut port = 0;
    for (number, greeting, answers) in SERVERS {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 2, *number), port)).await?;
        port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, greeting, answers));
            }
        });
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let names = socket.local_addr()?;
    tokio::spawn(async move {
        let mut packet = [0; 1_500];
        while let Ok((length, client)) = socket.recv_from(&mut packet).await {
            let question = packet.get(..length).and_then(|packet| Message::from_vec(packet).ok());
            if let Some(reply) = question.and_then(|question| reply(&question)?.to_vec().ok()) {
                let _ = socket.send_to(&reply, client).await;
            }
        }
    });
    Ok(MailDomains { names, port })
}

async fn talk(stream: TcpStream, greeting: &str, answers: Answers) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(format!("{greeting}\r\n").as_bytes()).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let command = std::mem::take(&mut line);
        let answer = match command.strip_prefix("RCPT TO:<") {
            Some(recipient) => answers
                .iter()
                .find(|(begin, _)| recipient.starts_with(begin))
                .map_or("550 5.1.1 no such user here", |(_, text)| text),
            None => "250 go on",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// What is said of a name, of the one that it stands for, too; `None` for silence.
fn reply(question: &Message) -> Option<Message> {
    let query = question.queries.first()?.clone();
    let mut name = query.name().to_ascii().to_lowercase();
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    loop {
        let said: Vec<_> =
            NAMES.iter().filter(|(known, _)| name.trim_end_matches('.') == *known).map(|(_, known)| *known).collect();
        let own = Name::from_ascii(&name).ok()?;
        let mut stands_for = None;
        if said.is_empty() {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        for known in said {
            let data = match (known, query.query_type()) {
                (Known::Silence, _) => return None,
                (Known::Failure, _) => {
                    reply.metadata.response_code = ResponseCode::ServFail;
                    continue;
                }
                (Known::Cname(target), _) => {
                    stands_for = Some(target.to_owned());
                    RData::CNAME(CNAME(Name::from_ascii(target).ok()?))
                }
                (Known::Mx(preference, host), RecordType::MX) => {
                    RData::MX(MX::new(preference, Name::from_ascii(host).ok()?))
                }
                (Known::A(address), RecordType::A) => RData::A(A(address)),
                (Known::Aaaa(address), RecordType::AAAA) => RData::AAAA(AAAA(address)),
                (Known::Txt, RecordType::TXT) => RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()])),
                _ => continue,
            };
            reply.add_answer(Record::from_rdata(own.clone(), 60, data));
        }
        match stands_for {
            Some(target) => name = target,
            None => break,
        }
    }
    reply.add_query(query);
    Some(reply)
}
