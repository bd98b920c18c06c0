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
        answer.code = Some(code);
        answer.of_asker = speaks_of_asker(&text);
        if accepted(code) {
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
            // seeded anew each time, so that nobody can have the address
            let nobody = RandomState::new().hash_one(address);
            let (code, text) = command(&mut stream, &format!("RCPT TO:<nobody-{nobody:016x}@{domain}>")).await?;
            // a server that has heard enough says nothing about the second address
            answer.random = (code < 500 || !speaks_of_asker(&text)).then_some(code);
        }
    }
    stream.write_all(b"QUIT\r\n").await?;
    Ok(true)
}

/// Whether a refusal is one of who asks (outsend 12.5 row 10): its enhanced code is one of policy (RFC 3463, `X.7.X`), or,
/// where none says that it is about the address (`X.1.X`), its words speak of the connection.
fn speaks_of_asker(text: &str) -> bool {
    const WORDS: [&str; 13] = [
        "spamhaus",
        "blocklist",
        "block list",
        "blacklist",
        "black list",
        "dnsbl",
        "rbl",
        "reputation",
        "your ip",
        "client host",
        "relay",
        "sender",
        "authentication required",
    ];
    let text = text.to_lowercase();
    let mut enhanced = text.split_whitespace().filter_map(|word| {
        let mut parts = word.split('.').map(str::parse::<u16>);
        let class = parts.next()?.ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        let (subject, detail) = (parts.next()?.ok()?, parts.next()?.ok()?);
        (parts.next().is_none() && detail < 1_000).then_some((class, subject))
    });
    match enhanced.next() {
        Some((_, 7)) => true,
        Some((_, 1)) => false,
        _ => {
            // whole words, and none of the address that a refusal repeats
            let words = text.split_whitespace().filter(|word| !word.contains('@'));
            let words = words.flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric()));
            let plain = format!(" {} ", words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
            WORDS.iter().any(|word| plain.contains(&format!(" {word} ")))
        }
    }
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
            "Your IP has a poor reputation",
            "relay not permitted",
            "blocked by DNSBL",
            "sender verify failed",
        ] {
            assert!(speaks_of_asker(text), "{text}");
        }
        for text in [
            "5.1.1 <ada@good.test>: Recipient address rejected: User unknown in relay recipient table",
            "5.1.10 recipient not found",
            "no such user here",
            "<sender@relay.test>: no such user",
            "no mailbox at marble.test",
            "5.2.1 mailbox disabled",
            "mailbox unavailable",
            "",
        ] {
            assert!(!speaks_of_asker(text), "{text}");
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
