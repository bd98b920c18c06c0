//! Credentials of one dialect in another one's header, and several at once: none of them opens anything.

use harness::{
    Bench,
    openscouter::{PASSWORD, bearer, data, get, oauth::connected, person, post},
    outsend,
};
use serde_json::{Value, json};
use shared::model::{Plan, Role};
use time::Duration;

#[tokio::test]
async fn a_credential_opens_its_own_dialect_only() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let cookie = outsend::log_in(&bench, "dana@example.com", PASSWORD).await;
    let session = cookie.split_once('=').unwrap().1.to_owned();
    let made = outsend::ask(&bench, "POST", "/api/api-keys", &[("cookie", &cookie)], &json!({"name": "x"})).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let access = bearer(&bench, "dana@example.com").await;
    let jwt = access.split_once(' ').unwrap().1.to_owned();
    let body = json!({"name": "x", "scopes": ["write"]});
    let token = data(&post(&bench, "/api/tokens", &[("authorization", &access)], &body).await);
    let token = token["token"].as_str().unwrap().to_owned();
    let oauth = connected(&bench, &user).await.split_once(' ').unwrap().1.to_owned();
    let outset = bench.new_key(user.organization, Plan::Free, &shared::model::Scope::ALL).await.unwrap();
    bench.advance(Duration::seconds(61));

    // each in every place where a credential can stand, but for its own
    let all = [
        ("session", &session),
        ("key", &key),
        ("jwt", &jwt),
        ("token", &token),
        ("oauth", &oauth),
        ("outset", &outset),
    ];
    let studies = async |headers: &[(&str, &str)]| {
        bench.advance(Duration::seconds(3));
        let list = &outset_studies_list::FUNCTION;
        bench.send(list, "GET", "/v1/studies/", headers, b"").await.unwrap().status
    };
    let of_outsend = async |headers: &[(&str, &str)]| {
        bench.advance(Duration::seconds(3));
        outsend::ask(&bench, "GET", "/api/auth/me", headers, &Value::Null).await.status
    };
    let of_openscouter = async |credential: &str| {
        bench.advance(Duration::seconds(3));
        get(&bench, "/api/auth/me", credential).await.status
    };
    for (name, secret) in all {
        for scheme in ["Api-Key", "api-key", "Bearer", "Token", "Basic"] {
            let value = format!("{scheme} {secret}");
            let own = name == "outset" && scheme.eq_ignore_ascii_case("api-key");
            assert_eq!(studies(&[("authorization", &value)]).await == 200, own, "Outset: {name} as {scheme}");
            let own = matches!((name, scheme), ("jwt" | "oauth", "Bearer") | ("token", "Token"));
            assert_eq!(of_openscouter(&value).await == 200, own, "OpenScouter: {name} as {scheme}");
            assert_eq!(of_outsend(&[("authorization", &value)]).await, 401, "Outsend: {name} as {scheme}");
        }
        assert_eq!(of_outsend(&[("x-api-key", secret)]).await == 200, name == "key", "Outsend: {name} as a key");
        let cookie = format!("outsend_session={secret}");
        assert_eq!(of_outsend(&[("cookie", &cookie)]).await == 200, name == "session", "Outsend: {name} as a cookie");
        assert_eq!(studies(&[("x-api-key", secret), ("cookie", &cookie)]).await, 401, "Outset: {name} elsewhere");
    }

    // two at once: a header that is sent twice is no credential, and at Outsend the key alone decides
    let twice = format!("{access},{access}");
    assert_eq!(of_openscouter(&twice).await, 401);
    let authorization = format!("Api-Key {outset}");
    assert_eq!(studies(&[("authorization", &authorization), ("authorization", &authorization)]).await, 401);
    assert_eq!(of_outsend(&[("cookie", &cookie), ("x-api-key", &key)]).await, 200);
    assert_eq!(of_outsend(&[("cookie", &cookie), ("x-api-key", "osk_x")]).await, 401);
    assert_eq!(of_outsend(&[("cookie", &cookie), ("x-api-key", &token)]).await, 401);
    let upper = jwt.to_uppercase();
    assert_eq!(of_openscouter(&format!("Bearer {upper}")).await, 401, "secrets have a case");
    assert_eq!(of_outsend(&[("x-api-key", &key.to_uppercase())]).await, 401);
}
