//! `POST /api/jobs/:id/launch`: opens a draft (openscouter 5.1, 9.4).

use harness::{
    openscouter::{
        data, refused,
        studies::{alter, body, draft, paid, with},
        team::Team,
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Payment, Status};

#[tokio::test]
async fn a_launch_needs_completeness_and_then_payment() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &with("/compensation", json!("gone"))).await;
    let launch = async || team.owner("POST", &format!("{path}/launch"), &Value::Null).await;
    let organization = format!("/api/admin/organizations/{}", made["organizationId"].as_str().unwrap());
    let exempt = async |exempt: bool| {
        assert_eq!(team.admin("PATCH", &organization, &json!({"billingExempt": exempt})).await.status, 200);
    };
    exempt(false).await;
    let whole = alter(&team, &path, |study| {
        let mut next = study.changed_at(study.updated_at);
        next.details.description = String::new();
        next.details.targeting.countries = Vec::new();
        next.tasks = Vec::new();
        next
    })
    .await;
    assert_eq!(whole.status, Status::Draft);
    for (field, value) in [
        ("description", json!("Find barriers.")),
        ("tasks", json!([{"title": "Pay", "description": "Buy."}])),
        ("targeting", json!({"countries": ["US"]})),
        ("compensation", json!({"amount": 15})),
    ] {
        let name = if field == "targeting" { "targeting.countries" } else { field };
        assert_eq!(told(&launch().await), refused(&format!("{name}: is required to launch")));
        assert_eq!(team.owner("PATCH", &path, &json!({ field: value })).await.status, 200);
    }
    for payment in [Payment::Unpaid, Payment::Pending] {
        paid(&team, &path, payment).await;
        assert_eq!(told(&launch().await), refused("Study payment is not confirmed"));
    }
    paid(&team, &path, Payment::Paid).await;
    let launched = data(&launch().await);
    assert_eq!((&launched["status"], &launched["paymentStatus"]), (&json!("open"), &json!("paid")));
    // who need not pay and paid has paid
    let (_, other) = draft(&team, &body()).await;
    exempt(true).await;
    paid(&team, &other, Payment::Paid).await;
    let launched = data(&team.admin("POST", &format!("{other}/launch"), &Value::Null).await);
    assert_eq!(launched["paymentStatus"], "paid");
    let (_, third) = draft(&team, &body()).await;
    let launched = data(&team.admin("POST", &format!("{third}/launch"), &Value::Null).await);
    assert_eq!(launched["paymentStatus"], "exempt", "by the study's organization, not the admin's");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let (_, path) = draft(&team, &body()).await;
    let answer = team.owner("POST", &format!("{path}/launch"), &Value::Null).await;
    snapshot!("jobs-launch", &answer);
}
