//! `GET /api/jobs`: studies, newest first (openscouter 9).

use harness::{
    log,
    openscouter::{
        ask, bearer, cost, data, person, read, refused,
        studies::{body, draft, id_of, largest},
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    clock::from_epoch_micros,
    model::{Role, Study, StudyId},
};
use time::Duration;

#[tokio::test]
async fn lists_by_caller_state_and_page() {
    let team = Team::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = team.study(&json!({"title": format!("Study {number}")})).await;
        ids.insert(0, id);
        team.bench.advance(Duration::seconds(1));
    }
    team.owner("PATCH", &format!("/api/jobs/{}", ids[0]), &json!({"status": "paused"})).await;
    team.session(&ids[2]).await;
    work(&team.bench).await;
    let list = async |caller: &str, query: &str| {
        let answer = read(&team.bench, caller, &format!("/api/jobs{query}")).await.json();
        let ids = answer["data"].as_array().unwrap().iter().map(|row| row["jobId"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), answer["metadata"]["total"].as_u64().unwrap())
    };
    for caller in [&team.owner, &team.admin] {
        assert_eq!(list(caller, "").await, (ids.clone(), 5));
        assert_eq!(list(caller, "?limit=2&page=2").await, (ids[2..4].to_vec(), 5));
        assert_eq!(list(caller, "?page=9").await, (Vec::new(), 5));
        assert_eq!(list(caller, "?status=paused").await, (ids[..1].to_vec(), 1));
        assert_eq!(list(caller, "?status=in_progress").await, (ids[2..3].to_vec(), 1));
    }
    assert_eq!(list(&team.owner, "?limit=500&page=1&page=1").await, (ids.clone(), 5));
    let clamped = read(&team.bench, &team.owner, "/api/jobs?limit=500").await.json();
    assert_eq!(clamped["metadata"], json!({"page": 1, "limit": 100, "total": 5}));
    for (query, name) in
        [("page=0", "page"), ("page=x", "page"), ("page=-1", "page"), ("limit=0", "limit"), ("limit=1.0", "limit")]
    {
        let wrong = read(&team.bench, &team.owner, &format!("/api/jobs?{query}")).await;
        assert_eq!(told(&wrong), (400, format!("{name}: must be an integer of at least 1")), "{query}");
    }
    let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
    let own = me["organization"]["organizationId"].as_str().unwrap();
    assert_eq!(list(&team.admin, &format!("?organizationId={own}&limit=2&page=2")).await, (ids[2..4].to_vec(), 5));
    assert_eq!(list(&team.admin, &format!("?organizationId={own}&status=paused")).await, (ids[..1].to_vec(), 1));
    assert_eq!(list(&team.owner, "?organizationId=org_1").await, (ids.clone(), 5), "an admin's filter");
    for unknown in ["org_1", "org_01kjm6jm00f648tq7t49wz4ex4"] {
        assert_eq!(list(&team.admin, &format!("?organizationId={unknown}")).await, (Vec::new(), 0));
    }
    assert_eq!(list(&team.tester, "").await, (ids[2..3].to_vec(), 1));
    assert_eq!(list(&team.tester, "?status=open").await, (Vec::new(), 0));
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    assert_eq!(list(&other, "").await, (Vec::new(), 0));
    let foreign = read(&team.bench, &other, &format!("/api/jobs/{}", ids[0])).await;
    assert_eq!(told(&foreign), (404, "Study not found".to_owned()));
    let wrong = read(&team.bench, &team.owner, "/api/jobs?status=lost").await;
    assert_eq!(told(&wrong), refused("status: must be one of: draft, open, in_progress, paused, completed, closed"));
    let view = data(&read(&team.bench, &team.tester, &format!("/api/jobs/{}", ids[2])).await);
    let names: Vec<_> = view.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["jobId", "title", "prototypeUrl", "prototypeType", "tasks", "compensation", "settings", "status", "createdAt"];
    assert_eq!(names, expected);
    let hidden = read(&team.bench, &team.tester, &format!("/api/jobs/{}", ids[0])).await;
    assert_eq!(told(&hidden), (404, "Study not found".to_owned()));
    assert_eq!(ask(&team.bench, &team.tester, "POST", "/api/jobs", &body()).await.status, 403);
}

#[tokio::test]
async fn a_deep_page_costs_what_the_first_one_does() {
    harness::binaries::linked(async {
        const MANY: u32 = 1_000;
        log();
        let team = Team::start().await;
        let (_, path) = draft(&team, &body()).await;
        let store = team.bench.context.store();
        let base = store.linked_study(id_of(&path)).await.unwrap().unwrap();
        let study = |number: u32| Study {
            id: StudyId::generate(),
            created_at: from_epoch_micros(1_700_000_000_000_000 + i64::from(number) * 1_000_000).unwrap(),
            ..base.clone()
        };
        let studies: Vec<_> = (0..MANY).map(study).collect();
        assert!(store.create_studies(&studies).await.unwrap().is_empty());
        work(&team.bench).await;
        let own = cost(&team.bench, &team.owner, &path).await;
        assert!(own.sequential <= 2 && own.items_read <= 5, "the caller, then the study with its counts: {own:?}");
        for caller in [&team.owner, &team.admin] {
            for filter in ["", "&status=draft"] {
                let mut costs = Vec::new();
                for page in [1, 25, 50] {
                    team.bench.advance(Duration::seconds(1));
                    costs.push(cost(&team.bench, caller, &format!("/api/jobs?page={page}{filter}")).await);
                }
                let first = costs[0];
                for cost in &costs {
                    // caller, head, nodes, members, counts
                    assert!(
                        cost.sequential <= 5 && cost.sequential.abs_diff(first.sequential) <= 1,
                        "{filter} {costs:?}"
                    );
                    assert!(
                        cost.items_read.abs_diff(first.items_read) <= 3 && cost.items_read <= 30,
                        "{filter} {costs:?}"
                    );
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn long_tasks_are_left_out_of_lists() {
    let team = Team::start().await;
    person(&team.bench, Role::Business, "olga@example.com").await;
    let owner = bearer(&team.bench, "olga@example.com").await;
    for body in [largest(), body(), largest()] {
        assert_eq!(ask(&team.bench, &owner, "POST", "/api/jobs", &body).await.status, 201);
    }
    let list = read(&team.bench, &owner, "/api/jobs?limit=100").await.json();
    let rows = list["data"].as_array().unwrap();
    let told = |row: &Value| (row["tasks"].as_array().unwrap().len(), row.get("tasksTruncated").cloned());
    let tasks = body()["tasks"].as_array().unwrap().len();
    let cut = (0, Some(json!(true)));
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), [cut.clone(), (tasks, None), cut]);
    let whole = read(&team.bench, &owner, &format!("/api/jobs/{}", rows[0]["jobId"].as_str().unwrap())).await;
    assert_eq!(told(&data(&whole)), (50, None));
}

#[tokio::test]
async fn a_page_that_no_answer_holds_is_refused_with_a_limit_that_works() {
    let team = Team::start().await;
    let (_, path) = draft(&team, &body()).await;
    let store = team.bench.context.store();
    let mut base = store.linked_study(id_of(&path)).await.unwrap().unwrap();
    base.details.description = "\u{1f600}".repeat(12_000);
    let studies: Vec<_> = (0..60).map(|_| Study { id: StudyId::generate(), ..base.clone() }).collect();
    assert!(store.create_studies(&studies).await.unwrap().is_empty());
    work(&team.bench).await;
    let wide = read(&team.bench, &team.owner, "/api/jobs?limit=100").await;
    let (status, why) = told(&wide);
    let most: usize = why.strip_prefix("limit: must be at most ").unwrap().parse().unwrap();
    assert!(status == 422 && (20..60).contains(&most), "{why}");
    for query in [format!("limit={most}"), String::new()] {
        assert_eq!(read(&team.bench, &team.owner, &format!("/api/jobs?{query}")).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    team.study(&json!({})).await;
    let answer = team.owner("GET", "/api/jobs", &Value::Null).await;
    snapshot!("jobs-list", &answer);
}
