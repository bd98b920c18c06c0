use std::{collections::HashMap, net::Ipv4Addr};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use super::*;
use crate::net::testing::outside;

const SINCE: i64 = 1_780_000_000;

/// A server that answers commands, without their tags, from a table; others with `OK`. `None` closes the connection.
async fn server(answers: &[(&str, Option<&str>)]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers: HashMap<String, Option<String>> =
        answers.iter().map(|(command, answer)| ((*command).to_owned(), answer.map(str::to_owned))).collect();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK hello\r\n").await.unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap() > 0 {
            let (tag, command) = line.trim_end().split_once(' ').unwrap();
            assert!(!command.starts_with("SELECT") && !command.contains("STORE"), "a mailbox is only read: {command}");
            let answer = match answers.get(command) {
                Some(Some(answer)) => answer.replace("TAG", tag),
                Some(None) => return,
                None => format!("{tag} OK done\r\n"),
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            line.clear();
        }
    });
    port
}

async fn looked(port: u16, tls: bool) -> Result<Option<Arrival>, Unread> {
    let text = format!(
        r#"[{{"email":"a@s.test","kind":"k","host":"127.0.0.1","port":{port},"password":"p\"q","tls":{tls}}}]"#
    );
    let seeds = Seed::parse_all(&text).unwrap();
    let wanted = Wanted::new("acme.test", "offre", SINCE).unwrap();
    look(&outside((Ipv4Addr::LOCALHOST, 53).into(), &[]), &seeds[0], &wanted).await
}

const LOGIN: &str = r#"LOGIN "a@s.test" "p\"q""#;
const SEARCH: &str = r#"UID SEARCH SINCE 27-May-2026 FROM "acme.test""#;

fn mail(uid: u32, time: &str, from: &str, subject: &str) -> String {
    let header = format!("From: {from}\r\nSubject: {subject}\r\n\r\n");
    let date = format!("28-May-2026 {time} +0000");
    let length = header.len();
    format!(
        "* 1 FETCH (UID {uid} INTERNALDATE \"{date}\" BODY[HEADER.FIELDS (FROM SUBJECT)] {{{length}}}\r\n{header})\r\n"
    )
}

#[tokio::test]
async fn the_first_mail_that_is_looked_for_is_found_under_its_tab() {
    let mails = [
        mail(7, "20:30:00", "News <n@acme.test>", "=?utf-8?q?Une_Offre_=C3=A9t=C3=A9?="),
        mail(8, "20:29:00", "\"a@acme.test\" <x@other.test>", "Offre"),
        mail(9, "20:26:40", "n@mail.acme.test", "OFFRE 2"),
        mail(10, "20:26:39", "n@acme.test", "Bonjour"),
        mail(11, "10:00:00", "n@acme.test", "Offre, before"),
    ];
    let fetched = format!("{}TAG OK done\r\n", mails.concat());
    let fetch = "UID FETCH 11,10,9,8,7 (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])";
    let port = server(&[
        ("EXAMINE \"INBOX\"", Some("* 5 EXISTS\r\nTAG OK done\r\n")),
        (SEARCH, Some("* SEARCH 7 8 9 10 11\r\nTAG OK done\r\n")),
        (fetch, Some(&fetched)),
        ("CAPABILITY", Some("* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\nTAG OK done\r\n")),
        ("UID SEARCH UID 7 X-GM-RAW \"category:social\"", Some("* SEARCH 7\r\nTAG OK done\r\n")),
        ("UID SEARCH UID 9 X-GM-RAW \"category:social\"", Some("* SEARCH 9\r\nTAG OK done\r\n")),
        (LOGIN, Some("TAG OK in\r\n")),
    ])
    .await;
    let arrival = looked(port, false).await.unwrap().unwrap();
    let told = (arrival.placement, arrival.subject.as_str(), arrival.at);
    assert_eq!(told, (Placement::Tab("Social"), "OFFRE 2", SINCE));
}

#[tokio::test]
async fn a_folder_for_spam_is_known_by_its_name() {
    let list = "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\Noselect) \"/\" Spam\r\n\
                * LIST (\\HasNoChildren) \"/\" \"Mail/Courrier ind&AOk-sirable\"\r\nTAG OK done\r\n";
    let fetched = format!("{}TAG OK done\r\n", mail(3, "21:00:00", "n@acme.test", "offre"));
    let port = server(&[
        ("LIST \"\" *", Some(list)),
        ("EXAMINE \"Mail/Courrier ind&AOk-sirable\"", Some("* 1 EXISTS\r\nTAG OK done\r\n")),
        (SEARCH, Some("* SEARCH 3\r\nTAG OK done\r\n")),
        ("UID FETCH 3 (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])", Some(&fetched)),
    ])
    .await;
    assert_eq!(looked(port, false).await.unwrap().unwrap().placement, Placement::Spam);
}

#[tokio::test]
async fn what_goes_wrong_has_a_kind() {
    let port = server(&[(LOGIN, Some("TAG NO [AUTHENTICATIONFAILED] p\"q is wrong\r\n"))]).await;
    assert_eq!(looked(port, false).await, Err(Unread::Login));
    let port = server(&[("EXAMINE \"INBOX\"", None)]).await;
    assert_eq!(looked(port, false).await, Err(Unread::Unreachable));
    let port = server(&[("EXAMINE \"INBOX\"", Some("TAG NO closed\r\n"))]).await;
    assert_eq!(looked(port, false).await, Err(Unread::Answers));
    let port = server(&[]).await;
    assert_eq!(looked(port, true).await, Err(Unread::Tls), "a server without TLS");
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    assert_eq!(looked(gone, false).await, Err(Unread::Unreachable));
    let endless = format!("* OK {}\r\n", "x".repeat(2_000)).repeat(4_000);
    let port = server(&[("EXAMINE \"INBOX\"", Some(&endless))]).await;
    assert_eq!(looked(port, false).await, Err(Unread::Unreachable), "more than is read");
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    tokio::time::pause();
    assert_eq!(looked(port, false).await, Err(Unread::Timeout));
}
