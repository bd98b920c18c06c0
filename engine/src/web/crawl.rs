//! A run over websites (outsend 7.4, 11.5): many hosts at a time, one visit at each.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    enricher::{Enricher, RowView},
    modules,
    visit::{Visit, registrable, visit},
    world::World,
};
use crate::{
    BoxFuture, Means, Row,
    ahead::{Ahead, Done, Worker},
    module::{Fault, Input, Run, Spec},
    values,
};

/// Sites that are visited at a time.
const VISITS: usize = 24;

/// Builds a run over websites.
pub(crate) fn start(spec: &Spec, input: Arc<dyn Input>, means: Means) -> Result<Box<dyn Run>, Fault> {
    let Some(enricher) = modules::of(spec.module) else {
        return Err(Fault::Failed(format!("Module {} is not available.", spec.module.as_str())));
    };
    let visits = Visits::new(&*input, World::new(means.network, means.hosts), enricher);
    Ok(Box::new(Ahead::new(spec, input, Arc::new(visits))))
}

/// Visits the sites of rows.
struct Visits {
    world: World,
    enricher: Enricher,
    columns: Vec<String>,
    site: Option<usize>,
}

impl Visits {
    fn new(input: &dyn Input, world: World, enricher: Enricher) -> Self {
        let columns = input.columns().to_vec();
        Self { world, enricher, site: columns.iter().position(|column| column == "site_web"), columns }
    }

    fn site_of(&self, row: &[Value]) -> String {
        let cell = self.site.and_then(|index| row.get(index)).unwrap_or(&Value::Null);
        values::cell_text(cell).trim().to_owned()
    }

    /// What is left of a visit: its pages are given up as soon as they were looked at.
    fn done(&self, row: &[Value], visit: &Visit) -> Done {
        let found = (self.enricher.find)(&RowView { columns: &self.columns, row }, visit);
        let status = visit.status();
        let failed = (!matches!(status.as_str(), "ok" | "robots")).then(|| {
            let host = visit.site.as_ref().and_then(url::Url::host_str).unwrap_or("the row's site");
            format!("{host} was not read: {status}.")
        });
        let mut cells = found.cells;
        cells.push(status.into());
        Done { own: vec![cells], failed, requests: visit.requests, counts: found.counts }
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
            let site = self.site_of(&row);
            let visit = visit(&self.world, item, &site, self.enricher.plan).await?;
            Ok(visit.map(|visit| self.done(&row, &visit)))
        })
    }

    fn close(&self) {
        self.world.close();
    }
}

#[cfg(test)]
mod tests;
