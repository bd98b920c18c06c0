//! `GET /api/me/exports/:id`: where an export stands (openscouter 18).

use harness::{
    Bench,
    openscouter::{
        PASSWORD, bearer, data,
        exports::{asked, create},
        get, person, post, send,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn an_export_is_made_and_fetched() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let (dana, tess) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "tess@example.com").await);
    let made =
        post(&bench, "/api/tokens", &[("authorization", &dana)], &json!({"name": "of CI", "scopes": ["read"]})).await;
    let secret = data(&made)["token"].as_str().unwrap().to_owned();
    let create = async |caller: &str| post(&bench, "/api/me/exports", &[("authorization", caller)], &json!({})).await;
    let first = create(&dana).await;
    assert_eq!((first.status, &data(&first)["status"]), (202, &json!("queued")));
    let busy = (422, "Export is queued, expected complete or failed".to_owned());
    assert_eq!(told(&create(&dana).await), busy);
    assert_eq!(create(&tess).await.status, 202, "another person's is no matter");
    let path = format!("/api/me/exports/{}", data(&first)["exportId"].as_str().unwrap());
    let queued = data(&get(&bench, &path, &dana).await);
    assert_eq!((&queued["status"], &queued["downloadUrl"]), (&json!("queued"), &Value::Null));
    work(&bench).await;
    work(&bench).await;
    let done = data(&get(&bench, &path, &dana).await);
    assert_eq!((&done["status"], done["expiresAt"].as_str().unwrap().len()), (&json!("complete"), 20));
    assert_eq!(told(&get(&bench, &path, &tess).await), (404, "Export not found".to_owned()));
    let url = done["downloadUrl"].as_str().unwrap().strip_prefix("https://api.test").unwrap().to_owned();
    let file = send(&bench, "GET", &url, &[], "").await;
    assert_eq!(file.status, 200, "{}", file.body);
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"exp_"));
    let bundle = file.json();
    assert_eq!(bundle["user"]["email"], "dana@example.com");
    assert_eq!(bundle["apiTokens"][0]["name"], "of CI");
    assert_eq!(bundle["signIns"].as_array().unwrap().len(), 1);
    for hidden in [secret.as_str(), PASSWORD, "argon2", "hash"] {
        assert!(!file.body.contains(hidden), "{hidden}");
    }
    let forged = url.replace("token=", "token=x");
    let other = url.replacen("/exports/exp_0", "/exports/exp_1", 1);
    for wrong in [forged.as_str(), other.as_str(), url.split('?').next().unwrap()] {
        assert_eq!(send(&bench, "GET", wrong, &[], "").await.status, 404, "{wrong}");
    }
    bench.advance(Duration::minutes(15));
    assert_eq!(send(&bench, "GET", &url, &[], "").await.status, 404, "an address works for 15 minutes");
    let again = data(&get(&bench, &path, &dana).await);
    assert_ne!(again["downloadUrl"], done["downloadUrl"], "each reading gives a new one");
    bench.advance(Duration::hours(20));
    assert_eq!(create(&dana).await.status, 202, "the next one may be asked for");
    bench.advance(Duration::days(7));
    let late = bearer(&bench, "dana@example.com").await;
    let expired = data(&get(&bench, &path, &late).await);
    assert_eq!((&expired["status"], &expired["downloadUrl"]), (&json!("expired"), &Value::Null));
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let (path, _) = asked(&create(&team.bench, &team.tester).await);
    work(&team.bench).await;
    let answer = team.tester("GET", &path, &Value::Null).await;
    snapshot!("me-exports-get", &answer);
}
