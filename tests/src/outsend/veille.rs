//! Veilles over tables that change (outsend 15).

use engine::Module;
use serde_json::{Value, json};
use shared::{
    model::Job,
    store::{Commit, Creation, JobParameters, NewJob, PackedRows},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    jobs::{World, new_job},
    pipelines::definition,
};
use crate::{Answer, receiver::Receiver};

/// The header of [`table`].
const HEADER: &str = "nom;adresse;ville;telephone;site_web;lien_google_maps;rating;reviews_count";

/// A world whose imports may come from this machine.
pub async fn world() -> World {
    World::with(&[("OUTSCOUT_CRAWL_ALLOW_HOSTS", "127.0.0.1")]).await
}

/// A table of places. Each is the number that its name and listing have, and what else is known of it: its telephone
/// number, site, rating and number of reviews.
pub fn table(places: &[(u32, &str, &str, &str, &str)]) -> String {
    let mut text = format!("{HEADER}\n");
    for (number, phone, site, rating, reviews) in places {
        let listing = format!("https://maps.test/{number}");
        text.push_str(&format!("Place {number};{number} rue A;Paris;{phone};{site};{listing};{rating};{reviews}\n"));
    }
    text
}

/// The key of a place of [`table`].
pub fn key(number: u32) -> String {
    format!("https://maps.test/{number}")
}

/// The table that a veille begins with, and the one of its first run: of five places one goes, one comes, and three
/// change, the first of them as in the contract's example.
pub fn before_and_after() -> [String; 2] {
    let before = [
        (1, "+33145310000", "https://example.org/", "4.5", "100"),
        (2, "+33145310002", "https://two.test/", "4", "10"),
        (3, "+33145310003", "", "3", "7"),
        (4, "+33145310004", "https://four.test/", "", ""),
        (5, "+33145310005", "https://five.test/", "5", "3"),
    ];
    let after = [
        (6, "+33145310006", "https://six.test/", "", ""),
        (1, "+33145310001", "https://example.org/", "4.2", "130"),
        (2, "01 45 31 00 02", "two.test", "3", "10"),
        (3, "+33145310003", "https://three.test/", "3", "7"),
        (5, "+33145310005", "https://five.test/", "5", "3"),
    ];
    [table(&before), table(&after)]
}

/// A source and a veille of a pipeline that imports it, its first run behind it.
pub async fn one_run(world: &World) -> (Receiver, Value) {
    let [before, after] = before_and_after();
    let source = Receiver::start().await.unwrap();
    source.serves(&before);
    let veille = world.veille(&world.importing(&source).await, 7).await;
    source.serves(&after);
    let run = world.next_run(&veille).await;
    assert_eq!(run["status"], "done", "{run}");
    (source, veille)
}

/// A time of the wire.
pub fn at(time: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(time.as_str().unwrap(), &Rfc3339).unwrap()
}

/// The pairs of a 422.
pub fn faults(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 422, "{}", answer.body);
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let part = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors.iter().map(|error| (part(error, "field"), part(error, "message"))).collect()
}

impl World {
    /// A PATCH with the key.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call("PATCH", path, &[("x-api-key", &self.key)], &body.to_string()).await
    }

    /// A pipeline that imports the table of a source; its first run is behind it. Its id.
    pub async fn importing(&self, source: &Receiver) -> String {
        let config = json!({"source": "url", "url": source.url()});
        let made = self.pipeline(definition(&[("in", "import", config)], &[])).await;
        self.settle().await;
        let now = self.pipeline_now(&made["id"]).await;
        assert_eq!(now["status"], "done", "{now}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// A veille of a pipeline, each so many days.
    pub async fn veille(&self, pipeline: &str, days: u16) -> Value {
        let body = json!({"name": "Dentists", "source_pipeline_id": pipeline, "frequency_days": days});
        let answer = self.post("/api/veille", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// All veilles.
    pub async fn veilles(&self) -> Vec<Value> {
        let answer = self.get("/api/veille").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// A veille as it is now.
    pub async fn veille_now(&self, veille: &Value) -> Value {
        self.veilles().await.into_iter().find(|known| known["id"] == veille["id"]).unwrap()
    }

    /// Moves the clock forward to a time.
    pub fn until(&self, time: OffsetDateTime) {
        self.bench.advance((time - self.bench.context.clock().now()).max(Duration::ZERO));
    }

    /// The schedule ticks.
    pub async fn tick(&self) {
        self.background(&background_veille::FUNCTION, &json!({})).await;
    }

    /// The next slot of a veille comes, and its run goes to its end: the last run.
    pub async fn next_run(&self, veille: &Value) -> Value {
        self.until(at(&self.veille_now(veille).await["next_run_at"]) + Duration::seconds(1));
        self.tick().await;
        self.settle().await;
        self.runs(veille).await.swap_remove(0)
    }

    /// All runs of a veille, newest first.
    pub async fn runs(&self, veille: &Value) -> Vec<Value> {
        let answer = self.get(&format!("/api/veille/{}/runs?limit=500", veille["id"])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// Everything that is stored of a veille.
    pub async fn parts_of(&self, veille: &Value) -> Vec<String> {
        let mut items = self.bench.left(&[&format!("VEILLE#{}", veille["id"])]).await.unwrap();
        items.retain(|item| item.contains("DATA#"));
        items
    }

    /// A scrap job that is done, and whose rows are names and listings.
    pub async fn scraped(&self, rows: &[[&str; 2]]) -> Job {
        let job = self.scrap(rows.len() as u64).await;
        self.react().await;
        let (store, now) = (self.bench.context.store(), self.bench.context.clock().now());
        let taken = store.take_job(job.id, false).await.unwrap().unwrap();
        let rows: Vec<_> = rows.iter().map(|row| row.iter().map(|cell| json!(cell)).collect()).collect();
        let step = engine::Step { items: rows.len() as u64, rows, ..engine::Step::default() };
        let Commit::Ended(job) = store.commit(&taken.job, &step, now).await.unwrap() else { panic!("not ended") };
        *job
    }

    /// A scrap job that waits.
    pub async fn scrap(&self, cells: u64) -> Job {
        let mut job = new_job(&self.account, Module::Scrap, self.bench.context.clock().now());
        job.planned = Some(cells);
        let options = json!({"queries": ["dentist"], "zones": ["Paris"]}).as_object().unwrap().clone();
        let columns = vec!["nom".to_owned(), "lien_google_maps".to_owned()];
        let parameters = JobParameters { options, input_columns: Vec::new(), columns };
        let new = NewJob { job, parameters, rows: PackedRows::default(), text: None, log: Vec::new(), resumes: None };
        let created = self.bench.context.store().create_job(&new, self.account.organization.plan).await.unwrap();
        assert_eq!(created, Creation::Created);
        new.job
    }
}
