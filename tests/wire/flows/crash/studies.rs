//! A server that is killed: what it acknowledged is there after the restart, and the lists are whole.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use harness::{
    http,
    process::{Folder, outscout, run, start},
};
use serde_json::{Value, json};

const UNLIMITED: [(&str, &str); 1] = [("OUTSCOUT_OUTSET_LIMIT_FREE", "0")];

async fn assert_lists_whole(url: &str, key: &str) -> u64 {
    let mut totals = Vec::new();
    for query in ["", "active=true", "active=false"] {
        let (mut page, mut members, mut count) = (1, 0, None);
        loop {
            let path = format!("/v1/studies/?page_size=100&page={page}&{query}");
            let answer = http::send(url, "GET", &path, &[("Authorization", key)], b"").await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            let body = answer.json();
            members += body["results"].as_array().unwrap().len() as u64;
            count = count.or(body["count"].as_u64());
            if body["next"].is_null() {
                break;
            }
            page += 1;
        }
        assert_eq!(count, Some(members), "{query}");
        totals.push(members);
    }
    assert_eq!(totals[0], totals[1] + totals[2]);
    totals[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_an_import_and_during_updates() {
    let folder = Folder::temporary();
    let data = folder.0.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let file = folder.0.join("studies.json");
    let study = |number: u32| {
        json!({"name": format!("Study {number}"), "status": if number.is_multiple_of(2) { "open" } else { "paused" }, "tasks": ["x"],
        "id": format!("00000000-0000-4000-8000-{number:012}"), "created_at": format!("2025-07-01T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60)})
    };
    let studies: Vec<_> = (0..3_000).map(study).collect();
    std::fs::write(&file, Value::Array(studies).to_string()).unwrap();

    let mut server = start(&data, &UNLIMITED);
    let organization = run(&data, &["org", "create", "--name", "crash"])["id"].as_str().unwrap().to_owned();
    let key = run(&data, &["key", "create", "--org", &organization])["key"].as_str().unwrap().to_owned();
    let key = format!("Api-Key {key}");
    let arguments = ["study", "import", file.to_str().unwrap(), "--org", &organization, "--json", "--data"];
    let mut import = outscout().args(arguments).arg(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    server.kill();
    assert!(!import.wait().unwrap().success(), "the import should have lost its server");

    let mut server = start(&data, &UNLIMITED);
    let before = assert_lists_whole(&server.outset, &key).await;
    let imported = run(&data, &["study", "import", file.to_str().unwrap(), "--org", &organization]);
    assert_eq!(imported["already_known"], before);
    assert_eq!(assert_lists_whole(&server.outset, &key).await, 3_000);

    // updates go on until the server is gone; each remembers the last answer that it got
    let under_way = Arc::new(AtomicU32::new(0));
    let update = |number: u32| {
        let (url, key, under_way) = (server.outset.clone(), key.clone(), under_way.clone());
        tokio::spawn(async move {
            let path = format!("/v1/studies/00000000-0000-4000-8000-{number:012}/");
            let headers = [("Authorization", key.as_str()), ("Content-Type", "application/json")];
            let mut acknowledged = None;
            for round in 0_u32.. {
                let body =
                    json!({"active": round.is_multiple_of(2), "completion_url": format!("https://a.test/{round}")})
                        .to_string();
                match http::send(&url, "PATCH", &path, &headers, body.as_bytes()).await {
                    Ok(answer) if answer.status == 200 => {
                        if acknowledged.replace(round).is_none() {
                            under_way.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    _ => break,
                }
            }
            (path, acknowledged)
        })
    };
    let updates: Vec<_> = (0..6).map(update).collect();
    // the slowest machine has answered each of them before the server goes
    while under_way.load(Ordering::SeqCst) < 6 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.kill();
    let mut server = start(&data, &UNLIMITED);
    for update in updates {
        let (path, acknowledged) = update.await.unwrap();
        let acknowledged = acknowledged.unwrap();
        let answer = http::send(&server.outset, "GET", &path, &[("Authorization", key.as_str())], b"").await.unwrap();
        let url = answer.json()["completion_url"].as_str().unwrap().to_owned();
        let stored: u32 = url.rsplit('/').next().unwrap().parse().unwrap();
        // the update that was under way may have been written, too, but was not acknowledged
        assert!(
            stored == acknowledged || stored == acknowledged + 1,
            "{path}: {acknowledged} acknowledged, {stored} stored"
        );
        assert_eq!(answer.json()["active"], stored.is_multiple_of(2));
    }
    assert_eq!(assert_lists_whole(&server.outset, &key).await, 3_000);
    server.kill();
}
