//! Bodies (openscouter 2.1).

use harness::{
    Bench,
    openscouter::{send, told},
};

#[tokio::test]
async fn bodies() {
    let bench = Bench::start().await.unwrap();
    let sign_in = async |media: &str, body: &str| {
        let answer = send(&bench, "POST", "/api/auth/sign-in", &[("content-type", media)], body).await;
        told(&answer)
    };
    assert_eq!(sign_in("text/plain", "{}").await, (400, "Unsupported content type".to_owned()));
    assert_eq!(sign_in("text/plain", "").await, (422, "email: is required".to_owned()));
    assert_eq!(sign_in("Application/JSON; charset=x", "{\"title\":").await, (400, "Malformed JSON body".to_owned()));
    assert_eq!(sign_in("application/json", "\u{feff}{}").await.0, 400);
    assert_eq!(sign_in("application/json", "null").await, (422, "body: must be an object".to_owned()));
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(1_048_576));
    assert_eq!(sign_in("text/plain", &large).await, (422, "body: must be at most 1048576 bytes".to_owned()));
    let twice = "{\"email\":1,\"email\":\"a@b.test\",\"other\":true}";
    assert_eq!(sign_in("application/json", twice).await, (422, "password: is required".to_owned()), "the last counts");
}
