//! Stubs of Nominatim and of an Overpass server, written from what both publish (nominatim.org/release-docs/latest/api,
//! wiki.openstreetmap.org/wiki/Overpass_API): parameters, the part of the query language that is used, answers in their
//! form, and their throttling. They find what they were given by its place and its tags.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Form, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use regex_lite::Regex;
use serde_json::{Value, json};

type Parameters = HashMap<String, String>;

/// A request that a stub took.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its parameter that says what is asked for, or its query.
    pub what: String,
    /// When it came, and when its answer was ready.
    pub time: (Instant, Instant),
}

#[derive(Debug, Default)]
struct Inner {
    /// What Nominatim finds, by the parameter: `q=paris`.
    hits: HashMap<String, Vec<Value>>,
    /// The relations of communes, by their INSEE codes.
    communes: HashMap<String, u64>,
    /// Objects with tags.
    objects: Vec<Value>,
    looked_up: Vec<Asked>,
    asked: Vec<Asked>,
    /// Answers in the place of the next ones: a status, or the remark of an answer that was cut.
    troubles: VecDeque<Result<String, u16>>,
    /// The same of Nominatim.
    refusals: VecDeque<u16>,
    /// What was wrong with requests.
    wrong: Vec<String>,
    at_work: usize,
    takes: Duration,
}

/// The stubs.
#[derive(Clone, Debug, Default)]
pub struct Osm(Arc<Mutex<Inner>>);

/// A rectangle's outline in `GeoJSON`: west, south, east and north.
#[must_use]
pub fn outline([west, south, east, north]: [f64; 4]) -> Value {
    json!({"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]})
}

/// A node with tags.
#[must_use]
pub fn node(id: u64, lat: f64, lon: f64, tags: Value) -> Value {
    json!({"type": "node", "id": id, "lat": lat, "lon": lon, "tags": tags})
}

impl Osm {
    /// Starts them; the variables that lead to them.
    pub async fn start() -> (Self, Vec<(&'static str, String)>) {
        let stub = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/nominatim/search", get(search))
            .route("/nominatim/lookup", get(lookup))
            .route("/api/interpreter", post(interpreter))
            .with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let variables = vec![
            ("OUTSCOUT_NOMINATIM_URL", format!("{url}/nominatim/")),
            ("OUTSCOUT_OVERPASS_URL", format!("{url}/api/interpreter")),
        ];
        (stub, variables)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nominatim finds an area by a parameter, as in `q=paris`.
    pub fn area(&self, by: &str, bounds: [f64; 4]) {
        let hit = json!({
            "place_id": 1, "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
            "osm_type": "relation", "osm_id": 7_444, "lat": f64::midpoint(bounds[1], bounds[3]).to_string(),
            "lon": f64::midpoint(bounds[0], bounds[2]).to_string(), "category": "boundary", "type": "administrative",
            "place_rank": 15, "importance": 0.9, "addresstype": "city", "name": by, "display_name": by,
            "boundingbox": bounds.map(|degrees| degrees.to_string()), "geojson": outline(bounds),
        });
        self.lock().hits.insert(by.to_owned(), vec![hit]);
    }

    /// Nominatim finds a point.
    pub fn point(&self, by: &str, lat: f64, lon: f64) {
        let hit = json!({
            "osm_type": "node", "osm_id": 9, "lat": lat.to_string(), "lon": lon.to_string(), "category": "place",
            "type": "postcode", "geojson": {"type": "Point", "coordinates": [lon, lat]},
        });
        self.lock().hits.insert(by.to_owned(), vec![hit]);
    }

    /// A commune has this relation.
    pub fn commune(&self, code: &str, relation: u64, bounds: [f64; 4]) {
        self.area(&format!("osm_ids=R{relation}"), bounds);
        self.lock().communes.insert(code.to_owned(), relation);
    }

    /// Objects are there from now on, in the place of those before.
    pub fn put(&self, objects: Vec<Value>) {
        self.lock().objects = objects;
    }

    /// The next answers of the Overpass server: statuses.
    pub fn refuses(&self, statuses: &[u16]) {
        self.lock().troubles.extend(statuses.iter().map(|status| Err(*status)));
    }

    /// The next answer of the Overpass server is cut.
    pub fn cuts(&self) {
        let remark = "runtime error: Query timed out in \"query\" at line 1 after 26 seconds.";
        self.lock().troubles.push_back(Ok(remark.to_owned()));
    }

    /// The next answers of Nominatim: statuses.
    pub fn looks_nothing_up(&self, statuses: &[u16]) {
        self.lock().refusals.extend(statuses);
    }

    /// How long each answer of the Overpass server takes from now on.
    pub fn takes(&self, time: Duration) {
        self.lock().takes = time;
    }

    /// What Nominatim was asked. Nothing was wrong with any request.
    #[must_use]
    pub fn looked_up(&self) -> Vec<Asked> {
        let inner = self.lock();
        assert!(inner.wrong.is_empty(), "{:?}", inner.wrong);
        inner.looked_up.clone()
    }

    /// What the Overpass server was asked. Nothing was wrong with any request.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        let inner = self.lock();
        assert!(inner.wrong.is_empty(), "{:?}", inner.wrong);
        inner.asked.clone()
    }

    fn hits(&self, parameters: &Parameters, headers: &HeaderMap, by: &[&str]) -> Response {
        let came = Instant::now();
        let mut inner = self.lock();
        let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let known = ["format", "polygon_geojson", "polygon_threshold", "limit", "countrycodes"];
        let is_as_published = parameters.get("format").is_some_and(|format| format == "jsonv2")
            && parameters.get("polygon_geojson").is_some_and(|flag| flag == "1")
            && parameters
                .get("limit")
                .is_none_or(|limit| limit.parse::<u8>().is_ok_and(|limit| (1..=40).contains(&limit)))
            && parameters.get("countrycodes").is_none_or(|code| code.len() == 2)
            && parameters.keys().all(|name| known.contains(&name.as_str()) || by.contains(&name.as_str()))
            && agent.starts_with("outscout/");
        let asked = by.iter().find_map(|name| parameters.get(*name).map(|value| format!("{name}={value}")));
        let Some(asked) = asked.filter(|_| is_as_published) else {
            inner.wrong.push(format!("{parameters:?} by {agent}"));
            return StatusCode::BAD_REQUEST.into_response();
        };
        inner.looked_up.push(Asked { what: asked.clone(), time: (came, Instant::now()) });
        if let Some(status) = inner.refusals.pop_front() {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        Json(json!(inner.hits.get(&asked).cloned().unwrap_or_default())).into_response()
    }

    /// The answer to a query, within what is known.
    fn found(&self, query: &str) -> Option<Vec<Value>> {
        let inner = self.lock();
        let commune = Regex::new(
            r#"^\[out:json\]\[timeout:\d+\];rel\["boundary"="administrative"\]\["ref:INSEE"="(\w+)"\];out ids;$"#,
        );
        if let Some(code) = commune.unwrap().captures(query) {
            let relation = inner.communes.get(&code[1]);
            return Some(relation.map(|id| json!({"type": "relation", "id": id})).into_iter().collect());
        }
        let whole = Regex::new(r"^\[out:json\]\[timeout:25\];nwr(\[.*\])\(([-.,0-9]+)\);out center tags;$").unwrap();
        let parts = whole.captures(query)?;
        let bounds: Vec<f64> = parts[2].split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [south, west, north, east] = bounds.try_into().ok()?;
        let filter = Filter::read(&parts[1])?;
        let inside = |object: &&Value| {
            let at = |name: &str| object[name].as_f64().or_else(|| object["center"][name].as_f64()).unwrap();
            (south..=north).contains(&at("lat")) && (west..=east).contains(&at("lon"))
        };
        Some(inner.objects.iter().filter(inside).filter(|object| filter.takes(&object["tags"])).cloned().collect())
    }
}

/// A filter of tags.
enum Filter {
    Tag(String, String),
    Name(Regex, Regex),
}

/// The text that a string of the query language stands for.
fn unescaped(text: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    plain
}

impl Filter {
    fn read(text: &str) -> Option<Self> {
        let tag = Regex::new(r#"^\["([a-z_]+)"="([a-z_]+)"\]$"#).ok()?;
        if let Some(parts) = tag.captures(text) {
            return Some(Self::Tag(parts[1].to_owned(), parts[2].to_owned()));
        }
        let name = Regex::new(r#"^\[~"((?:[^"\\]|\\.)*)"~"\."\]\["name"~"((?:[^"\\]|\\.)*)",i\]$"#).ok()?;
        let parts = name.captures(text)?;
        Some(Self::Name(
            Regex::new(&unescaped(&parts[1])).ok()?,
            Regex::new(&format!("(?i){}", unescaped(&parts[2]))).ok()?,
        ))
    }

    fn takes(&self, tags: &Value) -> bool {
        match self {
            Self::Tag(key, value) => tags[key] == *value,
            Self::Name(key, name) => {
                tags.as_object().is_some_and(|tags| tags.keys().any(|known| key.is_match(known)))
                    && tags["name"].as_str().is_some_and(|known| name.is_match(known))
            }
        }
    }
}

async fn search(State(osm): State<Osm>, headers: HeaderMap, Query(parameters): Query<Parameters>) -> Response {
    osm.hits(&parameters, &headers, &["q", "postalcode", "county", "state"])
}

async fn lookup(State(osm): State<Osm>, headers: HeaderMap, Query(parameters): Query<Parameters>) -> Response {
    osm.hits(&parameters, &headers, &["osm_ids"])
}

async fn interpreter(State(osm): State<Osm>, Form(form): Form<Parameters>) -> Response {
    let (came, query) = (Instant::now(), form.get("data").cloned().unwrap_or_default());
    let takes = {
        let mut inner = osm.lock();
        inner.at_work += 1;
        if inner.at_work > 1 {
            inner.wrong.push("two requests at once".to_owned());
        }
        inner.takes
    };
    tokio::time::sleep(takes).await;
    let found = osm.found(&query);
    let mut inner = osm.lock();
    inner.at_work -= 1;
    inner.asked.push(Asked { what: query.clone(), time: (came, Instant::now()) });
    let mut answer = json!({"version": 0.6, "generator": "Overpass API", "elements": []});
    match inner.troubles.pop_front() {
        Some(Err(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Ok(remark)) => {
            answer["remark"] = json!(remark);
            let half: Vec<_> = found.unwrap_or_default().into_iter().take(1).collect();
            answer["elements"] = json!(half);
        }
        None => match found {
            Some(found) => answer["elements"] = json!(found),
            None => {
                inner.wrong.push(query);
                return StatusCode::BAD_REQUEST.into_response();
            }
        },
    }
    Json(answer).into_response()
}
