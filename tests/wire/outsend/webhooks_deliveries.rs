//! `GET /api/webhooks/{id}/deliveries`: what was sent to a webhook (outsend 16.1).

use harness::{
    outsend::{
        detail,
        webhooks::{webhook, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.completed"]).await;
    world.verification(&["a@one.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/webhooks/{id}/deliveries?limit=10")).await;
    snapshot!("webhooks-deliveries", &answer);
}

#[tokio::test]
async fn any_page_newest_first_for_thirty_days() {
    harness::binaries::linked(async {
        let world = world().await;
        let receiver = Receiver::start().await.unwrap();
        let id = webhook(&world, &receiver, &["job.completed"]).await;
        let path = format!("/api/webhooks/{id}/deliveries");
        assert_eq!(world.get(&path).await.body, r#"{"deliveries":[],"total":0,"limit":50,"offset":0}"#);
        let mut sent = Vec::new();
        for number in 0..24 {
            let answer = world.post(&format!("/api/webhooks/{id}/test"), &json!({})).await;
            sent.push(answer.json()["delivery"].clone());
            world.bench.advance(if number == 9 { Duration::days(20) } else { Duration::seconds(1) });
        }
        sent.reverse();
        let page = async |query: &str| world.get(&format!("{path}?{query}")).await.json();
        assert_eq!(page("").await, json!({"deliveries": sent, "total": 24, "limit": 50, "offset": 0}));
        let mut found: Vec<Value> = Vec::new();
        for offset in (0..30).step_by(7) {
            found.extend(page(&format!("limit=7&offset={offset}")).await["deliveries"].as_array().unwrap().clone());
        }
        assert_eq!(found, sent);
        let (first, deep) =
            (world.cost(&format!("{path}?limit=5")).await, world.cost(&format!("{path}?limit=5&offset=19")).await);
        assert_eq!((first.calls, first.items_read), (deep.calls, deep.items_read), "any page costs the same");
        world.bench.advance(Duration::days(11));
        let kept = page("limit=100&offset=10").await;
        assert_eq!((&kept["total"], kept["deliveries"].as_array().unwrap().len()), (&json!(14), 4));
        world.bench.advance(Duration::days(30));
        assert_eq!(page("").await["total"], 0);
        for (query, field) in
            [("limit=0", "limit"), ("limit=101", "limit"), ("offset=-1", "offset"), ("limit=x", "limit")]
        {
            let answer = world.get(&format!("{path}?{query}")).await;
            assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (422, &json!(field)), "{query}");
        }
        let stranger = world.other("eve@example.com").await;
        let answer = stranger.get(&path).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Webhook not found."));
    })
    .await;
}
