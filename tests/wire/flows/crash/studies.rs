//! A server that is killed: what it acknowledged is there after the restart, and the lists are whole.

use std::{
    collections::HashSet,
    path::Path,
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
use local::data::{DataDirectory, Session};
use serde_json::{Value, json};
use shared::model::{Status, StudyId};

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

/// Kills, unless `OUTSCOUT_TEST_KILLS` names another number.
const KILLS: u32 = 16;
/// Studies of a file.
const MANY: u64 = 4_000;

/// The members of the operator's lists, which follow by group commit: all of them, and those in each state.
async fn operators_lists(data: &Path) -> Vec<Vec<StudyId>> {
    let session = Session::open(&DataDirectory::open(data).unwrap()).await.unwrap();
    let store = session.context.store();
    let mut lists = Vec::new();
    for status in [None].into_iter().chain(Status::ALL.map(Some)) {
        let mut members: Vec<StudyId> = Vec::new();
        loop {
            let page = store.every_study_page(status, members.len() as u64, 100).await.unwrap();
            if page.members.is_empty() {
                assert_eq!(page.total, members.len() as u64, "{status:?}");
                break;
            }
            members.extend(page.members.iter().map(|listed| listed.study.id));
        }
        lists.push(members);
    }
    lists
}

/// No member lost, none twice, and each in the list of its state.
async fn assert_every_study_once(data: &Path, count: u64) {
    let mut lists = Vec::new();
    for _ in 0..600 {
        lists = operators_lists(data).await;
        let of_states: usize = lists.iter().skip(1).map(Vec::len).sum();
        if lists[0].len() as u64 == count && of_states as u64 == count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let distinct: HashSet<_> = lists[0].iter().collect();
    assert_eq!((lists[0].len() as u64, distinct.len() as u64), (count, count));
    let of_states: HashSet<_> = lists.iter().skip(1).flatten().collect();
    assert_eq!(of_states, distinct);
    assert_eq!(lists.iter().skip(1).map(Vec::len).sum::<usize>() as u64, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_during_imports_with_drains_under_way() {
    let kills = std::env::vars().find(|(name, _)| name == "OUTSCOUT_TEST_KILLS");
    let mut left: u32 = kills.and_then(|(_, number)| number.parse().ok()).unwrap_or(KILLS);
    let folder = Folder::temporary();
    let data = folder.0.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let (mut random, mut imports) = (20_261_130_u64, 0_u64);
    let mut server = start(&data, &UNLIMITED);
    while left > 0 {
        imports += 1;
        let study = |number: u64| {
            let status = ["draft", "open", "paused", "completed"][usize::try_from(number % 4).unwrap()];
            json!({"name": format!("Study {number}"), "status": status, "tasks": ["x"],
                "id": format!("00000000-0000-4000-{:04}-{number:012}", 8_000 + imports)})
        };
        let file = folder.0.join("studies.json");
        std::fs::write(&file, Value::Array((0..MANY).map(study).collect()).to_string()).unwrap();
        let organization = run(&data, &["org", "create", "--name", "crash"])["id"].as_str().unwrap().to_owned();
        let arguments = ["study", "import", file.to_str().unwrap(), "--org", &organization, "--json", "--data"];
        let mut whole = false;
        while !whole {
            let mut import =
                outscout().args(arguments).arg(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if left > 0 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                tokio::time::sleep(Duration::from_millis(100 + (random >> 33) % 900)).await;
                server.kill();
                server = start(&data, &UNLIMITED);
                left -= 1;
            }
            whole = import.wait().unwrap().success();
        }
        let key = run(&data, &["key", "create", "--org", &organization])["key"].as_str().unwrap().to_owned();
        assert_eq!(assert_lists_whole(&server.outset, &format!("Api-Key {key}")).await, MANY);
        assert_every_study_once(&data, imports * MANY).await;
    }
    server.kill();
}
