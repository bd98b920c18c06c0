//! What a server says when it is ready: for people on standard error, for programs on standard output.

use std::fmt::Write as _;

use serde_json::{Value, json};
use shared::config::ExposeSecret as _;

use crate::{
    demo::{Demo, DemoAccount},
    server::Server,
};

/// The lines for people: where everything is, who the demo's people are, and what to try.
pub(super) fn text(server: &Server, demo: Option<&Demo>) -> String {
    let Server { control, outset, outsend, openscouter, .. } = server;
    let mut text = format!(
        "outscout is running\n  control      {control}\n  mails        {control}/_local/mail\n  Outset       {outset}\n  \
         Outsend      {outsend}\n  OpenScouter  {openscouter}\n"
    );
    let Some(demo) = demo else { return text };
    if let Some(account) = &demo.account {
        text.push_str(&people(server, account));
    }
    let key = demo.outset_key.reveal();
    let _ = write!(text, "the demo's keys\n  Outset       {key}\n");
    if let Some(account) = &demo.account {
        let _ = writeln!(text, "  Outsend      {}", account.outsend_key);
    }
    let _ = write!(text, "try it\n  curl -H 'Authorization: Api-Key {key}' {outset}/studies/\n");
    if let Some(account) = &demo.account {
        text.push_str(&lines(server, account));
    }
    for notice in &demo.notices {
        let _ = writeln!(text, "note: {notice}");
    }
    text
}

/// Who can sign in, and where.
fn people(server: &Server, account: &DemoAccount) -> String {
    let pages = |url: &str| format!("{}/sign-in", url.trim_end_matches("/api"));
    let mut text = format!(
        "the demo's people sign in at {} and (business) at {}\n  business     {} {}\n",
        pages(&server.openscouter),
        pages(&server.outsend),
        account.email,
        account.password
    );
    for (role, person) in [("tester", &account.tester), ("admin", &account.admin)] {
        if let Some(person) = person {
            let _ = writeln!(text, "  {role:12} {} {}", person.email, person.password);
        }
    }
    text
}

/// What to try in a shell: each line works as it is, after those before it.
fn lines(server: &Server, account: &DemoAccount) -> String {
    let Server { outsend, openscouter, .. } = server;
    let key = &account.outsend_key;
    let mut text = format!("  curl -H 'X-API-Key: {key}' {outsend}/auth/me\n");
    let Some(story) = &account.story else { return text };
    let _ = write!(
        text,
        "  curl -H 'X-API-Key: {key}' {outsend}/jobs/{}/items\n  \
         TOKEN=$(curl -s -H 'Content-Type: application/json' -d '{{\"email\":\"{}\",\"password\":\"{}\"}}' \
         {openscouter}/auth/sign-in | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {openscouter}/proposals/{}\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {openscouter}/sessions/{}\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {openscouter}/reports/{}\n\
         or open it in a browser\n  {}/studies/{}\n",
        story.job,
        account.email,
        account.password,
        story.proposal,
        story.session,
        story.report,
        openscouter.trim_end_matches("/api"),
        story.study,
    );
    text
}

/// The line for programs: everything that people are told, and the secret of the scheduled jobs over HTTP.
pub(super) fn ready(server: &Server, demo: Option<&Demo>) -> Value {
    let Server { control, outset, outsend, openscouter, .. } = server;
    let cron_secret = &server.context.settings().openscouter.cron_secret;
    let cron_secret = cron_secret.as_ref().map(|secret| secret.expose_secret());
    json!({
        "ready": true, "control": control, "outset": outset, "outsend": outsend, "openscouter": openscouter,
        "cron_secret": cron_secret, "demo": demo.map_or_else(|| json!({}), of_demo),
    })
}

fn of_demo(demo: &Demo) -> Value {
    let key = demo.outset_key.reveal();
    let mut told = json!({
        "organization_id": demo.organization.to_string(), "outset_key": key, "notices": demo.notices,
    });
    if let Some(account) = &demo.account {
        let business = json!({"email": account.email, "password": account.password});
        told["outsend"] = business.clone();
        told["outsend_key"] = json!(account.outsend_key);
        told["openscouter"] = json!({"business": business, "tester": account.tester, "admin": account.admin});
        told["story"] = json!(account.story);
    }
    told
}
