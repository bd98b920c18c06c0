use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Module, Network, columns,
    places::{self, area::testing::rectangle},
    services::{Call, Services},
    web::{
        Answer as Reply, Missed,
        testing::{Alone, Shelf},
    },
};

/// A server with objects, which it finds as Overpass does, and with what it answers first.
#[derive(Default)]
struct Server {
    objects: Vec<Value>,
    first: Mutex<Vec<Result<Reply, Missed>>>,
    asked: Mutex<Vec<(String, Instant)>>,
    takes: Duration,
}

fn reply(status: u16, body: &Value) -> Result<Reply, Missed> {
    Ok(Reply { status, headers: Vec::new(), body: body.to_string().into_bytes() })
}

impl Network for Server {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply, Missed>> {
        Box::pin(async move {
            let form = call.form.unwrap();
            let (_, query) = url::form_urlencoded::parse(form.as_bytes()).next().unwrap();
            self.asked.lock().unwrap().push((query.to_string(), Instant::now()));
            tokio::time::sleep(self.takes).await;
            let mut first = self.first.lock().unwrap();
            if !first.is_empty() {
                return first.remove(0);
            }
            let (_, bounds) = query.rsplit_once('(').unwrap();
            let bounds: Vec<f64> =
                bounds.split(')').next().unwrap().split(',').map(|number| number.parse().unwrap()).collect();
            let inside = |object: &&Value| {
                let at = |name: &str| object[name].as_f64().or_else(|| object["center"][name].as_f64()).unwrap();
                (bounds[0]..=bounds[2]).contains(&at("lat")) && (bounds[1]..=bounds[3]).contains(&at("lon"))
            };
            let found: Vec<_> = self.objects.iter().filter(inside).collect();
            reply(200, &json!({"version": 0.6, "elements": found}))
        })
    }
}

/// The text that is kept with a job.
struct Text(Vec<u8>);

impl crate::Input for Text {
    fn columns(&self) -> &[String] {
        &[]
    }

    fn rows(&self) -> u64 {
        0
    }

    fn read(&self, _: u64) -> BoxFuture<'_, Result<Vec<crate::Row>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn text(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Fault>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }
}

fn shop(id: u64, name: &str, lat: f64, lon: f64) -> Value {
    json!({"type": "node", "id": id, "lat": lat, "lon": lon, "tags": {"shop": "bakery", "name": name}})
}

struct Begun {
    server: Arc<Server>,
    zones: Vec<ZoneArea>,
    options: Map<String, Value>,
    cells: u64,
    hosts: Arc<Alone>,
}

impl Begun {
    fn new(server: Server, queries: &Value, zones: Vec<ZoneArea>) -> Self {
        let names: Vec<_> = (1..=zones.len()).map(|number| format!("zone {number}")).collect();
        let options = json!({"queries": queries, "zones": names, "country": "FRA", "scrap_mode": "fast"});
        let Value::Object(options) = options else { unreachable!("an object") };
        let cells = places::cells("fast", &zones);
        Self { server: Arc::new(server), zones, options, cells, hosts: Arc::default() }
    }

    fn planned(&self) -> u64 {
        self.cells * self.options["queries"].as_array().unwrap().len() as u64
    }

    async fn from(&self, done: u64, tries: u32, refused: u64) -> Box<dyn Run> {
        let spec = Spec {
            module: Module::Scrap,
            options: self.options.clone(),
            planned: Some(self.planned()),
            done,
            produced: 0,
            tries,
            refused,
            watch: crate::module::Watch::default(),
        };
        let services =
            Arc::new(Services { overpass: "https://overpass.test/api/interpreter".to_owned(), ..Services::default() });
        let means = Means {
            network: self.server.clone(),
            hosts: self.hosts.clone(),
            services,
            assets: Arc::new(Shelf::default()),
        };
        let text = serde_json::to_vec(&self.zones).unwrap();
        places::start(&spec, Arc::new(Text(text)), means).await.unwrap()
    }

    /// All steps to the end, in slices as jobs have them.
    async fn whole(&self) -> Step {
        let mut all = Step::default();
        let (mut run, mut tries, mut began) = (self.from(0, 0, 0).await, 0, Instant::now());
        while all.items < self.planned() && !all.ends {
            let Some(step) = run.step().await.unwrap() else { break };
            tries = if step.items > 0 { 0 } else { tries } + u32::from(step.again_after.is_some());
            all.items += step.items;
            all.failed += step.failed;
            all.attempts += step.attempts;
            all.refused = step.refused;
            all.ends = step.ends;
            all.rows.extend(step.rows);
            for (group, key, number) in step.counts {
                match all.counts.iter_mut().find(|(known, name, _)| *known == group && *name == key) {
                    Some((_, _, count)) => *count += number,
                    None => all.counts.push((group, key, number)),
                }
            }
            let is_over = began.elapsed() >= Duration::from_secs(10) && !run.wind_down();
            if is_over || step.again_after.is_some() {
                tokio::time::sleep(step.again_after.unwrap_or_default()).await;
                run = self.from(all.items, tries, all.refused).await;
                began = Instant::now();
            }
        }
        all
    }
}

fn paris() -> ZoneArea {
    rectangle([2.2, 48.8, 2.45, 48.92], false)
}

fn ids(rows: &[crate::Row]) -> Vec<&str> {
    rows.iter().map(|row| row[15].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_place_is_one_row_of_its_first_query_and_zone() {
    let east = rectangle([2.3, 48.8, 2.45, 48.92], false);
    let way = json!({"type": "way", "id": 1, "center": {"lat": 48.87, "lon": 2.32}, "tags": {
        "amenity": "cafe", "shop": "bakery", "name": "Le Pain", "website": "https://www.facebook.com/lepain",
        "contact:phone": "01 23 45 67 89", "addr:housenumber": "3", "addr:street": "Rue X", "addr:city": "Paris",
        "addr:postcode": "75002"}});
    let brand = json!({"type": "relation", "id": 5, "center": {"lat": 48.86, "lon": 2.31}, "tags": {"shop": "bakery", "brand": "Kayser", "phone": "3949"}});
    let nameless = json!({"type": "node", "id": 6, "lat": 48.86, "lon": 2.31, "tags": {"shop": "bakery"}});
    let outside = shop(7, "Too far", 48.87, 2.46);
    let objects =
        vec![shop(3, "Pain d'est", 48.9, 2.4), way, brand, nameless, outside, shop(3, "Pain d'est", 48.9, 2.4)];
    let begun = Begun::new(
        Server { objects, ..Server::default() },
        &json!(["boulangerie", "cafés", "pain"]),
        vec![east, paris()],
    );
    let all = begun.whole().await;
    assert_eq!((all.items, all.failed, all.attempts), (begun.planned(), 0, begun.planned()));
    let mut found = ids(&all.rows);
    found.sort_unstable();
    assert_eq!(found, ["node/3", "relation/5", "way/1"], "the cafe is a bakery, and the name is one's of a bakery");
    let row = all.rows.iter().find(|row| row[15] == "way/1").unwrap();
    let expected = json!([
        "Le Pain",
        "https://www.facebook.com/lepain",
        "+33123456789",
        "3 Rue X",
        "Paris",
        "75002",
        null,
        null,
        "bakery",
        "https://www.openstreetmap.org/way/1",
        true,
        "boulangerie",
        "zone 1",
        48.87,
        2.32,
        "way/1",
        "© OpenStreetMap contributors (ODbL)"
    ]);
    assert_eq!(json!(row), expected);
    assert_eq!(row.len(), columns::output(Module::Scrap, &serde_json::Map::new(), &[]).len());
    let brand = all.rows.iter().find(|row| row[15] == "relation/5").unwrap();
    assert_eq!((&brand[0], &brand[2]), (&json!("Kayser"), &json!("3949")));
    let count = |group: &str, key: &str| {
        all.counts.iter().find(|(known, name, _)| *known == group && name == key).map(|(_, _, count)| *count)
    };
    assert_eq!((count("by_query", "boulangerie"), count("by_query", "pain")), (Some(3), None));
    assert_eq!((count("by_zone", "zone 1"), count("by_zone", "zone 2")), (Some(3), None));
    assert!((1..=3).contains(&count("with_results", "boulangerie").unwrap()));
}

#[tokio::test(start_paused = true)]
async fn requests_are_a_second_apart_and_one_at_a_time() {
    let begun =
        Begun::new(Server { takes: Duration::from_secs(2), ..Server::default() }, &json!(["bar"]), vec![paris()]);
    begun.whole().await;
    let asked = begun.server.asked.lock().unwrap();
    assert!(asked.len() > 4 && asked.windows(2).all(|pair| pair[1].1 - pair[0].1 >= Duration::from_secs(3)));
    let [south, west, ..] = places_bounds(&begun);
    let text = format!("[out:json][timeout:25];nwr[\"amenity\"=\"bar\"]({south:.7},{west:.7},");
    assert!(asked[0].0.starts_with(&text) && asked[0].0.ends_with(");out center tags;"), "{}", asked[0].0);
}

fn places_bounds(begun: &Begun) -> [f64; 4] {
    let areas: Vec<_> = begun.zones.iter().map(Area::new).collect();
    let grid = Grid::new("fast", &areas);
    grid.bounds(grid.cell(0).unwrap())
}

#[tokio::test(start_paused = true)]
async fn busy_servers_are_asked_again_and_what_is_cut_is_told() {
    let busy = || reply(429, &Value::Null);
    let cut =
        || reply(200, &json!({"elements": [shop(9, "Half", 48.81, 2.21)], "remark": "runtime error: Query timed out"}));
    // the first cell: thrice busy, then an answer; the second one is cut for good, the third one never answers
    let gone = || reply(504, &Value::Null);
    let first = vec![
        busy(),
        gone(),
        Err(Missed::Timeout),
        reply(200, &json!({"elements": []})),
        cut(),
        cut(),
        cut(),
        cut(),
        gone(),
        gone(),
        gone(),
        gone(),
        reply(400, &Value::Null),
    ];
    let begun = Begun::new(Server { first: Mutex::new(first), ..Server::default() }, &json!(["bakery"]), vec![paris()]);
    let all = begun.whole().await;
    assert_eq!((all.items, all.failed), (begun.planned(), 2));
    assert_eq!(all.attempts, begun.planned() + 9);
    assert!(all.counts.contains(&("flagged", "tiles".to_owned(), 1)));
    let asked = begun.server.asked.lock().unwrap();
    let pauses: Vec<_> = asked.windows(2).take(3).map(|pair| (pair[1].1 - pair[0].1).as_secs()).collect();
    assert_eq!(pauses, [5, 15, 45]);
}

#[tokio::test(start_paused = true)]
async fn a_search_goes_on_where_it_was_and_knows_what_was_tried() {
    let begun = Begun::new(
        Server { first: Mutex::new(vec![reply(429, &Value::Null)]), ..Server::default() },
        &json!(["bar", "pub"]),
        vec![paris()],
    );
    let (cells, mut run) = (begun.cells, begun.from(begun.cells, 3, 19).await);
    let step = run.step().await.unwrap().unwrap();
    assert!(step.items >= 1 && step.failed == 1 && step.again_after.is_none(), "it was tried before");
    assert!(begun.server.asked.lock().unwrap()[0].0.contains("\"pub\""), "{cells}");
    let fault = run.step().await.unwrap_err();
    assert_eq!(fault, Fault::Failed("The places source did not answer for 20 items in a row.".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_search_ends_where_it_has_enough() {
    let objects =
        (0..40).map(|id| shop(id, "Pain", 48.81 + f64::from(u32::try_from(id).unwrap()) * 0.002, 2.3)).collect();
    let mut begun = Begun::new(Server { objects, ..Server::default() }, &json!(["bakery"]), vec![paris()]);
    begun.options.insert("stop_at".to_owned(), json!(5));
    let all = begun.whole().await;
    assert!(all.ends && all.rows.len() >= 5 && all.items < begun.planned(), "{} of {}", all.items, begun.planned());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_within_the_slice_was_asked_in_vain() {
    let begun =
        Begun::new(Server { takes: Duration::from_secs(60), ..Server::default() }, &json!(["bar"]), vec![paris()]);
    let (mut run, began) = (begun.from(0, 0, 0).await, Instant::now());
    let step = loop {
        let step = run.step().await.unwrap().unwrap();
        if step.again_after.is_some() {
            break step;
        }
        assert!(began.elapsed() < Duration::from_secs(30));
        if began.elapsed() >= Duration::from_secs(10) {
            run.wind_down();
        }
    };
    assert_eq!((step.items, step.attempts, step.again_after), (0, 1, Some(Duration::from_secs(5))));
    assert!(began.elapsed() < Duration::from_secs(29) && !run.wind_down(), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_waited_for_when_the_slice_is_over() {
    let begun =
        Begun::new(Server { takes: Duration::from_secs(9), ..Server::default() }, &json!(["bar"]), vec![paris()]);
    let mut run = begun.from(0, 0, 0).await;
    let mut items = 0;
    for _ in 0..3 {
        items += run.step().await.unwrap().unwrap().items;
    }
    assert_eq!(items, 0);
    assert!(run.wind_down());
    for _ in 0..3 {
        items += run.step().await.unwrap().unwrap().items;
        if !run.wind_down() {
            break;
        }
    }
    assert_eq!((items, run.wind_down(), begun.server.asked.lock().unwrap().len()), (1, false, 1));
}
