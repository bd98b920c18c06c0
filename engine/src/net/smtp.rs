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
    let mut answer = SmtpAnswer { code: None, random: None };
    // the address becomes part of a command line
    if address.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "<>".contains(letter)) {
        return answer;
    }
    let dialogue = async {
        for host in hosts.iter().take(HOSTS) {
            if let Some(stream) = connect(outside, host).await {
                return ask(stream, &outside.config.mail_from, address, &mut answer).await;
            }
        }
        Ok(())
    };
    // whatever ends the dialogue, its outcome is what it left behind
    let _ = timeout(WHOLE, dialogue).await;
    answer
}

async fn connect(outside: &Outside, host: &str) -> Option<TcpStream> {
    let addresses = outside.addresses(host).await.ok()?;
    let address = addresses.iter().find(|address| matches!(address, IpAddr::V4(_))).or(addresses.first())?;
    let address = SocketAddr::new(*address, outside.config.smtp_port);
    timeout(CONNECT, TcpStream::connect(address)).await.ok()?.ok()
}

async fn ask(stream: TcpStream, from: &str, address: &str, answer: &mut SmtpAnswer) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    if !accepted(reply(&mut stream).await?) {
        return Ok(());
    }
    let own = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    if !accepted(command(&mut stream, &format!("EHLO {own}")).await?)
        && !accepted(command(&mut stream, &format!("HELO {own}")).await?)
    {
        return Ok(());
    }
    if accepted(command(&mut stream, &format!("MAIL FROM:<{from}>")).await?) {
        let code = command(&mut stream, &format!("RCPT TO:<{address}>")).await?;
        answer.code = Some(code);
        if accepted(code) {
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
            // seeded anew each time, so that nobody can have the address
            let nobody = RandomState::new().hash_one(address);
            answer.random = Some(command(&mut stream, &format!("RCPT TO:<nobody-{nobody:016x}@{domain}>")).await?);
        }
    }
    stream.write_all(b"QUIT\r\n").await
}

fn accepted(code: u16) -> bool {
    (200..300).contains(&code)
}

async fn command(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<u16> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    reply(stream).await
}

/// Reads a reply of any number of lines; all of them carry its code, and the last has a space behind it.
async fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<u16> {
    let mut stream = stream.take(REPLY);
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
        let Some(code) = code else { return Err(io::ErrorKind::InvalidData.into()) };
        if line.get(3) != Some(&b'-') {
            return Ok(code);
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
        assert_eq!(answer, SmtpAnswer { code: Some(250), random: Some(550) });
        assert_eq!(lines[..3], ["EHLO outscout.test", "MAIL FROM:<probe@outscout.test>", "RCPT TO:<ada@b.test>"]);
        assert!(lines[3].starts_with("RCPT TO:<nobody-") && lines[3].ends_with("@b.test>"));
    }

    #[tokio::test]
    async fn a_refusal_ends_it() {
        let (answer, lines) = answer(&[("RCPT TO:<ada@", "550-no such\r\n550 mailbox")]).await;
        assert_eq!(answer, SmtpAnswer { code: Some(550), random: None });
        assert_eq!(lines.len(), 3);
    }

    #[tokio::test]
    async fn what_is_no_answer_about_the_address_is_none() {
        let nothing = SmtpAnswer { code: None, random: None };
        assert_eq!(answer(&[("", "554 go away")]).await.0, nothing);
        assert_eq!(answer(&[("MAIL", "451 later")]).await.0, nothing);
        assert_eq!(answer(&[("RCPT", "what?")]).await.0, nothing);
        let (answer, lines) = answer(&[("EHLO", "502 what?"), ("RCPT", "451 later")]).await;
        assert_eq!(answer, SmtpAnswer { code: Some(451), random: None });
        assert_eq!(lines[1], "HELO outscout.test");
    }

    #[tokio::test]
    async fn private_servers_and_odd_addresses_are_not_connected_to() {
        let names = name_server(&[("mx.b.test.", Record::A(Ipv4Addr::LOCALHOST))]).await;
        let server = mail_server(&[]).await;
        let mut outside = outside(names.address, &[]);
        outside.config.smtp_port = server.address.port();
        let nothing = SmtpAnswer { code: None, random: None };
        assert_eq!(probe(&outside, &["mx.b.test".to_owned()], "ada@b.test").await, nothing);
        outside = super::super::testing::outside(names.address, &["MX.b.test"]);
        outside.config.smtp_port = server.address.port();
        assert_eq!(probe(&outside, &["mx.b.test".to_owned()], "ada@b.test>\r\nDATA").await, nothing);
        assert!(server.lines().is_empty());
    }
}
