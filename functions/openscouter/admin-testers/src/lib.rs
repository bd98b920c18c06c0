//! `GET /api/admin/testers`: all testers, newest first (openscouter 17).

use serde::Serialize;
use shared::{
    http::{Response, query::Query},
    model::{Standing, Tester},
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::Problem,
        format::timestamp,
        lists::{COUNTRIES, is_listed},
        paging::Paging,
        profiles::display_name,
        request_context::RequestContext,
    },
    store::TesterFilter,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(list(cx, caller)));

/// A tester as the staff sees one (openscouter 17).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TesterView<'a> {
    tester_id: String,
    email: &'a str,
    display_name: String,
    country: Option<&'a str>,
    status: &'static str,
    completed_sessions: u32,
    avg_rating: Option<f64>,
    joined_at: String,
}

async fn list(cx: &RequestContext, _caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let filter = filter(query)?;
    let page = cx.context.store().testers_page(&filter, paging.offset(), paging.limit).await?;
    let rows: Vec<_> = page.members.iter().map(view).collect();
    Ok(paging.list(&rows, page.total))
}

fn filter(query: &Query) -> Result<TesterFilter<'_>, Problem> {
    let standing = match query.last("status") {
        None => None,
        Some(text) => {
            let refused = || Problem::invalid("status", "must be one of: active, suspended, pending");
            Some(Standing::parse(text).ok_or_else(refused)?)
        }
    };
    let country = query.last("country");
    if country.is_some_and(|country| !is_listed(COUNTRIES, country)) {
        return Err(Problem::invalid("country", "must be an ISO 3166-1 alpha-2 code"));
    }
    let min_sessions = match query.last("minSessions") {
        None => 0,
        Some(text) => {
            let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| text.parse::<u64>().ok()).flatten();
            let refused = || Problem::bad("minSessions: must be an integer of at least 0".to_owned());
            // more than anybody's sessions is more than anybody's sessions
            u32::try_from(number.ok_or_else(refused)?).unwrap_or(u32::MAX)
        }
    };
    Ok(TesterFilter { standing, country, min_sessions })
}

fn view(tester: &Tester) -> TesterView<'_> {
    TesterView {
        tester_id: tester.id.wire(),
        email: tester.email.as_str(),
        display_name: display_name(&tester.name),
        country: tester.candidate.country.as_deref(),
        status: tester.standing.as_str(),
        completed_sessions: tester.completed_sessions,
        avg_rating: tester.ratings.mean_tenths().map(|tenths| f64::from(tenths) / 10.0),
        joined_at: timestamp(tester.created_at),
    }
}
