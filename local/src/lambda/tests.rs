use std::{
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::*;

/// A function in the shell, with curl: answers the event as it came, after a second when it says so.
const ECHO: &str = r#"#!/bin/sh
api="$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  dir=$(mktemp -d)
  curl -sf -D "$dir/head" -o "$dir/body" "$api/next" || exit 1
  id=$(tr -d '\r' < "$dir/head" | sed -n 's/^lambda-runtime-aws-request-id: //p')
  case "$(cat "$dir/body")" in
    die) exit 7 ;;
    slow) sleep 1 ;;
    where) echo "$AWS_LAMBDA_RUNTIME_API" > "$dir/body" ;;
    fail) curl -sf -d '{"errorMessage":"as told","errorType":"X"}' "$api/$id/error" > /dev/null; continue ;;
    group) sleep 60 & echo '{"target":"canonical","request_id":"r1"}' ;;
  esac
  curl -sf --data-binary "@$dir/body" "$api/$id/response" > /dev/null
  rm -r "$dir"
done
"#;

async fn lambda(timeout: Option<Duration>) -> (Lambda, Capture, watch::Sender<bool>, PathBuf) {
    let directory = std::env::temp_dir().join(format!("outscout-lambda-{}", uuid::Uuid::new_v4()));
    let folder = directory.join("echo");
    std::fs::create_dir_all(&folder).unwrap();
    let binary = folder.join("bootstrap");
    std::fs::write(&binary, ECHO).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (stop, stop_signal) = watch::channel(false);
    let log = Capture::default();
    let time_limits = timeout.map(|limit| ("echo".to_owned(), limit)).into_iter().collect();
    let variables = vec![("PATH".to_owned(), "/usr/bin:/bin:/usr/local/bin".to_owned())];
    let options = Options { directory: directory.clone(), variables, launcher: None, at_once: 1, time_limits };
    (start(options, log.clone(), stop_signal).await.unwrap(), log, stop, directory)
}

async fn call(lambda: &Lambda, event: &'static str) -> Result<Bytes, String> {
    let answer = lambda.invoker("echo")(Bytes::from_static(event.as_bytes())).await;
    answer.map(|reply| reply.whole().unwrap()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_process_starts_on_first_use_stays_warm_and_is_replaced() {
    let (lambda, log, stop, directory) = lambda(None).await;
    assert_eq!(call(&lambda, "one").await.unwrap(), "one");
    assert_eq!(call(&lambda, "two").await.unwrap(), "two");
    assert_eq!(call(&lambda, "fail").await.unwrap_err(), "as told");
    assert!(call(&lambda, "die").await.unwrap_err().contains("exit status: 7"));
    assert_eq!(call(&lambda, "group").await.unwrap(), "group");
    assert_eq!(log.of("r1").len(), 1, "a process's canonical lines are kept");
    assert!(lambda.invoker("nothing")(Bytes::new()).await.unwrap_err().to_string().contains("cannot start"));
    let missing = lambda.check(["echo", "nothing"].into_iter()).unwrap_err().to_string();
    assert!(missing.ends_with("no binary for nothing"), "{missing}");
    let began = Instant::now();
    stop.send(true).unwrap();
    lambda.ended().await;
    assert!(began.elapsed() < Duration::from_secs(10), "the whole group was killed");
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_busy_function_gets_more_processes() {
    let (lambda, _, stop, directory) = lambda(None).await;
    let began = Instant::now();
    let calls = (0..4).map(|_| call(&lambda, "slow"));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(began.elapsed() < Duration::from_millis(3_500), "{:?}", began.elapsed());
    stop.send(true).unwrap();
    lambda.ended().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_late_answer_is_a_time_out_and_the_function_goes_on() {
    let (lambda, _, stop, directory) = lambda(Some(Duration::from_millis(600))).await;
    let mut first = Err(String::new());
    for _ in 0..5 {
        // the start of a shell may itself be late on a busy machine
        first = call(&lambda, "one").await;
        if first.is_ok() {
            break;
        }
    }
    assert_eq!(first.unwrap(), "one");
    assert_eq!(call(&lambda, "slow").await.unwrap_err(), "timed out after 0.6 s");
    stop.send(true).unwrap();
    lambda.ended().await;
    std::fs::remove_dir_all(directory).unwrap();
}

/// Asks the Runtime API and says how it answers; `None` when it keeps the caller waiting for an event.
async fn asked(url: &str, host: Option<&str>) -> Option<u16> {
    let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap();
    let mut request = client.get(url);
    if let Some(host) = host {
        request = request.header("Host", host).header("Sec-Fetch-Site", "same-origin");
    }
    request.send().await.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn nobody_else_takes_events_from_the_runtime_api() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (lambda, _, stop, directory) = lambda(None).await;
    let place = call(&lambda, "where").await.unwrap();
    let place = std::str::from_utf8(&place).unwrap().trim().to_owned();
    let (own, origin) = (place.clone(), place.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"));
    let next = "2018-06-01/runtime/invocation/next";
    // a port can be found, and the names of functions and the numbers of processes can be guessed
    for guess in ["echo/1", "echo/2", "1", ""] {
        let answer = asked(&format!("{origin}/{guess}/{next}"), None).await;
        assert_eq!(answer, Some(404), "{guess}");
    }
    // and who knows the path asks for a name of this machine
    assert_eq!(asked(&format!("{own}/{next}"), Some("attacker.example")).await, Some(403));
    assert_eq!(call(&lambda, "mine").await.unwrap(), "mine");
    stop.send(true).unwrap();
    lambda.ended().await;
    std::fs::remove_dir_all(directory).unwrap();
}
