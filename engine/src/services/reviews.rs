//! What customers wrote about a listing (outsend 12.3), from a source that the configuration names.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::client::{Client, Pace};
use crate::{
    BoxFuture, Means, Row,
    ahead::{Done, Stop, Worker},
    columns::RowView,
    module::{Fault, MAX_BYTES, size},
    values,
    web::Missed,
};

/// The source is the operator's own: a few listings at a time.
const PACE: Pace = Pace {
    gap: Duration::from_millis(200),
    request: Duration::from_secs(15),
    row: Duration::from_secs(18),
    at_once: 4,
};
/// Reviews of a listing.
const MOST: usize = 500;

/// Asks for the reviews of rows' listings.
pub(super) struct Reviews {
    columns: Vec<String>,
    client: Client,
}

impl Reviews {
    pub(super) fn new(columns: Vec<String>, means: &Means) -> Result<Self, Fault> {
        let source = means.services.reviews.as_deref();
        let source = source.ok_or_else(|| Fault::Failed("Module reviews is not available.".to_owned()))?;
        Ok(Self { columns, client: Client::new(means, source, PACE)? })
    }

    async fn done(&self, cells: &[Value]) -> Result<Option<Done>, Fault> {
        let row = RowView { columns: &self.columns, row: cells };
        let listing = row.text("lien_google_maps");
        let most = MOST.to_string();
        let url = self.client.url("", &[("listing", listing.trim()), ("limit", &most)]);
        let mut errand = self.client.errand();
        let found = errand.get(&url).await;
        let refused = matches!(&found, Err(Stop::Missed(missed)) if missed.is_refusal());
        let (own, failed) = match found {
            Ok(Value::Array(found)) => (self.rows(&row, size(cells), &found), None),
            // the source does not know the listing
            Err(Stop::Missed(Missed::Status(404))) => (Vec::new(), None),
            Ok(_) => (Vec::new(), Some("the source of reviews gave no list".to_owned())),
            Err(Stop::Missed(missed)) => {
                (Vec::new(), Some(format!("the source of reviews was not asked: {}", missed.as_str())))
            }
            Err(Stop::PutBack) => return Ok(None),
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        let failed = failed.map(|why| format!("{why}."));
        Ok(Some(Done { own, failed, refused, requests: errand.requests, counts: Vec::new() }))
    }

    /// The module's cells for each review, in the order of 12.3. They end where they would be too much for one step.
    fn rows(&self, row: &RowView<'_>, repeated: usize, found: &[Value]) -> Vec<Vec<Value>> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for review in found.iter().filter_map(Review::read).take(MOST) {
            let kept =
                ["nom", "adresse", "lien_google_maps"].map(|name| row.cell(name).cloned().unwrap_or_else(|| "".into()));
            let mut cells = kept.to_vec();
            cells.extend(review.cells());
            bytes += size(&cells) + repeated;
            if bytes > MAX_BYTES && !rows.is_empty() {
                break;
            }
            rows.push(cells);
        }
        rows
    }
}

/// A review as the source has it.
struct Review<'a> {
    name: &'a str,
    rating: i64,
    date: &'a str,
    text: &'a str,
    replied: bool,
}

impl<'a> Review<'a> {
    /// Reads a review; `None` of something else.
    fn read(value: &'a Value) -> Option<Self> {
        let text = |member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().trim();
        let rating = value.get("rating").and_then(values::number)?;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
        let rating = (1.0..=5.0).contains(&rating).then(|| rating.round() as i64)?;
        Some(Self {
            name: text("reviewer_name"),
            rating,
            date: text("date"),
            text: text("review_text"),
            replied: value.get("owner_replied").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    fn cells(&self) -> [Value; 5] {
        [json!(self.name), json!(self.rating), json!(self.date), json!(self.text), json!(self.replied)]
    }
}

impl Worker for Reviews {
    fn at_once(&self) -> usize {
        self.client.pace.at_once
    }

    fn gather(&self) -> Duration {
        Duration::from_secs(1)
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
