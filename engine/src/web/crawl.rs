//! A run over websites (outsend 7.4, 11.5): many hosts at a time, one visit at each.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    camera::{Camera, Shot},
    enricher::{Enricher, RowView},
    modules,
    visit::{Visit, registrable, visit},
    world::World,
};
use crate::{
    BoxFuture, Means, Module, Row,
    ahead::{Ahead, Done, Worker},
    columns, lists,
    module::{Fault, Input, Run, Spec},
    services::Registries,
    values,
};

/// Sites that are visited at a time.
const VISITS: usize = 24;

/// Builds a run over websites.
pub(crate) fn start(spec: &Spec, input: Arc<dyn Input>, means: Means) -> Result<Box<dyn Run>, Fault> {
    let deep = spec.options.get("mode").and_then(Value::as_str) == Some("deep");
    let Some(enricher) = modules::of(spec.module, deep) else {
        return Err(Fault::Failed(format!("Module {} is not available.", spec.module.as_str())));
    };
    let rdap = means.services.rdap.as_deref().filter(|_| spec.module == Module::DeadCheck);
    let registries = rdap.map(|base| Registries::new(&means, base)).transpose()?;
    let mut visits = Visits::new(&*input, World::new(means.network, means.hosts, means.assets), enricher);
    visits.registries = registries;
    visits.taken_over = deep.then(|| columns::own(spec.module, &spec.options));
    let mut notes = Vec::new();
    if spec.module.wants_screenshot(&spec.options) {
        let camera = Camera::of(means.services.screenshot.as_deref())?;
        notes.extend(camera.note());
        visits.camera = Some(camera);
    }
    Ok(Box::new(Ahead::new(spec, input, Arc::new(visits)).noting(notes)))
}

/// Visits the sites of rows.
struct Visits {
    world: World,
    enricher: Enricher,
    columns: Vec<String>,
    site: Option<usize>,
    /// The module's own columns, when rows that have an address already keep what is in them (outsend 12.4).
    taken_over: Option<&'static [&'static str]>,
    /// What knows whether domains lapse, when that is asked for (outsend 12.7).
    registries: Option<Registries>,
    /// What takes pictures of pages, when they are asked for (outsend 12.10).
    camera: Option<Camera>,
}

impl Visits {
    fn new(input: &dyn Input, world: World, enricher: Enricher) -> Self {
        let columns = input.columns().to_vec();
        let site = columns.iter().position(|column| column == "site_web");
        Self { world, enricher, site, columns, taken_over: None, registries: None, camera: None }
    }

    fn site_of(&self, row: &[Value]) -> String {
        let cell = self.site.and_then(|index| row.get(index)).unwrap_or(&Value::Null);
        values::cell_text(cell).trim().to_owned()
    }

    /// What an earlier run found for a row, when it is taken over.
    fn known(&self, row: &[Value]) -> Option<Done> {
        let row = RowView { columns: &self.columns, row };
        let own = self.taken_over.filter(|_| row.cell("email").is_some_and(|cell| !values::is_blank(cell)))?;
        let cells = own.iter().map(|name| row.cell(name).cloned().unwrap_or_default()).collect();
        Some(Done { own: vec![cells], ..Done::default() })
    }

    /// Whether a site's domain lapses, as far as that is asked for; `None` when the run is closing.
    async fn lapses(&self, site: &str) -> Result<Option<(bool, u64)>, Fault> {
        let host =
            values::host(site).filter(|host| host.parse::<std::net::IpAddr>().is_err() && !lists::is_aggregator(host));
        match (&self.registries, host) {
            (Some(registries), Some(host)) => registries.lapses(registrable(&host)).await,
            _ => Ok(Some((false, 0))),
        }
    }

    /// What is left of a visit: its pages are given up as soon as they were looked at.
    fn done(&self, row: &[Value], visit: &Visit, shot: Option<String>) -> Done {
        let found = (self.enricher.find)(&RowView { columns: &self.columns, row }, visit);
        let status = visit.status();
        let failed = (!matches!(status.as_str(), "ok" | "robots")).then(|| {
            let host = visit.site.as_ref().and_then(url::Url::host_str).unwrap_or("the row's site");
            format!("{host} was not read: {status}.")
        });
        let mut cells = found.cells;
        cells.extend(self.camera.is_some().then(|| shot.into()));
        cells.push(status.into());
        Done { own: vec![cells], failed, requests: visit.requests, counts: found.counts, refused: false }
    }
}

impl Worker for Visits {
    fn at_once(&self) -> usize {
        VISITS
    }

    fn gather(&self) -> Duration {
        self.world.caps.gather
    }

    fn key(&self, row: &[Value]) -> String {
        values::host(&self.site_of(row)).map(|host| registrable(&host).to_owned()).unwrap_or_default()
    }

    fn work(self: Arc<Self>, item: u64, row: Arc<Row>) -> BoxFuture<'static, Result<Option<Done>, Fault>> {
        Box::pin(async move {
            if let Some(known) = self.known(&row) {
                return Ok(Some(known));
            }
            let site = self.site_of(&row);
            let Some((lapses, asked)) = self.lapses(&site).await? else { return Ok(None) };
            let visit = visit(&self.world, item, &site, self.enricher.plan).await?;
            let Some(visit) = visit else { return Ok(None) };
            let shot = match (&self.camera, visit.home()) {
                (Some(camera), Some(home)) => camera.take(&self.world, &home.url).await?,
                _ => Shot::default(),
            };
            let requests = visit.requests + asked + shot.requests;
            Ok(Some(self.done(&row, &Visit { lapses, requests, ..visit }, shot.path)))
        })
    }

    fn close(&self) {
        self.world.close();
        if let Some(registries) = &self.registries {
            registries.close();
        }
    }

    fn rest(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            match &self.registries {
                Some(registries) => registries.rest().await,
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
