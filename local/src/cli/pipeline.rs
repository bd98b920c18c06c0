//! `outscout pipeline`: pipelines of an Outsend API, wherever it is, followed node by node (outsend 14).

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use engine::table;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::json;

use super::{
    input,
    output::{Failed, harmless, print, show},
    remote::{Api, Remote, segment, usage},
};
use crate::faults::no_json;

/// The pause between two looks at a run: at first, and later.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Looks at a run after which the pause is the longer one.
const OFTEN: u32 = 30;
/// How often in a row the server may be lost before it is given up.
const MAX_LOST: u32 = 20;
/// What a file is that asks for nothing.
const NEITHER: &str = "neither a definition nor a pipeline: write {\"nodes\": […], \"edges\": […]}";

#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Make a pipeline and follow its first run until it ends
    Run {
        /// A JSON file with a definition, {"nodes", "edges"}, or with {"name", "definition"}; - is standard input
        file: PathBuf,
        /// Name, in place of the file's
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        api: Api,
    },
}

pub(super) async fn pipeline(command: PipelineCommand) -> Result<(), Failed> {
    let PipelineCommand::Run { file, name, api } = command;
    let mut body = body(&file)?;
    if let Some(name) = name {
        body.insert("name".to_owned(), Value::from(name));
    }
    let remote = Remote::new(api)?;
    let made = remote.value(Method::POST, "/pipelines", Some(&Value::Object(body))).await?;
    if remote.api.json {
        show(true, &made)?;
    } else {
        show(false, &json!({"id": made.get("id"), "name": made.get("name"), "status": made.get("status")}))?;
    }
    follow(&remote, made).await
}

/// What a file asks for.
fn body(file: &Path) -> Result<Map<String, Value>, Failed> {
    let named = |error: &dyn std::fmt::Display| usage(&format!("{}: {error}", file.display()));
    let text = table::decode(input::read(file)?).text;
    let given = match json::parse(text.as_bytes()) {
        Ok(Value::Object(given)) => given,
        Ok(_) => return Err(named(&NEITHER)),
        Err(_) => return Err(named(&no_json(text.as_bytes()))),
    };
    if given.contains_key("definition") {
        return Ok(given);
    }
    if !given.contains_key("nodes") {
        return Err(named(&NEITHER));
    }
    Ok(Map::from_iter([("definition".to_owned(), Value::Object(given))]))
}

/// Follows a pipeline's first run to its end, also when the server is lost on the way.
async fn follow(remote: &Remote, made: Value) -> Result<(), Failed> {
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
    let path = format!("/pipelines/{}?run=1", segment(id)?);
    let mut shown = Shown::new(remote.api.json, nodes(&made));
    let (mut now, mut looks, mut lost) = (made, 0, 0);
    loop {
        shown.update(&now)?;
        let status = now.get("status").and_then(Value::as_str).unwrap_or_default();
        if !matches!(status, "pending" | "running") {
            return shown.ended(status, &now);
        }
        let [often, seldom] = PAUSES;
        tokio::time::sleep(if looks < OFTEN { often } else { seldom }).await;
        looks += 1;
        match remote.value(Method::GET, &path, None).await {
            Ok(next) => (now, lost) = (next, 0),
            // what the API refuses stays refused; what did not answer may come back
            Err(Failed::Other(error)) if error.is::<reqwest::Error>() => {
                lost += 1;
                if lost > MAX_LOST {
                    return Err(Failed::Other(error));
                }
            }
            Err(refused) => return Err(refused),
        }
    }
}

fn nodes(pipeline: &Value) -> &[Value] {
    pipeline.get("nodes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What is shown of a run while it goes on: bars on a terminal, else a line for each change of a node.
struct Shown {
    json: bool,
    nodes: Vec<Value>,
    /// A bar for each node; none where there is no terminal.
    bars: Vec<ProgressBar>,
}

impl Shown {
    fn new(json: bool, nodes: &[Value]) -> Self {
        let terminal = !json && io::stderr().is_terminal();
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:24!} {wide_bar} {pos:>3} % {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |node: &Value| {
            let bar = all.add(ProgressBar::new(100)).with_style(style.clone()).with_prefix(title(node));
            // it is drawn before it moves, too
            bar.tick();
            bar
        };
        Self { json, nodes: Vec::new(), bars: nodes.iter().filter(|_| terminal).map(bar).collect() }
    }

    /// Shows the nodes that changed.
    fn update(&mut self, pipeline: &Value) -> io::Result<()> {
        let now = nodes(pipeline);
        for (place, node) in now.iter().enumerate().filter(|(place, node)| self.nodes.get(*place) != Some(node)) {
            let progress = node.get("progress").and_then(Value::as_u64).unwrap_or(0);
            match self.bars.get(place) {
                _ if self.json => print(&json!({"event": "node", "data": node}).to_string())?,
                Some(bar) => {
                    bar.set_position(progress);
                    bar.set_message(state(node));
                }
                None => print(&format!("{}: {progress} %, {}", title(node), state(node)))?,
            }
        }
        self.nodes = now.to_vec();
        Ok(())
    }

    /// Shows the end, and says what it means for the command.
    fn ended(&self, status: &str, pipeline: &Value) -> Result<(), Failed> {
        for bar in &self.bars {
            bar.abandon();
        }
        if !self.bars.is_empty() {
            // the last bar leaves its line open
            writeln!(io::stderr())?;
        }
        let mut told = pipeline.clone();
        if let Some(members) = told.as_object_mut() {
            members.remove("definition");
        }
        if self.json {
            print(&json!({"event": "done", "data": told}).to_string())?;
        } else {
            let job = pipeline.get("final_job_id").and_then(Value::as_str);
            print(&harmless(&format!("{status}{}", job.map(|id| format!(": results in {id}")).unwrap_or_default())))?;
        }
        match status {
            "done" => Ok(()),
            status => Err(Failed::Other(format!("the pipeline ended as {status}").into())),
        }
    }
}

/// A node's id and type.
fn title(node: &Value) -> String {
    let part = |name: &str| node.get(name).and_then(Value::as_str).map(harmless).unwrap_or_default();
    format!("{} ({})", part("id"), part("type"))
}

/// Where a node stands.
fn state(node: &Value) -> String {
    let text = |name: &str| node.get(name).and_then(Value::as_str).map(harmless);
    let rows = node.get("results_count").and_then(Value::as_u64).unwrap_or(0);
    let why = text("error_message").map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}, {rows} rows{why}", text("status").unwrap_or_default())
}
