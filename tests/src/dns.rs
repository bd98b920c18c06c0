//! A name server with answers of its own, so that no test needs the network.
//!
//! The first label of a name says what the server knows of it: `nx` no such domain, `null` takes no mail, `none` has
//! neither mail nor address, `fail` cannot be answered, `big` is with a big provider; every other domain has a mail
//! server of its own. Only `hooks` and mail servers have a public address, and `inner` a private one; `turns` has a public
//! one when it is asked for the first time, and from then on is this machine. What ends with `.web` is a site on this
//! machine.

use std::{io, net::SocketAddr};

use tokio::net::UdpSocket;

const A: u16 = 1;
const MX: u16 = 15;

/// Starts a server on a loopback port, for as long as the runtime lives.
///
/// # Errors
/// When there is no port.
pub async fn start() -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let (mut packet, mut turned) = ([0_u8; 1_500], false);
        while let Ok((length, client)) = socket.recv_from(&mut packet).await {
            if let Some(answer) = packet.get(..length).and_then(|packet| answer(packet, &mut turned)) {
                let _ = socket.send_to(&answer, client).await;
            }
        }
    });
    Ok(address)
}

/// The labels of a question's name, its type, and where it ends.
fn question(packet: &[u8]) -> Option<(Vec<String>, u16, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?);
    Some((labels, kind, at + 4))
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn answer(packet: &[u8], turned: &mut bool) -> Option<Vec<u8>> {
    let (labels, kind, end) = question(packet)?;
    let first = labels.first().map_or("", String::as_str);
    let code: u8 = match first {
        "nx" => 3,
        "fail" => 2,
        _ => 0,
    };
    let exchanger = match first {
        _ if kind != MX => None,
        "nx" | "fail" | "none" => None,
        "null" => Some((0_u16, String::new())),
        "big" => Some((5, "gmail-smtp-in.l.google.com".to_owned())),
        _ => Some((10, format!("mx.{}", labels.join(".")))),
    };
    // the question again, with the flags of an answer
    let mut reply = packet.get(..2)?.to_vec();
    let address: Option<[u8; 4]> = match first {
        "hooks" if kind == A => Some([93, 184, 216, 34]),
        "mx" if kind == A => Some([93, 184, 216, 35]),
        "inner" if kind == A => Some([10, 0, 0, 1]),
        "turns" if kind == A && std::mem::replace(turned, true) => Some([127, 0, 0, 1]),
        "turns" if kind == A => Some([93, 184, 216, 34]),
        "nx" | "fail" | "none" => None,
        _ if kind == A && labels.last().is_some_and(|last| last == "web") => Some([127, 0, 0, 1]),
        _ => None,
    };
    let answers = u8::from(exchanger.is_some() || address.is_some());
    reply.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend_from_slice(packet.get(12..end)?);
    if let Some((preference, host)) = exchanger {
        let host = name(&host);
        // a pointer to the question's name, the type, the class, a minute, the length
        reply.extend_from_slice(&[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60]);
        reply.extend_from_slice(&u16::try_from(host.len() + 2).ok()?.to_be_bytes());
        reply.extend_from_slice(&preference.to_be_bytes());
        reply.extend_from_slice(&host);
    }
    if let Some(address) = address {
        // what may turn is not to be remembered
        let seconds = if first == "turns" { 0 } else { 60 };
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, seconds, 0, 4]);
        reply.extend_from_slice(&address);
    }
    Some(reply)
}
