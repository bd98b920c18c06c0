//! Profile, exports, erasure (openscouter 18).

use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

use super::{PASSWORD, bearer, data, get, person, post, send, told, work};

async fn patch(bench: &Bench, caller: &str, body: &Value) -> Answer {
    let headers = [("authorization", caller), ("content-type", "application/json")];
    send(bench, "PATCH", "/api/me/profile", &headers, &body.to_string()).await
}

#[tokio::test]
async fn a_tester_s_profile() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Tester, "tess@example.com").await;
    person(&bench, Role::Business, "dana@example.com").await;
    let (tess, dana) = (bearer(&bench, "tess@example.com").await, bearer(&bench, "dana@example.com").await);
    let fresh = json!({
        "testerId": user.id.wire(), "displayName": "Dana R.", "country": null, "birthYear": null, "devices": [],
        "languages": [], "ndCategories": [], "assistiveTech": [], "bio": null, "timezone": null, "available": true,
        "cameraOptOut": false, "capacityVerified": false, "capacityScore": null, "telegramConnected": false,
        "payoutsEnabled": false,
    });
    assert_eq!(data(&get(&bench, "/api/me/profile", &tess).await), fresh);
    let role = (403, "You do not have permission to perform this action".to_owned());
    assert_eq!(told(&get(&bench, "/api/me/profile", &dana).await), role);
    assert_eq!(told(&patch(&bench, &dana, &json!({})).await), role);
    let year = bench.context.clock().now().year();
    for (body, text) in [
        (json!({"country": "de"}), "country: must be an ISO 3166-1 alpha-2 code".to_owned()),
        (json!({"country": 1}), "country: must be a string".to_owned()),
        (json!({"birthYear": 1899}), "birthYear: must be at least 1900".to_owned()),
        (json!({"birthYear": year + 1}), format!("birthYear: must be at most {year}")),
        (json!({"birthYear": 1990.0}), "birthYear: must be an integer".to_owned()),
        (json!({"devices": ["phone"]}), "devices[0]: must be one of: desktop, mobile, tablet".to_owned()),
        (json!({"devices": ["mobile", "mobile"]}), "devices: must not contain duplicates".to_owned()),
        (json!({"devices": null}), "devices: must not be null".to_owned()),
        (json!({"languages": ["en", "xx"]}), "languages[1]: must be an ISO 639-1 code".to_owned()),
        (json!({"ndCategories": ["adhd"]}), "ndCategories: requires special_category consent".to_owned()),
        (json!({"assistiveTech": vec!["x"; 21]}), "assistiveTech: must contain at most 20 items".to_owned()),
        (json!({"assistiveTech": ["x".repeat(81)]}), "assistiveTech[0]: must be at most 80 characters".to_owned()),
        (json!({"bio": "x".repeat(1_001)}), "bio: must be at most 1000 characters".to_owned()),
        (json!({"timezone": "Mars/Base"}), "timezone: must be an IANA time zone".to_owned()),
        (json!({"available": "yes"}), "available: must be a boolean".to_owned()),
        (json!({"cameraOptOut": null}), "cameraOptOut: must not be null".to_owned()),
    ] {
        assert_eq!(told(&patch(&bench, &tess, &body).await), (422, text), "{body}");
    }
    assert_eq!(data(&get(&bench, "/api/me/profile", &tess).await), fresh, "nothing was written");
    let mut expected = fresh.clone();
    let changes = json!({
        "country": "DE", "birthYear": 1990, "devices": ["mobile"], "languages": ["de", "en"],
        "assistiveTech": [" screen reader "], "bio": " hello ", "timezone": "Europe/Berlin", "available": false,
        "cameraOptOut": true, "unknown": 1,
    });
    for (name, value) in changes.as_object().unwrap().iter().filter(|(name, _)| *name != "unknown") {
        expected[name] = value.clone();
    }
    (expected["bio"], expected["assistiveTech"]) = (json!("hello"), json!(["screen reader"]));
    assert_eq!(data(&patch(&bench, &tess, &changes).await), expected);
    expected["bio"] = Value::Null;
    assert_eq!(data(&patch(&bench, &tess, &json!({"bio": null})).await), expected, "null clears");
    assert_eq!(data(&get(&bench, "/api/me/profile", &tess).await), expected);
}

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
async fn the_scheduler_starts_due_erasures() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of the scheduler")]).await.unwrap();
    let run = async |job: &str, credential: &str, body: Value| {
        let headers = [("authorization", credential)];
        post(&bench, &format!("/api/cron/{job}"), &headers, &body).await
    };
    let right = "Bearer of the scheduler";
    for wrong in ["Bearer x", "Token of the scheduler", "of the scheduler", "Bearer"] {
        assert_eq!(told(&run("retention", wrong, json!({})).await), (401, "Invalid credentials".to_owned()), "{wrong}");
    }
    assert_eq!(
        told(&post(&bench, "/api/cron/retention", &[], &json!({})).await),
        (401, "Missing credentials".to_owned())
    );
    assert_eq!(told(&run("nothing", right, json!({})).await), (404, "Cron job not found".to_owned()));
    for (body, text) in [
        (json!({"cursor": "x"}), "cursor: is invalid"),
        (json!({"limit": 0}), "limit: must be at least 1"),
        (json!({"limit": 501}), "limit: must be at most 500"),
        (json!({"limit": 1.0}), "limit: must be an integer"),
    ] {
        assert_eq!(told(&run("retention", right, body).await), (422, text.to_owned()));
    }
    for number in 0..3 {
        let email = format!("u{number}@example.com");
        person(&bench, Role::Business, &email).await;
        let access = bearer(&bench, &email).await;
        post(&bench, "/api/me/erasure", &[("authorization", &access)], &json!({"confirm": "ERASE"})).await;
    }
    let idle = run("retention", right, json!({})).await;
    assert_eq!(idle.header("ratelimit"), "", "the scheduler is not limited");
    assert_eq!(data(&idle), json!({"processed": 0, "failed": 0, "nextCursor": null}));
    bench.advance(Duration::days(30));
    let first = data(&run("retention", right, json!({"limit": 2})).await);
    let next = first["nextCursor"].clone();
    assert_eq!((&first["processed"], &first["failed"], next.is_string()), (&json!(2), &json!(0), true));
    let second = data(&run("retention", right, json!({"cursor": next, "limit": 2})).await);
    assert_eq!(second, json!({"processed": 1, "failed": 0, "nextCursor": null}));
    let closed = Bench::start().await.unwrap();
    let refused = post(&closed, "/api/cron/retention", &[("authorization", "Bearer ")], &json!({})).await;
    assert_eq!(told(&refused), (401, "Invalid credentials".to_owned()), "no secret, no jobs");
}

#[tokio::test]
async fn whoever_asks_is_forgotten_after_thirty_days() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Tester, "tess@example.com").await;
    let tess = bearer(&bench, "tess@example.com").await;
    let erase = async |body: Value| post(&bench, "/api/me/erasure", &[("authorization", &tess)], &body).await;
    assert_eq!(told(&get(&bench, "/api/me/erasure", &tess).await), (404, "Erasure request not found".to_owned()));
    assert_eq!(told(&erase(json!({})).await), (422, "confirm: is required".to_owned()));
    assert_eq!(told(&erase(json!({"confirm": "erase"})).await), (422, "confirm: must be ERASE".to_owned()));
    let first = erase(json!({"confirm": "ERASE"})).await;
    assert_eq!((first.status, &data(&first)["status"]), (202, &json!("acknowledged")));
    bench.advance(Duration::seconds(5));
    assert_eq!(data(&erase(json!({"confirm": "ERASE"})).await), data(&first), "asked again, the same");
    let mut shown = data(&get(&bench, "/api/me/erasure", &tess).await);
    assert_eq!(shown["completedAt"].take(), Value::Null);
    assert_eq!(shown["dueAt"], data(&first)["dueAt"]);
    bench.advance(Duration::days(29));
    work(&bench).await;
    let late = bearer(&bench, "tess@example.com").await;
    assert_eq!(get(&bench, "/api/auth/me", &late).await.status, 200);
    bench.advance(Duration::days(1));
    for _ in 0..3 {
        work(&bench).await;
    }
    assert_eq!(get(&bench, "/api/auth/me", &late).await.status, 401, "erased: as if there were no such account");
    let credentials = json!({"email": "tess@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &credentials).await.status, 401);
    let settings = bench.context.settings();
    let stored = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let left: Vec<_> = stored
        .iter()
        .filter(|item| item.contains(&user.id.to_string()) && !item.contains("AUDIT#") && !item.contains("RANK#audit"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    person(&bench, Role::Admin, "ann@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let path = format!("/api/admin/audit?action=erasure.completed&objectId={}", user.id.wire());
    assert_eq!(get(&bench, &path, &ann).await.json()["metadata"]["total"], 1, "the trail keeps the id");
}
