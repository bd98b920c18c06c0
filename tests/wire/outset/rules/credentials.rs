//! Credentials, and what is refused before a view (outset 4, 5).

use harness::outset::{LIST, RETRIEVE, S01, World, error};

#[tokio::test]
async fn credentials_and_errors_before_a_view() {
    let world = World::new().await;
    let none = world.open(LIST, "GET", "/v1/studies/", &[]).await;
    assert_eq!(
        (none.status, none.header("www-authenticate"), none.header("allow")),
        (401, "Api-Key", "GET, HEAD, OPTIONS")
    );
    assert_eq!(none.body, error("null", "not_authenticated", "Authentication credentials were not provided."));
    assert_eq!(none.header("content-length"), "128");
    let bad = world.open(RETRIEVE, "GET", S01, &[("authorization", "Api-Key nope")]).await;
    assert_eq!(bad.body, error("null", "authentication_failed", "Incorrect authentication credentials."));
    let slashless = world.open(RETRIEVE, "GET", "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001?a=1", &[]).await;
    assert_eq!(
        (slashless.status, slashless.header("location")),
        (301, "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001/?a=1")
    );
    let html = world.open(LIST, "GET", "/v1/studies/", &[("accept", "text/html")]).await;
    assert_eq!((html.status, html.header("www-authenticate")), (406, ""));
    let reader = format!("Api-Key {}", world.fixture.reader);
    let post = world.open(LIST, "POST", "/v1/studies/", &[("authorization", &reader)]).await;
    assert_eq!(post.body, error("null", "permission_denied", "You do not have permission to perform this action."));
    let put = world.with(RETRIEVE, "PUT", S01, &[], "").await;
    assert_eq!((put.status, put.body), (405, error("null", "method_not_allowed", r#"Method \"PUT\" not allowed."#)));
}
