//! Asking a mail server about an address (outsend 12.5 rows 9 to 11): the dialogue of a mail that is never sent.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::outside::Outside;
use crate::module::SmtpAnswer;

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);

/// Exchangers that are tried, most preferred first.
const HOSTS: usize = 2;

/// Bytes of a reply that are read.
const REPLY: u64 = 16 * 1024;

/// Asks about an address. What was learned until the time is over counts.
pub(super) async fn probe(outside: &Outside, hosts: &[String], address: &str) -> SmtpAnswer {
    let mut answer = SmtpAnswer { code: None, of_asker: false, random: None, tried: 0 };
    // the address becomes part of a command line
    if address.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "<>".contains(letter)) {
        return answer;
    }
    let dialogue = async {
        for host in hosts.iter().take(HOSTS) {
            let Some(stream) = connect(outside, host, &mut answer.tried).await else { continue };
            // one that has no time sends on to the next, as a lost connection does
            if ask(stream, &outside.config.mail_from, address, &mut answer).await.is_ok_and(|greeted| greeted) {
                return;
            }
            if answer.code.is_some() {
                return;
            }
        }
    };
    // whatever ends the dialogue, its outcome is what it left behind
    let _ = timeout(WHOLE, dialogue).await;
    answer
}

async fn connect(outside: &Outside, host: &str, tried: &mut u64) -> Option<TcpStream> {
    let addresses = outside.addresses(host).await.ok()?;
    let address = addresses.iter().find(|address| matches!(address, IpAddr::V4(_))).or(addresses.first())?;
    let address = SocketAddr::new(*address, outside.config.smtp_port);
    *tried += 1;
    timeout(CONNECT, TcpStream::connect(address)).await.ok()?.ok()
}

/// The dialogue; whether the server wanted to have one.
async fn ask(stream: TcpStream, from: &str, address: &str, answer: &mut SmtpAnswer) -> io::Result<bool> {
    let mut stream = BufReader::new(stream);
    if !accepted(reply(&mut stream).await?.0) {
        return Ok(false);
    }
    let own = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    if !accepted(command(&mut stream, &format!("EHLO {own}")).await?.0)
        && !accepted(command(&mut stream, &format!("HELO {own}")).await?.0)
    {
        return Ok(true);
    }
    if accepted(command(&mut stream, &format!("MAIL FROM:<{from}>")).await?.0) {
        let (code, text) = command(&mut stream, &format!("RCPT TO:<{address}>")).await?;
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        answer.code = Some(code);
        answer.of_asker = speaks_of_asker(&text, domain);
        if accepted(code) {
            // seeded anew each time, so that nobody can have the address
            let nobody = RandomState::new().hash_one(address);
            let (code, text) = command(&mut stream, &format!("RCPT TO:<nobody-{nobody:016x}@{domain}>")).await?;
            // a server that has heard enough says nothing about the second address
            answer.random = (code < 500 || !speaks_of_asker(&text, domain)).then_some(code);
        }
    }
    stream.write_all(b"QUIT\r\n").await?;
    Ok(true)
}

/// Whether a refusal of an address at `domain` is one of who asks (outsend 12.5 row 11): its enhanced code is one of policy
/// or of the sender's address (RFC 3463, `X.7.X`, `X.1.7`, `X.1.8`), or, where none says that it is about the address
/// (`X.1.1` and its like), its words speak of the sender or the connection.
fn speaks_of_asker(text: &str, domain: &str) -> bool {
    let text = text.to_lowercase();
    match text.split_whitespace().find_map(enhanced_code) {
        Some((7, _) | (1, 7 | 8)) => return true,
        Some((1, 1..=6 | 10)) => return false,
        _ => {}
    }
    // the address that a refusal repeats says nothing
    let text = if domain.is_empty() { text } else { text.replace(&domain.to_lowercase(), " ") };
    let mut plain = String::from(" ");
    for word in text.split_whitespace().filter(|word| !word.contains('@')) {
        if word.trim_matches(|letter: char| !letter.is_alphanumeric()).parse::<IpAddr>().is_ok() {
            plain.push_str("ip ");
        }
        for part in word.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty()) {
            plain.push_str(part);
            plain.push(' ');
        }
    }
    let says = |words: &[&str]| words.iter().any(|word| plain.contains(&format!(" {word}")));
    says(&ASKER) || !says(&NOBODY) && (says(&EITHER) || says(&CONNECTION) && says(&SHUT_OUT))
}

/// How refusals say that nobody has the address. Words are beginnings of words, here and below.
const NOBODY: [&str; 18] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such person",
    "no mailbox",
    "does not exist",
    "doesn t exist",
    "user not found",
    "recipient not found",
    "mailbox not found",
    "address not found",
    "invalid recipient",
    "invalid mailbox",
    "unknown recipient",
    "recipient unknown",
];
/// What is said to who asks, whatever else a refusal says.
const ASKER: [&str; 33] = [
    "sender",
    "mail from",
    "spf ",
    "helo ",
    "ehlo ",
    "reverse dns",
    "rdns",
    "ptr ",
    "spamhaus",
    "spamcop",
    "barracuda",
    "sorbs",
    "uceprotect",
    "abusix",
    "dnsbl",
    "rbl ",
    "rbls ",
    "blocklist",
    "block list",
    "blacklist",
    "black list",
    "denylist",
    "deny list",
    "reputation",
    "your ip",
    "your host",
    "your server",
    "your network",
    "client host",
    "dkim",
    "dmarc",
    "authenticat",
    "too many",
];
/// What is said to who asks, but of an address that nobody has, too.
const EITHER: [&str; 2] = ["relay", "policy"];
/// What a refusal calls the connection, and how it says that it is shut out.
const CONNECTION: [&str; 6] = ["ip ", "ips ", "client ", "host ", "network ", "connection"];
const SHUT_OUT: [&str; 6] = ["blocked", "banned", "listed", "refused", "denied", "not allowed"];

/// The subject and the detail of an enhanced code (RFC 3463) that a word is, with what people write around it.
fn enhanced_code(word: &str) -> Option<(u16, u16)> {
    let mut parts = word.trim_matches(|letter: char| !letter.is_alphanumeric()).split('.').map(str::parse::<u16>);
    parts.next()?.ok().filter(|class| matches!(class, 2 | 4 | 5))?;
    let code = (parts.next()?.ok()?, parts.next()?.ok()?);
    (parts.next().is_none() && code.0 < 10 && code.1 < 1_000).then_some(code)
}

fn accepted(code: u16) -> bool {
    (200..300).contains(&code)
}

async fn command(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<(u16, String)> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    reply(stream).await
}

/// Reads a reply of any number of lines: its code, which all of them carry, and its text. The last one has a space behind the code.
async fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, String)> {
    let mut stream = stream.take(REPLY);
    let mut text = String::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
        let Some(code) = code else { return Err(io::ErrorKind::InvalidData.into()) };
        text.push_str(&String::from_utf8_lossy(line.get(4..).unwrap_or_default()));
        if line.get(3) != Some(&b'-') {
            return Ok((code, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::testing::{Record, mail_server, name_server, outside};
    use super::*;

    async fn answer(codes: &'static [(&'static str, &'static str)]) -> (SmtpAnswer, Vec<String>) {
        let names = name_server(&[("mx.b.test.", Record::A(Ipv4Addr::LOCALHOST))]).await;
        let server = mail_server(codes).await;
        let mut outside = outside(names.address, &["mx.b.test"]);
        outside.config.smtp_port = server.address.port();
        let answer = probe(&outside, &["mx.b.test".to_owned()], "ada@b.test").await;
        (answer, server.lines())
    }

    #[tokio::test]
    async fn an_address_and_one_that_nobody_has_are_asked_about() {
        let (answer, lines) = answer(&[("RCPT TO:<ada@", "250 yes"), ("RCPT TO:<nobody-", "550 no")]).await;
        assert_eq!(answer, SmtpAnswer { code: Some(250), of_asker: false, random: Some(550), tried: 1 });
        assert_eq!(lines[..3], ["EHLO outscout.test", "MAIL FROM:<probe@outscout.test>", "RCPT TO:<ada@b.test>"]);
        assert!(lines[3].starts_with("RCPT TO:<nobody-") && lines[3].ends_with("@b.test>"));
    }

    #[tokio::test]
    async fn a_refusal_ends_it() {
        let (answer, lines) = answer(&[("RCPT TO:<ada@", "550-no such\r\n550 mailbox")]).await;
        assert_eq!(answer, SmtpAnswer { code: Some(550), of_asker: false, random: None, tried: 1 });
        assert_eq!(lines.len(), 3);
    }

    #[tokio::test]
    async fn what_is_no_answer_about_the_address_is_none() {
        let nothing = SmtpAnswer { code: None, of_asker: false, random: None, tried: 1 };
        assert_eq!(answer(&[("", "554 go away")]).await.0, nothing);
        assert_eq!(answer(&[("MAIL", "451 later")]).await.0, nothing);
        assert_eq!(answer(&[("RCPT", "what?")]).await.0, nothing);
        let (answer, lines) = answer(&[("EHLO", "502 what?"), ("RCPT", "451 later")]).await;
        assert_eq!(answer, SmtpAnswer { code: Some(451), of_asker: false, random: None, tried: 1 });
        assert_eq!(lines[1], "HELO outscout.test");
    }

    #[test]
    fn refusals_that_speak_of_who_asks() {
        for text in [
            "5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org",
            "5.7.606 Access denied, banned sending IP",
            "Recipient refused: 5.7.1 policy",
            "#5.7.1 refused",
            "refused (5.7.1)",
            "[5.7.1] refused",
            "5.7.1: refused",
            "5.1.8 <probe@outscout.test>: domain of sender address does not exist",
            "5.1.7 bad address syntax",
            "5.1.0 Senders blocked",
            "Your IP has a poor reputation",
            "relay not permitted",
            "Relaying denied",
            "blocked by DNSBL",
            "Blacklisted",
            "Blocklisted, see https://www.spamcop.net/bl.shtml?192.0.2.1",
            "listed at b.barracudacentral.org",
            "Client [192.0.2.1] blocked",
            "Your host has been blocked",
            "host has been blocked",
            "Mail from 192.0.2.1 refused",
            "[192.0.2.1] refused",
            "the network is banned",
            "network is listed here",
            "SPF check failed",
            "cannot find your reverse DNS",
            "no PTR record",
            "Helo command rejected: need fully-qualified hostname",
            "sender verify failed",
            "Sender address rejected: user unknown",
            "Too many invalid recipients from your IP",
            "Client host rejected: hostname does not exist",
            "rDNS of your IP does not exist",
        ] {
            assert!(speaks_of_asker(text, "good.test"), "{text}");
        }
        for (text, domain) in [
            ("5.1.1 <ada@good.test>: Recipient address rejected: User unknown in relay recipient table", "good.test"),
            ("<ada@good.test>: Recipient address rejected: User unknown in relay recipient table", "good.test"),
            ("(#5.1.1) no PTR here", "good.test"),
            ("5.1.10 recipient not found", "good.test"),
            ("no such user here", "good.test"),
            ("<sender@relay.test>: no such user", "relay.test"),
            ("no mailbox at marble.test", "marble.test"),
            ("mailbox closed at relay.test", "relay.test"),
            ("5.2.1 mailbox disabled", "good.test"),
            ("5.4.1 Recipient address rejected: Access denied", "good.test"),
            ("mx.good.test said: recipient rejected", "good.test"),
            ("mailbox unavailable", "good.test"),
            ("", ""),
        ] {
            assert!(!speaks_of_asker(text, domain), "{text}");
        }
    }

    #[tokio::test]
    async fn one_that_has_no_time_sends_on_to_the_next() {
        let names = name_server(&[
            ("busy.b.test.", Record::A(Ipv4Addr::LOCALHOST)),
            ("mx.b.test.", Record::A(Ipv4Addr::new(127, 0, 0, 2))),
        ])
        .await;
        let busy = mail_server(&[("", "421 too many connections")]).await;
        let mut outside = outside(names.address, &["busy.b.test", "mx.b.test"]);
        outside.config.smtp_port = busy.address.port();
        let free = tokio::net::TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), busy.address.port())).await.unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = free.accept().await.unwrap();
            stream.write_all(b"220 hello\r\n").await.unwrap();
            let mut line = [0; 64];
            let read = stream.read(&mut line).await.unwrap();
            String::from_utf8_lossy(line.get(..read).unwrap_or_default()).into_owned()
        });
        let hosts = ["busy.b.test".to_owned(), "mx.b.test".to_owned()];
        let answer = probe(&outside, &hosts, "ada@b.test").await;
        assert_eq!(answer, SmtpAnswer { code: None, of_asker: false, random: None, tried: 2 });
        assert!(asked.await.unwrap().starts_with("EHLO"));
    }

    #[tokio::test]
    async fn private_servers_and_odd_addresses_are_not_connected_to() {
        let names = name_server(&[("mx.b.test.", Record::A(Ipv4Addr::LOCALHOST))]).await;
        let server = mail_server(&[]).await;
        let mut outside = outside(names.address, &[]);
        outside.config.smtp_port = server.address.port();
        let nothing = SmtpAnswer { code: None, of_asker: false, random: None, tried: 0 };
        assert_eq!(probe(&outside, &["mx.b.test".to_owned()], "ada@b.test").await, nothing);
        outside = super::super::testing::outside(names.address, &["MX.b.test"]);
        outside.config.smtp_port = server.address.port();
        assert_eq!(probe(&outside, &["mx.b.test".to_owned()], "ada@b.test>\r\nDATA").await, nothing);
        assert!(server.lines().is_empty());
    }
}
