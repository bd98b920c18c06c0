//! Veilles in the personal export, and their end with the account (outsend 6.2, 6.4).

use harness::outsend::{
    PASSWORD, cookie, post, send,
    veille::{one_run, world},
};
use serde_json::{Value, json};

#[tokio::test]
async fn all_of_it_is_exported_and_goes_with_the_account() {
    let world = world().await;
    let (_source, deleted) = one_run(&world).await;
    assert_eq!(world.delete(&format!("/api/veille/{}", deleted["id"])).await.status, 200);
    let (_source, veille) = one_run(&world).await;
    let (bench, other) = (&world.bench, world.other("eve@example.com").await);
    let (_theirs, kept) = one_run(&other).await;
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let session = cookie(&post(bench, "/api/auth/login", &[], &login).await);
    let export = send(bench, "GET", "/api/auth/export", &[("cookie", &session)], "").await.json();
    let exported = export["veilles"].as_array().unwrap();
    let ids = |of: &str| exported.iter().map(|veille| veille[of].clone()).collect::<Vec<Value>>();
    assert_eq!(ids("id"), [veille["id"].clone(), deleted["id"].clone()]);
    assert_eq!(ids("status"), ["active", "deleted"]);
    assert_eq!(exported[0]["runs"], json!(world.runs(&veille).await));
    // a slot that is due goes, too
    bench.advance(time::Duration::days(1));
    let body = json!({"password": PASSWORD}).to_string();
    let gone = send(bench, "DELETE", "/api/auth/account", &[("cookie", &session)], &body).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    world.settle().await;
    let user = world.account.user.id.to_string();
    let left = bench.left(&[user.as_str(), &format!("VEILLE#{}", veille["id"]), "VEILLE#1\""]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    bench.advance(time::Duration::days(30));
    world.tick().await;
    world.settle().await;
    assert_eq!(other.runs(&kept).await.len(), 2, "another's goes on");
    let left = bench.left(&[user.as_str()]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
