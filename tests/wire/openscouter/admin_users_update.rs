//! `PATCH /api/admin/users/:id`: suspends, and lifts a suspension (openscouter 17).

use harness::{
    Bench,
    openscouter::{PASSWORD, bearer, data, get, patch, person, post, sign_in, team::Team, told},
    snapshot,
};
use serde_json::json;
use shared::model::Role;

#[tokio::test]
async fn a_suspension_holds_from_the_next_request() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let admin = person(&bench, Role::Admin, "ann@example.com").await;
    let (dana, ann) = (sign_in(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
    let access = format!("Bearer {}", dana["accessToken"].as_str().unwrap());
    let made =
        post(&bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "x", "scopes": ["read"]})).await;
    let token = format!("Token {}", data(&made)["token"].as_str().unwrap());
    let path = format!("/api/admin/users/{}", user.id.wire());
    for (body, text) in [
        (json!({}), "status: is required"),
        (json!({"status": null}), "status: must not be null"),
        (json!({"status": "pending"}), "status: must be one of: active, suspended"),
    ] {
        assert_eq!(told(&patch(&bench, &ann, &path, &body).await), (422, text.to_owned()));
    }
    let own = format!("/api/admin/users/{}", admin.id.wire());
    let suspend = json!({"status": "suspended"});
    assert_eq!(
        told(&patch(&bench, &ann, &own, &suspend).await),
        (422, "status: must not be the own account".to_owned())
    );
    for missing in ["user_01k8ybdf00e8nrtzq2qw3d80n2", "user_1"] {
        let answer = patch(&bench, &ann, &format!("/api/admin/users/{missing}"), &suspend).await;
        assert_eq!(told(&answer), (404, "User not found".to_owned()));
    }
    for _ in 0..2 {
        let answer = patch(&bench, &ann, &path, &suspend).await;
        assert_eq!(data(&answer), json!({"userId": user.id.wire(), "status": "suspended"}));
    }
    let suspended = (403, "Account suspended".to_owned());
    for credential in [&access, &token] {
        assert_eq!(told(&get(&bench, "/api/auth/me", credential).await), suspended);
    }
    let credentials = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(told(&post(&bench, "/api/auth/sign-in", &[], &credentials).await), suspended);
    let refresh = json!({"refreshToken": dana["refreshToken"]});
    assert_eq!(told(&post(&bench, "/api/auth/refresh", &[], &refresh).await), suspended);
    let wrong = json!({"email": "dana@example.com", "password": "wrong"});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &wrong).await.status, 401, "told only after the right password");
    let lifted = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(data(&lifted)["status"], "active");
    assert_eq!(get(&bench, "/api/auth/me", &token).await.status, 200, "a token is not a sign-in");
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 401, "sign-ins ended");
    let refreshed = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": dana["refreshToken"]})).await;
    assert_eq!(refreshed.status, 401);
    let tester = person(&bench, Role::Tester, "tess@example.com").await;
    let path = format!("/api/admin/users/{}", tester.id.wire());
    let pending = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(told(&pending), (422, "User is pending, expected active or suspended".to_owned()));
    patch(&bench, &ann, &path, &suspend).await;
    let back = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(data(&back)["status"], "pending", "the state held before");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let path = format!("/api/admin/users/{}", team.user.id.wire());
    let answer = team.admin("PATCH", &path, &json!({"status": "suspended"})).await;
    snapshot!("admin-users-update", &answer);
}
