//! Searches for places, as jobs are planned with them (outsend 8.2, 12.1): zones are found before there is a job.

use std::{collections::HashMap, time::Duration};

use futures_util::future::try_join_all;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::{
    fields::MAX_ERRORS,
    messages::{Detail, Fault},
    refusal::Refusal,
};
use crate::{
    BoxFuture,
    context::Context,
    http_client,
    model::{Found, Job, JobInput, Lookup, Module, Planner, Search, ZoneArea, ZoneAsk},
    store::{JobParameters, NewJob, PackedRows},
};

/// How long all lookups of a request may take together.
const TOGETHER: Duration = Duration::from_secs(20);
/// How long a service is taken for one lookup.
const LEASE: time::Duration = time::Duration::seconds(15);
/// The least time between two lookups, over all requests.
const PAUSE: time::Duration = time::Duration::seconds(1);
/// The least time in which a lookup is worth beginning.
const LEAST: Duration = Duration::from_millis(500);
/// How long it is waited before it is looked again whether a service is free, at most.
const LOOK: Duration = Duration::from_millis(300);
/// Most bytes of an answer: outlines of countries are long.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// What all lookups ask for: outlines, to about a hundred metres.
const OUTLINES: [(&str, &str); 3] = [("format", "jsonv2"), ("polygon_geojson", "1"), ("polygon_threshold", "0.001")];
/// Where places are looked for when nothing is said.
const COUNTRY: &str = "FRA";

/// What a search is to be, from options that were judged.
#[derive(Debug)]
struct Wanted {
    queries: Vec<String>,
    /// The zones, and where each stands in the list that was sent.
    zones: Vec<(usize, String)>,
    include_reviews: bool,
    country: String,
    stop_at: u64,
    mode: String,
}

/// Trimmed texts, of those that are alike the first, and where each stands.
fn distinct(options: &Map<String, Value>, name: &str, alike: impl Fn(&str) -> String) -> Vec<(usize, String)> {
    let mut known = Vec::new();
    let texts = options.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut distinct = Vec::new();
    for (place, text) in texts.map(str::trim).enumerate() {
        let form = alike(text);
        if !known.contains(&form) {
            known.push(form);
            distinct.push((place, text.to_owned()));
        }
    }
    distinct
}

/// The form in which texts are compared; one of symbols alone is what it is.
fn alike(planner: &dyn Planner, text: &str) -> String {
    let folded = planner.fold(text);
    if folded.is_empty() { text.to_owned() } else { folded }
}

impl Wanted {
    fn read(planner: &dyn Planner, options: &Map<String, Value>) -> Self {
        let text = |name: &str, default: &str| {
            options.get(name).and_then(Value::as_str).map_or_else(|| default.to_owned(), str::to_owned)
        };
        Self {
            queries: distinct(options, "queries", |text| alike(planner, text))
                .into_iter()
                .map(|(_, text)| text)
                .collect(),
            zones: distinct(options, "zones", |text| alike(planner, text)),
            include_reviews: options.get("include_reviews").and_then(Value::as_bool).unwrap_or(false),
            country: text("country", COUNTRY).to_uppercase(),
            stop_at: options.get("stop_at").and_then(Value::as_u64).unwrap_or(0),
            mode: text("scrap_mode", "fast"),
        }
    }

    /// Its requests: each query in each cell.
    fn planned(&self, planner: &dyn Planner, areas: &[ZoneArea]) -> u64 {
        planner.cells(&self.mode, areas).saturating_mul(self.queries.len() as u64)
    }

    /// The options as the job has them.
    fn options(&self, search: &Search) -> Map<String, Value> {
        let options = json!({
            "queries": search.queries,
            "zones": search.zones,
            "include_reviews": search.include_reviews,
            "country": self.country,
            "stop_at": self.stop_at,
            "scrap_mode": self.mode,
        });
        if let Value::Object(options) = options { options } else { Map::new() }
    }
}

/// The search that `options` name, which were judged, as a job that nobody has stored: `job` with its plan.
///
/// # Errors
/// When a zone is unknown, the geocoder did not answer in time, or the store failed.
pub fn search<'a>(
    context: &'a Context,
    planner: &'a dyn Planner,
    job: Job,
    options: &'a Map<String, Value>,
) -> BoxFuture<'a, Result<NewJob, Refusal>> {
    Box::pin(async move {
        let wanted = Wanted::read(planner, options);
        let areas = areas(context, planner, &wanted, deadline()).await?;
        let planned = wanted.planned(planner, &areas);
        let text = serde_json::to_vec(&areas).map_err(|_| Detail::Server)?;
        let search = Search {
            queries: wanted.queries.clone(),
            zones: wanted.zones.iter().map(|(_, text)| text.clone()).collect(),
            include_reviews: wanted.include_reviews,
        };
        let parameters = JobParameters {
            options: wanted.options(&search),
            input_columns: Vec::new(),
            columns: planner.output(Module::Scrap, &Map::new(), &[]),
        };
        let job = Job {
            planned: Some(planned),
            charged: planned.saturating_mul(Module::Scrap.entry().weight),
            input: JobInput::Text,
            search: Some(search),
            ..job
        };
        Ok(NewJob { job, parameters, rows: PackedRows::default(), text: Some(text), log: Vec::new(), resumes: None })
    })
}

/// When lookups that begin now must have ended.
#[must_use]
pub(super) fn deadline() -> Instant {
    Instant::now() + TOGETHER
}

/// Looks the zones of a search up until `until`, so that its job can be planned at once; gives its planned requests.
///
/// # Errors
/// As for [`search`].
pub(super) fn check<'a>(
    context: &'a Context,
    planner: &'a dyn Planner,
    options: &'a Map<String, Value>,
    until: Instant,
) -> BoxFuture<'a, Result<u64, Refusal>> {
    Box::pin(async move {
        let wanted = Wanted::read(planner, options);
        let areas = areas(context, planner, &wanted, until).await?;
        Ok(wanted.planned(planner, &areas))
    })
}

/// The areas of the zones, in their order.
async fn areas(
    context: &Context,
    planner: &dyn Planner,
    wanted: &Wanted,
    until: Instant,
) -> Result<Vec<ZoneArea>, Refusal> {
    let mut asks = Vec::with_capacity(wanted.zones.len());
    for (_, text) in &wanted.zones {
        match planner.zone(&wanted.country, text) {
            Some(ask) => asks.push(ask),
            None => return Err(Refusal::Invalid(vec![("country".to_owned(), Fault::Format)])),
        }
    }
    let mut finder = Finder { context, planner, until, known: HashMap::new() };
    finder.recall(&asks).await?;
    let (mut areas, mut unknown) = (Vec::with_capacity(asks.len()), Vec::new());
    for (ask, (place, _)) in asks.iter().zip(&wanted.zones) {
        match finder.area(ask).await? {
            Some(area) => areas.push(area),
            None if unknown.len() < MAX_ERRORS => unknown.push((format!("zones.{place}"), Fault::UnknownZone)),
            None => {}
        }
    }
    if unknown.is_empty() { Ok(areas) } else { Err(Refusal::Invalid(unknown)) }
}

/// Finds zones: what was kept, else what the services say.
struct Finder<'a> {
    context: &'a Context,
    planner: &'a dyn Planner,
    until: Instant,
    /// What is known of lookups, by their keys.
    known: HashMap<String, Option<Found>>,
}

impl Finder<'_> {
    /// Reads what was kept of the lookups that are likely needed, all at once.
    async fn recall(&mut self, asks: &[ZoneAsk]) -> Result<(), Refusal> {
        let first = asks.iter().filter_map(|ask| ask.any_of.first()).flatten();
        let mut keys: Vec<_> = first.map(Lookup::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let store = self.context.store();
        let kept = try_join_all(keys.iter().map(|key| store.kept_place(key))).await?;
        self.known = keys.into_iter().zip(kept).filter_map(|(key, kept)| Some((key, kept?))).collect();
        Ok(())
    }

    async fn area(&mut self, ask: &ZoneAsk) -> Result<Option<ZoneArea>, Refusal> {
        for lookups in &ask.any_of {
            let mut found = Vec::with_capacity(lookups.len());
            for lookup in lookups {
                match self.found(lookup).await? {
                    // around a point its outline means nothing
                    Some(one) if ask.radius_km.is_some() => found.push(Found { rings: Vec::new(), ..one }),
                    Some(one) => found.push(one),
                    None => break,
                }
            }
            if found.len() == lookups.len() {
                return Ok(Some(ZoneArea { found, radius_km: ask.radius_km }));
            }
        }
        Ok(None)
    }

    async fn found(&mut self, lookup: &Lookup) -> Result<Option<Found>, Refusal> {
        let key = lookup.key();
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let store = self.context.store();
        let found = match store.kept_place(&key).await? {
            Some(kept) => kept,
            None => {
                let found = self.look(lookup).await?;
                store.keep_place(&key, found.as_ref(), self.context.clock().now()).await?;
                found
            }
        };
        self.known.insert(key, found.clone());
        Ok(found)
    }

    /// Asks the services.
    async fn look(&self, lookup: &Lookup) -> Result<Option<Found>, Refusal> {
        let geocoder = self.context.settings().outbound.services.nominatim_url();
        let mut parameters: Vec<(&str, String)> = OUTLINES.map(|(name, value)| (name, value.to_owned())).to_vec();
        let path = match lookup {
            Lookup::Search(of_lookup) => {
                let by_name = of_lookup.iter().any(|(name, _)| *name == "q");
                // of a name's hits some are streets and rivers
                parameters.push(("limit", if by_name { "5" } else { "1" }.to_owned()));
                parameters.extend(of_lookup.iter().cloned());
                "search"
            }
            Lookup::Commune(code) => {
                let Some(relation) = self.commune(code).await? else { return Ok(None) };
                parameters.push(("osm_ids", format!("R{relation}")));
                "lookup"
            }
        };
        let mut url = Url::parse(geocoder).map_err(|_| Detail::Server)?;
        let name = name_of(&url);
        let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        url.query_pairs_mut().extend_pairs(&parameters);
        let answer = self.ask(&name, "GET", url, String::new()).await?;
        // what is no list says nothing, not that there is nothing
        if serde_json::from_slice::<Vec<IgnoredAny>>(&answer).is_err() {
            return Err(Detail::Upstream.into());
        }
        Ok(self.planner.found(lookup, &answer))
    }

    /// The relation of the commune with an INSEE code, which the geocoder does not know by it.
    async fn commune(&self, code: &str) -> Result<Option<u64>, Refusal> {
        let url = Url::parse(self.context.settings().outbound.services.overpass_url()).map_err(|_| Detail::Server)?;
        let query =
            format!("[out:json][timeout:10];rel[\"boundary\"=\"administrative\"][\"ref:INSEE\"=\"{code}\"];out ids;");
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("data", &query).finish();
        let answer = self.ask(&name_of(&url), "POST", url, form).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| Detail::Upstream)?;
        // a server without time answers with what it has, which is nothing
        if answer.get("remark").is_some() || !answer.get("elements").is_some_and(Value::is_array) {
            return Err(Detail::Upstream.into());
        }
        Ok(answer.pointer("/elements/0/id").and_then(Value::as_u64))
    }

    /// Asks a service when it is this request's turn, at the pace that holds over all requests and jobs.
    async fn ask(&self, name: &str, method: &'static str, url: Url, form: String) -> Result<Vec<u8>, Refusal> {
        let (store, clock, visitor) = (self.context.store(), self.context.clock(), Uuid::new_v4().simple().to_string());
        while let Some(later) = store.take_host(name, &visitor, LEASE, clock.now()).await? {
            if self.left() < LEAST {
                return Err(Detail::Upstream.into());
            }
            sleep(later.unsigned_abs().clamp(Duration::from_millis(5), LOOK)).await;
        }
        let within = self.left();
        if within < LEAST {
            store.leave_host(name, &visitor, time::Duration::ZERO, clock.now()).await?;
            return Err(Detail::Upstream.into());
        }
        let mut headers =
            vec![("user-agent", self.context.settings().user_agent()), ("accept", "application/json".to_owned())];
        if !form.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        let limits = http_client::Limits { time: within.min(Duration::from_secs(10)), bytes: MAX_BYTES };
        let answer = http_client::send_up_to(limits, method, url.into(), headers, form).await;
        store.leave_host(name, &visitor, PAUSE, clock.now()).await?;
        match answer {
            Ok((200, body)) => Ok(body.to_vec()),
            // what it does not understand, it does not know
            Ok((400 | 404, _)) if method == "GET" => Ok(b"[]".to_vec()),
            Ok((status, _)) => {
                tracing::warn!(service = name, status, "a zone was not looked up");
                Err(Detail::Upstream.into())
            }
            Err(cause) => {
                tracing::warn!(service = name, cause, "a zone was not looked up");
                Err(Detail::Upstream.into())
            }
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// The name that those who ask a service stand in line under: the jobs' workers use it, too.
fn name_of(url: &Url) -> String {
    format!("service {}{}", url.origin().ascii_serialization(), url.path())
}
