//! The battery: whatever form an address has, nothing that is not public is connected to (outsend 11.5).

use std::{net::Ipv4Addr, time::Duration};

use url::Url;

use super::super::{
    outside::Outside,
    page,
    testing::{NameServer, Record, WebServer, name_server, outside, web_server},
};
use crate::web::{Answer, Ask, Missed, Wanted};

/// Hosts that are this machine, or another one inside, in some form; `PORT` stands for the port of a server that listens
/// on this machine.
const INSIDE: [&str; 98] = [
    // this machine, as numbers
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0x0.01",
    "127.0x0.1",
    "0",
    "0.0.0.0",
    "00.0.0.0",
    "0x0",
    // in letters that become digits and dots
    "１２７.０.０.１",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "%31%32%37.0.0.1",
    "0x7f。1",
    // private, shared and special networks
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "0xa.1",
    "012.1",
    "172.16.0.1",
    "172.31.255.255",
    "172.20.1",
    "192.168.0.1",
    "192.168.257",
    "3232235777",
    "0xc0a80101",
    "169.254.169.254",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "168.63.129.16",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    // IPv6
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[2001:20::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fdff:ffff::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    // names of something inside, and names that have such an address
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "loop.battery.web",
    "six.battery.web",
    "private.battery.web",
    "mapped.battery.web",
    "mixed.battery.web",
    "LOOP.battery.web.",
];

/// What is no address of a website at all.
const ODD: [&str; 24] = [
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "gopher://127.0.0.1:PORT/_GET%20/",
    "ftp://loop.battery.web/x",
    "dict://127.0.0.1:PORT/info",
    "ldap://127.0.0.1/",
    "ws://127.0.0.1:PORT/",
    "wss://public.battery.web/",
    "data:text/html,<p>x",
    "javascript:alert(1)",
    "about:blank",
    "jar:http://127.0.0.1/!/",
    "http://user@public.battery.web/",
    "http://user:secret@public.battery.web/",
    "http://:secret@public.battery.web/",
    "http://public.battery.web@127.0.0.1/",
    "http://127.0.0.1:80@public.battery.web/",
    "http://public.battery.web:8080/",
    "http://public.battery.web:22/",
    "https://public.battery.web:8443/",
    "http://public.battery.web:6379/",
    "http://public.battery.web:25/",
    "http://public.battery.web:PORT/",
    "http://public.battery.web:0/",
];

async fn names() -> NameServer {
    name_server(&[
        ("loop.battery.web.", Record::A(Ipv4Addr::LOCALHOST)),
        ("six.battery.web.", Record::Aaaa("::1".parse().unwrap())),
        ("private.battery.web.", Record::A(Ipv4Addr::new(192, 168, 1, 10))),
        ("mapped.battery.web.", Record::Aaaa("::ffff:127.0.0.1".parse().unwrap())),
        ("mixed.battery.web.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
        ("mixed.battery.web.", Record::A(Ipv4Addr::LOCALHOST)),
        ("public.battery.web.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
        ("turns.battery.web.", Record::Turns(Ipv4Addr::new(93, 184, 216, 34), Ipv4Addr::LOCALHOST)),
    ])
    .await
}

async fn world() -> (Outside, WebServer) {
    let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi".to_vec();
    (outside(names().await.address, &[]), web_server(vec![("/", page)]).await)
}

async fn get(outside: &Outside, url: &Url) -> Result<Answer, Missed> {
    let within = Duration::from_secs(3);
    page::get(outside, Ask { url, wanted: Wanted::Page, within, etag: None, modified: None }).await
}

#[tokio::test]
async fn nothing_inside_is_reached_in_whatever_form() {
    let (outside, server) = world().await;
    let port = server.address.port();
    let mut judged = 0;
    for host in INSIDE {
        for url in [format!("http://{host}/"), format!("https://{host}/"), format!("http://{host}:{port}/")] {
            // some forms are no URL at all, which is as good
            let Ok(url) = Url::parse(&url) else { continue };
            judged += 1;
            let missed = get(&outside, &url).await;
            let expected = [Err(Missed::Blocked), Err(Missed::NoName), Err(Missed::Dns)];
            assert!(expected.contains(&missed), "{host} {url} {missed:?}");
        }
    }
    assert!(judged >= 240, "{judged} forms");
    for url in ODD {
        let Ok(url) = Url::parse(&url.replace("PORT", &port.to_string())) else { continue };
        assert_eq!(get(&outside, &url).await, Err(Missed::Blocked), "{url}");
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[tokio::test]
async fn an_answer_that_changes_between_check_and_use_reaches_nothing() {
    let (outside, server) = world().await;
    // whoever looks first sees a public address, and whoever connects then would come to this machine: the look-up of
    // the connection is the one that is checked
    let first = outside.addresses("turns.battery.web").await;
    assert_eq!(first, Ok(vec!["93.184.216.34".parse().unwrap()]));
    let url = Url::parse("http://turns.battery.web/").unwrap();
    for _ in 0..3 {
        assert_eq!(get(&outside, &url).await, Err(Missed::Blocked));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn hosts_are_exempt_by_name_or_by_what_they_are_below() {
    let names = names().await;
    let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi".to_vec();
    let server = web_server(vec![("/", page)]).await;
    let port = server.address.port();
    let url = Url::parse(&format!("http://loop.battery.web:{port}/")).unwrap();
    for allowed in ["loop.battery.web", "LOOP.battery.web.", ".web", ".battery.web"] {
        let outside = outside(names.address, &[allowed]);
        assert_eq!(get(&outside, &url).await.map(|answer| answer.status), Ok(200), "{allowed}");
        assert_eq!(get(&outside, &Url::parse("http://127.0.0.1/").unwrap()).await, Err(Missed::Blocked));
    }
    for allowed in ["battery.web", ".loop.battery.web", "xloop.battery.web", ".b"] {
        assert_eq!(get(&outside(names.address, &[allowed]), &url).await, Err(Missed::Blocked), "{allowed}");
    }
}
