//! `POST /api/billing/connect`: a tester sets up the account that payouts go to, on a page of Stripe's (openscouter 16.1).

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use shared::{
    http::Response,
    model::{Role, User, UserId},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, Scope, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        payments::{failed, page_of},
        request_context::RequestContext,
        studies::view::app_url,
    },
    stripe::{self, Call, parameters},
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(&[Role::Tester, Role::Admin]).tokens(Scope::Admin);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(connect(cx, caller)));

/// The way to an account (openscouter 16.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Onboarding {
    account_id: String,
    onboarding_url: String,
    expires_at: String,
}

async fn connect(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let named = match caller.viewer() {
            Viewer::Tester(_) => None,
            Viewer::Admin | Viewer::Owner(_) => Some(fields.text("testerId", 1, usize::MAX)?),
        };
        let (back, refresh) = (page_of(cx, &fields, "returnUrl")?, page_of(cx, &fields, "refreshUrl")?);
        let tester = match named {
            None => caller.account.user.clone(),
            Some(id) => named_tester(cx, &id).await?,
        };
        let account = account_of(cx, &tester).await?;
        let home = format!("{}/home", app_url(cx));
        let pages = (back.unwrap_or_else(|| home.clone()), refresh.unwrap_or(home));
        Ok(success(201, &link(cx, account, pages).await?))
    })
    .await
}

fn missing() -> Problem {
    Problem::not_found("Tester")
}

async fn named_tester(cx: &RequestContext, id: &str) -> Result<User, Problem> {
    let account = cx.context.store().account(UserId::from_wire(id).ok_or_else(missing)?).await?;
    account.map(|account| account.user).filter(|user| user.role == Role::Tester).ok_or_else(missing)
}

/// Stripe's id of a tester's account, which is made at the first call. Of the tester it is told the country alone: what else
/// it asks, it asks them.
async fn account_of(cx: &RequestContext, tester: &User) -> Result<String, Problem> {
    let store = cx.context.store();
    if let Some(payee) = store.payee(tester.id).await? {
        return Ok(payee.account);
    }
    let (profile, _) = store.profile(tester.id).await?;
    let country = profile.get("country").and_then(Value::as_str).unwrap_or_default();
    let id = tester.id.wire();
    let mut said = parameters(&[
        ("type", "express"),
        ("business_type", "individual"),
        ("capabilities[card_payments][requested]", "true"),
        ("capabilities[transfers][requested]", "true"),
        // payouts are made one by one, for each session
        ("settings[payouts][schedule][interval]", "manual"),
        ("metadata[testerId]", &id),
    ]);
    if !country.is_empty() {
        said.extend(parameters(&[("country", country)]));
    }
    // the same question again makes no second account
    let key = format!("outscout-account-{id}-{country}");
    let making = Call { path: "accounts", parameters: &said, key: Some(&key), account: None };
    let made = stripe::call(&cx.context.settings().stripe, making).await;
    let made = made.and_then(|answer| stripe::text(&answer, "id")).map_err(|error| failed(&error))?;
    let payee = store.keep_payee(tester.id, &made).await?.ok_or_else(missing)?;
    Ok(payee.account)
}

/// A new link to an account's page.
async fn link(
    cx: &RequestContext,
    account_id: String,
    (back, refresh): (String, String),
) -> Result<Onboarding, Problem> {
    let said = parameters(&[
        ("account", &account_id),
        ("type", "account_onboarding"),
        ("return_url", &back),
        ("refresh_url", &refresh),
    ]);
    let key = format!("outscout-link-{}", Uuid::new_v4());
    let making = Call { path: "account_links", parameters: &said, key: Some(&key), account: None };
    let answer = stripe::call(&cx.context.settings().stripe, making).await.map_err(|error| failed(&error))?;
    let onboarding_url = stripe::text(&answer, "url").map_err(|error| failed(&error))?;
    let ends = answer.get("expires_at").and_then(Value::as_i64);
    let ends = ends.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()).unwrap_or(cx.now);
    Ok(Onboarding { account_id, onboarding_url, expires_at: timestamp(ends) })
}
