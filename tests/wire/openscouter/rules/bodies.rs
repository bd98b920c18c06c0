//! Bodies (openscouter 2.1).

use harness::{
    Bench,
    openscouter::{send, studies::body, team::Team, told},
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

#[tokio::test]
async fn what_no_value_can_hold_matters_where_it_is_read() {
    let team = Team::start().await;
    let base = body().to_string();
    let create = async |member: &str| {
        let text = format!("{},{member}}}", base.strip_suffix('}').unwrap());
        let headers = [("authorization", team.owner.as_str()), ("content-type", "application/json")];
        send(&team.bench, "POST", "/api/jobs", &headers, &text).await
    };
    for unread in [r#""clientNote":"x\ud83d""#, r#""other":1e400"#, r#""other":[-1e999,{"\udc00":"\udc00\ud83d"}]"#] {
        let made = create(unread).await;
        assert_eq!(made.status, 201, "{unread}: {}", made.body);
    }
    for (read, refusal) in [
        (r#""description":"x\ud83d""#, "description: must not contain control characters"),
        (r#""description":1e400"#, "description: must be a string"),
        (r#""targeting":{"countries":["US"],"testerCount":1e400}"#, "targeting.testerCount: must be an integer"),
    ] {
        assert_eq!(told(&create(read).await), (422, refusal.to_owned()), "{read}");
    }
    let deep = format!("\"other\":{}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(told(&create(&deep).await), (400, "Malformed JSON body".to_owned()));
    assert_eq!(told(&create(r#""other":01e400"#).await), (400, "Malformed JSON body".to_owned()));
}
