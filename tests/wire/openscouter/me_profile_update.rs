//! `PATCH /api/me/profile`: changes the tester's profile (openscouter 18).

use harness::{
    Bench,
    openscouter::{bearer, data, get, patch, person, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

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
    assert_eq!(told(&patch(&bench, &dana, "/api/me/profile", &json!({})).await), role);
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
        assert_eq!(told(&patch(&bench, &tess, "/api/me/profile", &body).await), (422, text), "{body}");
    }
    let told_back = patch(&bench, &tess, "/api/me/profile", &json!({"ndCategories": []})).await;
    assert_eq!((told_back.status, data(&told_back)), (200, fresh.clone()), "what a GET tells is no change");
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
    assert_eq!(data(&patch(&bench, &tess, "/api/me/profile", &changes).await), expected);
    expected["bio"] = Value::Null;
    assert_eq!(data(&patch(&bench, &tess, "/api/me/profile", &json!({"bio": null})).await), expected, "null clears");
    assert_eq!(data(&get(&bench, "/api/me/profile", &tess).await), expected);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer =
        team.tester("PATCH", "/api/me/profile", &json!({"country": "DE", "birthYear": 1990, "bio": "hello"})).await;
    snapshot!("me-profile-update", &answer);
}
