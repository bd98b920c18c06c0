//! `GET /api/veille/{id}/runs/{run_id}`: a run with what it found, bucket by bucket (outsend 15.2).

use engine::veille::{Bucket, FoundRow};
use serde::Serialize;
use serde_json::{Map, Value};

use shared::{
    http::Response,
    model::VeilleRun,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::Paging,
        request_context::RequestContext,
        veilles::{NamedRun, RunView, named_run, run_view},
    },
    store::{Series, Store, StoreError},
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedRun> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ACTIVE, named_run, |cx, caller, run| {
        Box::pin(get(cx, caller, run))
    })
    .streaming();

type RowView = Map<String, Value>;

#[derive(Serialize)]
struct RunWithDiff<'a> {
    #[serde(flatten)]
    run: RunView<'a>,
    diff: Diff,
}

#[derive(Serialize)]
struct Diff {
    new: Vec<RowView>,
    closed: Vec<RowView>,
    modified: Vec<Modified>,
}

/// A row that changed, with what is compared as it was and as it is.
#[derive(Serialize)]
struct Modified {
    key: Value,
    score: Value,
    changes: Value,
    before: RowView,
    after: RowView,
    row: RowView,
}

/// What is compared, and the cells of a signal that hold it.
const COMPARED: [(&str, &str); 4] =
    [("rating", "rating"), ("reviews_count", "reviews"), ("telephone", "phone"), ("site_web", "site")];

async fn get(cx: &RequestContext, caller: Caller, run: NamedRun) -> Result<Response, Problem> {
    let run = run.owned_by(&caller)?;
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 1_000, 200, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let store = cx.context.store();
    let pages = Bucket::ALL.map(|bucket| page(store, &run, bucket, paging));
    let (pages, tables) = futures_util::future::join(
        futures_util::future::try_join_all(pages),
        store.run_tables(run.veille, &[run.base, run.number]),
    )
    .await;
    let (pages, tables) = (pages?, tables?);
    let names = |place: usize| tables.get(place).and_then(Option::as_ref).map_or(&[][..], |table| &table.names[..]);
    let (before, after) = (names(0), names(1));
    let mut pages = pages.into_iter();
    let mut next = || pages.next().unwrap_or_default().into_iter();
    let diff = Diff {
        new: next().map(|found| row(after, found.row)).collect(),
        closed: next().map(|found| row(before, found.row)).collect(),
        modified: next().map(|found| modified(after, found)).collect(),
    };
    Ok(json_answer(200, &RunWithDiff { run: run_view(&run), diff }))
}

/// A page of what became of rows, by rank.
async fn page(
    store: &Store,
    run: &VeilleRun,
    bucket: Bucket,
    Paging { limit, offset }: Paging,
) -> Result<Vec<FoundRow>, StoreError> {
    let (series, total) = match bucket {
        Bucket::New => (Series::New, run.counts.new),
        Bucket::Closed => (Series::Closed, run.counts.closed),
        Bucket::Modified => (Series::Modified, run.counts.modified),
    };
    let rows = store.series((run.veille, run.number), series).page(total, offset, limit as usize).await?;
    let malformed = StoreError::Malformed { entity: "veille run", attribute: "rows" };
    rows.into_iter().map(FoundRow::read).collect::<Option<Vec<_>>>().ok_or(malformed)
}

fn row(names: &[String], cells: Vec<Value>) -> RowView {
    names.iter().cloned().zip(cells).collect()
}

fn modified(names: &[String], found: FoundRow) -> Modified {
    let side = |side: &str| {
        let cells = COMPARED.map(|(name, cell)| (name.to_owned(), found.cell(&format!("{cell}_{side}"))));
        cells.into_iter().collect()
    };
    Modified {
        key: found.cell("key"),
        score: found.cell("score"),
        changes: found.changes.clone(),
        before: side("before"),
        after: side("after"),
        row: row(names, found.row),
    }
}
