//! `GET /api/veille/{id}/runs/{run_id}/signals`: what a run found, by rank, as a list or a file (outsend 15.2, 15.5).

mod selection;

use std::io;

use engine::{
    export::{Format, file},
    veille::{Bucket, Filter, SIGNAL_COLUMNS, SignalType},
};
use futures_util::StreamExt as _;
use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::Problem,
        fields::Paging,
        messages::Fault,
        request_context::RequestContext,
        streams::{hold, holding},
        veilles::{NamedRun, named_run},
    },
    store::Lasting,
};

use self::selection::{Ranked, Selection};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedRun> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ACTIVE, named_run, |cx, caller, run| {
        Box::pin(get(cx, caller, run))
    })
    .streaming();

/// What is asked for.
struct Asked {
    format: Format,
    buckets: Vec<Bucket>,
    filter: Filter,
    paging: Paging,
}

async fn get(cx: &RequestContext, caller: Caller, run: NamedRun) -> Result<Response, Problem> {
    let run = run.owned_by(&caller)?;
    let Asked { format, buckets, filter, paging } = read(cx)?;
    let held = hold(cx, &caller, Lasting::Download).await?;
    let ranked = buckets.into_iter().map(|bucket| Ranked::new(cx.context.store(), &run, bucket)).collect();
    let selection = Selection::new(ranked, filter, (paging.offset, u64::from(paging.limit)));
    let columns = SIGNAL_COLUMNS.map(str::to_owned);
    let file = file(format.encoder(&columns), selection.into_rows());
    let file = file.map(|piece| piece.inspect_err(|error| tracing::error!(cause = %error, "signals cut off")));
    let name = format!("veille_{}_run_{}.{}", run.veille, run.number, format.extension());
    Ok(Response::empty(200)
        .header("Content-Type", format.content_type())
        .header("Content-Disposition", format!("attachment; filename=\"{name}\""))
        .header("Cache-Control", "no-store")
        .stream(holding(held, file.map(|piece| piece.map_err(io::Error::other)).boxed())))
}

/// What the query asks for; 422 when it cannot be read.
fn read(cx: &RequestContext) -> Result<Asked, Problem> {
    let query = &cx.request.query;
    let mut faults = Vec::new();
    let mut fault = |name: &str, fault: Fault| faults.push((name.to_owned(), fault));
    let format = query.last("format").map_or(Some(Format::Json), Format::parse).unwrap_or_else(|| {
        fault("format", Fault::OneOf("csv, json, xlsx"));
        Format::Json
    });
    let buckets = match query.last("bucket") {
        None => vec![Bucket::Modified],
        Some("all") => Bucket::ALL.to_vec(),
        Some(name) => Bucket::parse(name).map(|bucket| vec![bucket]).unwrap_or_else(|| {
            fault("bucket", Fault::OneOf("modified, new, closed, all"));
            Vec::new()
        }),
    };
    let kinds = query.listed("type", SignalType::parse).unwrap_or_else(|| {
        fault("type", Fault::OneOf(TYPES));
        Vec::new()
    });
    let min_score = match query.last("min_score").map(|text| text.trim().parse::<i128>()) {
        None => 0,
        Some(Ok(score)) if (0..=100).contains(&score) => u8::try_from(score).unwrap_or(100),
        Some(Ok(_)) => {
            fault("min_score", Fault::Between(0, 100));
            0
        }
        Some(Err(_)) => {
            fault("min_score", Fault::Type("integer"));
            0
        }
    };
    let paging = Paging::read(query, 10_000, 1_000, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    Ok(Asked { format, buckets, filter: Filter { kinds, min_score }, paging })
}

/// The types' names.
const TYPES: &str = "rating_drop, rating_rise, reviews_up, reviews_down, phone_change, site_change, new, closed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_named() {
        assert_eq!(TYPES, SignalType::ALL.map(SignalType::as_str).join(", "));
    }
}
