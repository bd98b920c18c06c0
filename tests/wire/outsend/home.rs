//! `GET /home`: the account and its jobs (outsend 6.7).

use harness::{
    Bench,
    outsend::{ask, confirmed, new_key, send},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn an_account_and_its_jobs() {
    let bench = Bench::start().await.unwrap();
    let cookie = confirmed(&bench, "dana@example.com").await;
    let page = send(&bench, "GET", "/home", &[("cookie", &cookie)], "").await;
    assert!(page.status == 200 && page.body.contains("There is none yet."), "{}", page.body);
    snapshot!("home", &page);
    for _ in 0..2 {
        let body = json!({"items": [{"email": "a@example.test"}]});
        assert_eq!(ask(&bench, "POST", "/api/jobs/verify-emails", &[("cookie", &cookie)], &body).await.status, 200);
    }
    let page = send(&bench, "GET", "/home?limit=1", &[("cookie", &cookie)], "").await;
    assert_eq!(page.body.matches("<td>verify emails</td>").count(), 1, "{}", page.body);
    assert!(page.body.contains("href=\"home?offset=1&amp;limit=1\">Older"), "{}", page.body);
    let page = send(&bench, "GET", "/home?limit=1&offset=1", &[("cookie", &cookie)], "").await;
    assert!(
        page.body.contains("href=\"home?offset=0&amp;limit=1\">Newer") && !page.body.contains("Older"),
        "{}",
        page.body
    );
    let wrong = send(&bench, "GET", "/home?limit=0", &[("cookie", &cookie)], "").await;
    assert_eq!((wrong.status, wrong.header("content-type")), (422, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_it() {
    let bench = Bench::start().await.unwrap();
    let cookie = confirmed(&bench, "dana@example.com").await;
    for headers in [vec![], vec![("cookie", "outsend_session=nope")]] {
        let answer = send(&bench, "GET", "/home", &headers, "").await;
        assert_eq!((answer.status, answer.header("location")), (303, "sign-in?next=/home"));
    }
    let key = new_key(&bench, &cookie, &json!({"name": "x"})).await.json()["key"].as_str().unwrap().to_owned();
    let refused = send(&bench, "GET", "/home", &[("x-api-key", &key)], "").await;
    assert!(refused.status == 403 && refused.body.contains("browser session"), "{}", refused.body);
}
