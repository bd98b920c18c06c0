//! `outscout veille`: monitors of an Outsend API, wherever it is (outsend 15).

use std::{io, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use engine::veille::SignalType;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    download::{FileFormat, save},
    output::{Failed, show},
    remote::{Api, Remote, usage},
};

/// Most signals of an answer.
const MOST: u32 = 10_000;
/// Most runs of a page.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum VeilleCommand {
    /// Monitors, newest first
    List {
        #[command(flatten)]
        api: Api,
    },
    /// Make a monitor; what its source found last is what the first run is compared with
    Create {
        /// Name
        #[arg(long)]
        name: String,
        #[command(flatten)]
        source: Source,
        /// Days between two runs
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=365))]
        every: u16,
        #[command(flatten)]
        api: Api,
    },
    /// Save what changed in a run, what matters most first: at most 10,000 signals
    Signals {
        /// Monitor id
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        id: u64,
        /// Number of the run; without it, the last one that is done
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        run: Option<u64>,
        /// What became of the rows
        #[arg(long, value_enum, default_value = "modified")]
        bucket: Bucket,
        /// Type of signal, repeatable: rating_drop, reviews_up, phone_change, …
        #[arg(long = "type", value_name = "TYPE")]
        kinds: Vec<String>,
        /// Only signals of at least this score
        #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
        min_score: Option<u8>,
        /// Format
        #[arg(long, value_enum, default_value = "csv")]
        format: FileFormat,
        /// File; - is standard output. Without it, the name that the server gives
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        api: Api,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// Scrap job that is done
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Pipeline whose last run is done
    #[arg(long, value_name = "ID")]
    pipeline: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Bucket {
    Modified,
    New,
    Closed,
    All,
}

impl Bucket {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::New => "new",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

pub(super) async fn veille(command: VeilleCommand) -> Result<(), Failed> {
    match command {
        VeilleCommand::List { api } => {
            let remote = Remote::new(api)?;
            let answer = remote.value(Method::GET, "/veille", None).await?;
            for veille in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
                tell(&remote, veille)?;
            }
            Ok(())
        }
        VeilleCommand::Create { name, source, every, api } => {
            let remote = Remote::new(api)?;
            let body = json!({
                "name": name,
                "source_job_id": source.job,
                "source_pipeline_id": source.pipeline,
                "frequency_days": every,
            });
            let veille = remote.value(Method::POST, "/veille", Some(&body)).await?;
            Ok(tell(&remote, &veille)?)
        }
        VeilleCommand::Signals { id, run, bucket, kinds, min_score, format, output, api } => {
            let extension = format.extension();
            let mut query = format!("format={extension}&bucket={}&limit={MOST}", bucket.as_str());
            for kind in &kinds {
                let kind = SignalType::parse(kind).ok_or_else(|| usage(&format!("{kind:?} is no type of signal")))?;
                query.push_str(&format!("&type={}", kind.as_str()));
            }
            if let Some(score) = min_score {
                query.push_str(&format!("&min_score={score}"));
            }
            let remote = Remote::new(api)?;
            let run = match run {
                Some(run) => run,
                None => last_done(&remote, id).await?,
            };
            let name = format!("veille_{id}_run_{run}.{extension}");
            save(&remote, &format!("/veille/{id}/runs/{run}/signals?{query}"), &name, output.as_deref()).await
        }
    }
}

/// The last run of a monitor that is done.
async fn last_done(remote: &Remote, id: u64) -> Result<u64, Failed> {
    for page in 0.. {
        let path = format!("/veille/{id}/runs?limit={PAGE}&offset={}", page * PAGE);
        let answer = remote.value(Method::GET, &path, None).await?;
        let runs = answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let done = runs.iter().find(|run| run.get("status").and_then(Value::as_str) == Some("done"));
        if let Some(number) = done.and_then(|run| run.get("id")?.as_u64()) {
            return Ok(number);
        }
        if runs.len() < PAGE {
            break;
        }
    }
    Err(Failed::NotFound(format!("no run of monitor {id} is done")))
}

/// Shows a monitor.
fn tell(remote: &Remote, veille: &Value) -> io::Result<()> {
    if remote.api.json {
        return show(true, veille);
    }
    let part = |name: &str| veille.get(name).cloned().unwrap_or_default();
    let source = [part("source_job_id"), part("source_pipeline_id")].into_iter().find(Value::is_string);
    let shown = json!({
        "id": part("id"),
        "name": part("name"),
        "status": part("status"),
        "source": source,
        "days": part("frequency_days"),
        "next": part("next_run_at"),
        "last": part("last_run_at"),
        "runs": part("run_count"),
    });
    show(false, &shown)
}
