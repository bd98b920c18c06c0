//! Verifications of addresses in domains that take mail in every way that is met (outsend 12.5).

use harness::{mail_domains, outsend::jobs::World};
use serde_json::{Value, json};

/// Verifies the addresses of these lines, `address status category code catch-all`, in one job.
async fn assert_holds(expected: &[&str]) {
    let variables = mail_domains::start().await.unwrap().variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with(&variables).await;
    let address = |line: &&str| json!({"email": line.split(' ').next()});
    let made = world
        .post("/api/jobs/verify-emails", &json!({"items": expected.iter().map(address).collect::<Vec<_>>()}))
        .await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.settle().await;
    let told = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line =
        |row: &Value| ["email", "status", "category", "smtp_code", "catch_all"].map(|name| told(&row[name])).join(" ");
    let rows = world.rows(made.json()["id"].as_str().unwrap()).await;
    assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn where_domains_say_that_their_mail_goes() {
    let expected = [
        "p@good.test invalid smtp 550 no",
        "p@null.test invalid no_mx - unknown",
        "p@nullmix.test invalid smtp 550 no",
        "p@implicit.test invalid smtp 550 no",
        "p@implicit6.test unknown error - unknown",
        "p@txtonly.test invalid no_mx - unknown",
        "p@mxlocal.test unknown error - unknown",
        "p@mxip.test unknown error - unknown",
        "p@mxnowhere.test invalid no_mx - unknown",
        "p@alias.test invalid smtp 550 no",
        "p@servfail.test unknown error - unknown",
        "p@nxdomain.test invalid no_mx - unknown",
        "p@silent1.test unknown error - unknown",
    ];
    assert_holds(&expected).await;
}

#[tokio::test]
async fn what_mail_servers_say_of_addresses() {
    let expected = [
        "ok@good.test valid smtp 250 no",
        "gone@good.test invalid smtp 550 no",
        "any@policy.test unknown error 550 unknown",
        "any@full.test unknown error 452 unknown",
        "any@grey.test unknown error 451 unknown",
        "any@catchall.test risky smtp 250 yes",
        "any@relay.test unknown error 554 unknown",
        "any@first-dead.test risky smtp 250 yes",
        "any@first-busy.test risky smtp 250 yes",
        "any@implicit.test valid smtp 250 no",
        "any@nullmix.test valid smtp 250 no",
        "any@mxnowhere.test invalid no_mx - unknown",
        "any@mxlocal.test unknown error - unknown",
        "contact@good.test valid smtp 250 no",
        "gone2@good.test invalid smtp 550 no",
        "ok2@good.test valid smtp 250 no",
        "o'neil@good.test valid smtp 250 no",
        "a%b@good.test valid smtp 250 no",
        "any@evilgoogle.com risky smtp 250 yes",
    ];
    assert_holds(&expected).await;
}
