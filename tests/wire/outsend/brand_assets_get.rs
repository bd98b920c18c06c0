//! `GET /api/brand-assets/{owner}/{file}`: images that jobs found (outsend 8.5).

use harness::{
    bucket::{self, Bucket},
    outsend::{PASSWORD, brand, detail},
    snapshot,
};
use serde_json::json;
use shared::config::ExposeSecret as _;
use time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn succeeds() {
    let (world, path) = brand::world(&brand::logo(0)).await;
    let answer = world.get(&path).await;
    assert_eq!(answer.body, brand::logo(0));
    snapshot!("brand-assets-get", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_its_owners_alone() {
    let (world, path) = brand::world(&brand::logo(0)).await;
    let nothing = (404, "File not found.".to_owned());
    let of = |answer: harness::Answer| (answer.status, detail(&answer));
    let other = world.other("other@example.com").await;
    assert_eq!(of(other.get(&path).await), nothing);
    let (owner, file) = path.rsplit_once('/').unwrap();
    let unknown = format!("{owner}/{}.svg", "0".repeat(64));
    let bare = file.trim_end_matches(".svg");
    for path in [
        unknown,
        format!("{owner}/{bare}.png"),
        format!("{owner}/{bare}.exe"),
        format!("{owner}/{bare}"),
        format!("{owner}/{}.svg", bare.to_uppercase()),
        format!("{owner}/..%2F{file}"),
        format!("/api/brand-assets/x/{file}"),
    ] {
        assert_eq!(of(world.get(&path).await), nothing, "{path}");
    }
    let anonymous = world.call("GET", &path, &[("cookie", "")], "").await;
    assert_eq!(anonymous.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_image_is_whole_and_ends_after_its_time() {
    let large = brand::logo(500_000);
    let (world, path) = brand::world(&large).await;
    let answer = world.get(&path).await;
    assert!(answer.status == 200 && answer.body == large, "{} bytes", answer.body.len());
    // as long as a job may last and its rows are kept
    world.bench.advance(Duration::days(36));
    assert_eq!(world.get(&path).await.status, 200);
    world.bench.advance(Duration::days(2));
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_account_that_is_deleted() {
    let (world, path) = brand::world(&brand::logo(500_000)).await;
    let file = path.rsplit_once('/').unwrap().1;
    let kept = async || {
        let items = world.bench.items("hot").await.unwrap();
        items.into_iter().filter(|item| item.contains(file)).map(|item| item.len() / 1_000).collect::<Vec<_>>()
    };
    assert_eq!(kept().await.len(), 3, "a name, and what it takes in parts");
    let body = json!({"password": PASSWORD}).to_string();
    let deleted = world.call("DELETE", "/api/auth/account", &[("cookie", &world.session)], &body).await;
    assert!(deleted.status < 300, "{}", deleted.body);
    world.settle().await;
    assert_eq!(kept().await, Vec::<usize>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_in_the_bucket_where_there_is_one() {
    let (bucket, url) = Bucket::start().await;
    let variables = [("OUTSCOUT_ASSETS_BUCKET", bucket::NAME), ("AWS_ENDPOINT_URL_S3", &url)];
    let large = brand::logo(500_000);
    let (world, sites) = brand::site(&large, &variables).await;
    let settings = &world.bench.context.settings().store;
    *bucket.secret.lock().unwrap() = settings.credentials.secret_access_key.expose_secret().to_owned();
    let path = brand::found(&world, &sites).await;
    assert_eq!(bucket.keys(), [path.trim_start_matches("/api/")]);
    assert!(world.get(&path).await.body == large);
    assert!(world.bench.items("hot").await.unwrap().iter().all(|item| item.len() < 10_000));
    // the same again is the same object
    assert_eq!((brand::found(&world, &sites).await, bucket.keys().len()), (path.clone(), 1));
    // an object that is gone is no image
    let object = std::mem::take(&mut *bucket.objects.lock().unwrap());
    assert_eq!(world.get(&path).await.status, 404);
    *bucket.objects.lock().unwrap() = object;
    let body = json!({"password": PASSWORD}).to_string();
    let deleted = world.call("DELETE", "/api/auth/account", &[("cookie", &world.session)], &body).await;
    assert!(deleted.status < 300, "{}", deleted.body);
    world.settle().await;
    assert_eq!(bucket.keys(), Vec::<String>::new());
}
