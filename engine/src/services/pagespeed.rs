//! How fast a site's page is, and what else is audited there (outsend 12.15).

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::client::{Client, Errand, Pace};
use crate::{
    BoxFuture, Means, Row,
    ahead::{Done, Stop, Worker},
    columns::RowView,
    module::Fault,
    values,
    web::Missed,
};

/// A project may ask 240 times in a minute. An audit loads the page in a browser, which takes many seconds.
const PACE: Pace = Pace {
    gap: Duration::from_millis(250),
    request: Duration::from_secs(24),
    row: Duration::from_secs(25),
    at_once: 8,
};
/// How long rows are begun in a slice, so that their audits end in it.
const BEGINS: Duration = Duration::from_secs(4);
/// What is audited.
const CATEGORIES: [&str; 4] = ["performance", "accessibility", "seo", "best-practices"];
/// Suggestions of a row.
const SUGGESTIONS: usize = 5;

/// Has the sites of rows audited.
pub(super) struct Pagespeed {
    columns: Vec<String>,
    client: Client,
    key: SecretString,
}

impl Pagespeed {
    pub(super) fn new(columns: Vec<String>, means: &Means) -> Result<Self, Fault> {
        let key = means.services.pagespeed_key.clone();
        let key = key.ok_or_else(|| Fault::Failed("Module pagespeed is not available.".to_owned()))?;
        Ok(Self { columns, client: Client::new(means, &means.services.pagespeed, PACE)?, key })
    }

    async fn audit(&self, site: &str, strategy: &str, errand: &mut Errand<'_>) -> Result<Value, Stop> {
        let mut query = vec![("url", site), ("strategy", strategy)];
        query.extend(CATEGORIES.map(|category| ("category", category)));
        query.push(("key", self.key.expose_secret()));
        let found = errand.get(&self.client.url("", &query)).await?;
        // a page that the browser could not load is told in the answer
        let failed = found.pointer("/lighthouseResult/runtimeError/code").and_then(Value::as_str);
        match found.pointer("/lighthouseResult/categories/performance/score").and_then(Value::as_f64) {
            Some(_) if failed.is_none_or(|code| code == "NO_ERROR") => Ok(found),
            _ => Err(Stop::Missed(Missed::NotHtml)),
        }
    }

    async fn done(&self, row: &[Value]) -> Result<Option<Done>, Fault> {
        let row = RowView { columns: &self.columns, row };
        let Some(site) = values::url(&row.text("site_web")) else {
            return Ok(Some(Done { own: vec![empty("no_site")], ..Done::default() }));
        };
        let mut phone = self.client.errand();
        // the first request decides whether the row is begun; both audits then run side by side
        if let Err(stop) = phone.begin().await {
            return match stop {
                Stop::Fault(fault) => Err(fault),
                Stop::PutBack | Stop::Missed(_) => Ok(None),
            };
        }
        let mut desk = self.client.begun();
        let (mobile, desktop) = futures_util::future::join(
            self.audit(&site, "mobile", &mut phone),
            self.audit(&site, "desktop", &mut desk),
        )
        .await;
        let requests = phone.requests + desk.requests;
        let missed = match (mobile, desktop) {
            (Ok(mobile), Ok(desktop)) => {
                return Ok(Some(Done { own: vec![cells(&mobile, &desktop)], requests, ..Done::default() }));
            }
            (Err(Stop::Fault(fault)), _) | (_, Err(Stop::Fault(fault))) => return Err(fault),
            (Err(Stop::Missed(missed)), _) | (_, Err(Stop::Missed(missed))) => missed,
            (Err(Stop::PutBack), _) | (_, Err(Stop::PutBack)) => return Ok(None),
        };
        let host = Url::parse(&site).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let why = match missed {
            Missed::NotHtml => "the page could not be audited".to_owned(),
            missed => missed.as_str().into_owned(),
        };
        let failed = Some(format!("{host} was not audited: {why}."));
        Ok(Some(Done { own: vec![empty("error")], failed, refused: missed.is_refusal(), requests, counts: Vec::new() }))
    }
}

/// The cells of a row without an audit.
fn empty(status: &str) -> Vec<Value> {
    let mut cells = vec![Value::Null; 12];
    if let [.., suggestions, _, _, _, _, last] = cells.as_mut_slice() {
        *suggestions = json!([]);
        *last = status.into();
    }
    cells
}

/// A category's score in hundredths.
fn score(audit: &Value, category: &str) -> Value {
    let score = audit.pointer("/lighthouseResult/categories").and_then(|all| all.get(category)?.get("score")?.as_f64());
    score.map_or(Value::Null, |score| whole(score * 100.0))
}

/// A number without decimals.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "scores and milliseconds are far from the ends")]
    let whole = number.round().clamp(-1e15, 1e15) as i64;
    whole.into()
}

fn audits(audit: &Value) -> Option<&Map<String, Value>> {
    audit.pointer("/lighthouseResult/audits")?.as_object()
}

/// What an audit measured.
fn measured(audit: &Value, name: &str) -> Option<f64> {
    audits(audit)?.get(name)?.get("numericValue")?.as_f64()
}

/// The milliseconds that following an audit's advice would save.
fn savings(audit: &Value) -> f64 {
    let named = audit.pointer("/details/overallSavingsMs").and_then(Value::as_f64);
    let by_metric = audit.get("metricSavings").and_then(Value::as_object);
    // of the layout's shift no time is saved
    let of_metrics = by_metric.into_iter().flatten().filter(|(metric, _)| *metric != "CLS");
    named.unwrap_or_else(|| of_metrics.filter_map(|(_, saved)| saved.as_f64()).fold(0.0, f64::max))
}

/// The titles of the audits that would save most.
fn suggestions(audit: &Value) -> Vec<&str> {
    let of = |audit| Some((savings(audit), audit.get("title")?.as_str()?));
    let mut known: Vec<(f64, &str)> = audits(audit).into_iter().flatten().filter_map(|(_, audit)| of(audit)).collect();
    known.retain(|(saved, _)| *saved > 0.0);
    known.sort_by(|(one, title), (other, other_title)| other.total_cmp(one).then_with(|| title.cmp(other_title)));
    known.into_iter().take(SUGGESTIONS).map(|(_, title)| title).collect()
}

/// The module's cells, in the order of 12.15.
fn cells(mobile: &Value, desktop: &Value) -> Vec<Value> {
    let millis = |name: &str| measured(mobile, name).map_or(Value::Null, whole);
    let shift = measured(mobile, "cumulative-layout-shift").map(|shift| (shift * 1_000.0).round() / 1_000.0);
    let field = mobile.pointer("/loadingExperience/metrics/INTERACTION_TO_NEXT_PAINT/percentile");
    vec![
        score(mobile, "performance"),
        score(desktop, "performance"),
        millis("largest-contentful-paint"),
        json!(shift),
        score(mobile, "accessibility"),
        score(mobile, "seo"),
        json!(suggestions(mobile)),
        score(mobile, "best-practices"),
        millis("first-contentful-paint"),
        millis("total-blocking-time"),
        field.and_then(Value::as_f64).map_or(Value::Null, whole),
        json!("ok"),
    ]
}

impl Worker for Pagespeed {
    fn at_once(&self) -> usize {
        self.client.pace.at_once
    }

    fn gather(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn begins_for(&self) -> Duration {
        BEGINS
    }

    fn work(self: Arc<Self>, _: u64, row: Arc<Row>) -> BoxFuture<'static, Result<Option<Done>, Fault>> {
        Box::pin(async move { self.done(&row).await })
    }

    fn close(&self) {
        self.client.close();
    }

    fn rest(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.client.rest())
    }
}

#[cfg(test)]
mod tests;
