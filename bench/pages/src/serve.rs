//! A server of pages that were made beforehand: nothing is done for a request but to find it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use crate::Failure;

/// Serves until the input ends.
pub(crate) fn serve(folder: &Path, times: usize) -> Result<(), Failure> {
    let types = std::fs::read_to_string(folder.join("types"))?;
    let mut answers = Vec::new();
    for (number, kind) in types.lines().enumerate() {
        let body = std::fs::read(folder.join(format!("{number}.html")))?.repeat(times);
        let mut answer =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend(body);
        answers.push(answer);
    }
    let listener = TcpListener::bind(("0.0.0.0", 0))?;
    writeln!(std::io::stdout(), "{} {}", listener.local_addr()?.port(), answers.len())?;
    let answers = Arc::new(answers);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || connection(&stream, &answers));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Answers one connection's requests, one after another, until it ends.
fn connection(stream: &TcpStream, answers: &[Vec<u8>]) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer, mut line) = (BufReader::new(stream), stream, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let number: usize = line.split(' ').nth(1)?.trim_start_matches('/').parse().ok()?;
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
        }
        writer.write_all(answers.get(number)?).ok()?;
    }
}
