//! `outscout status` and `outscout logs`: what a running server's control port tells.

use std::{collections::BTreeMap, io, time::Duration};

use clap::Args;
use serde_json::Value;

use super::{
    output::{Failed, print},
    remote::client,
};
use crate::log::readable;

/// How often a log that is followed is asked for.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// Last lines that are shown first.
const SHOWN: usize = 50;
/// How long the server may take to answer.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Where the control port is.
#[derive(Debug, Args)]
struct Control {
    /// The first of the server's four ports
    #[arg(long, default_value_t = 4000)]
    port: u16,
}

impl Control {
    /// What the control port answers to a path.
    async fn get(&self, path: &str) -> Result<Value, Failed> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let answer = client()?.get(format!("{url}{path}")).timeout(TIME_LIMIT).send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        let body = shared::json::parse(&body).ok();
        let told = body.as_ref().and_then(|body| body.get("error")?.as_str().map(str::to_owned));
        match (body, told) {
            (Some(body), _) if status.is_success() => Ok(body),
            (_, Some(told)) => Err(Failed::Other(format!("{url}: {told}").into())),
            _ => {
                let text = format!("{url}: what answers there ({status}) is no control port: --port names it");
                Err(Failed::Other(text.into()))
            }
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    control: Control,
    /// Print lines for a shell: eval "$(outscout status --env)"
    #[arg(long, conflicts_with = "json")]
    env: bool,
    /// Print JSON, as --ready-json does at the start
    #[arg(long)]
    json: bool,
}

pub(super) async fn status(arguments: &StatusArguments) -> Result<(), Failed> {
    let told = arguments.control.get("/_local/status").await?;
    let ready = told.get("ready").cloned().unwrap_or_default();
    if arguments.json {
        return Ok(print(&ready.to_string())?);
    }
    if arguments.env {
        for (name, value) in variables(&ready) {
            print(&format!("export {name}={}", quoted(&value)))?;
        }
        return Ok(());
    }
    let text = told.get("text").and_then(Value::as_str).unwrap_or_default();
    Ok(print(text.trim_end())?)
}

/// What `status --env` prints for a shell: the variable, its place in the line for programs, and what it is.
pub(super) const FOR_A_SHELL: [(&str, &str, &str); 8] = [
    ("OUTSCOUT_CONTROL_URL", "/control", "The control plane's address"),
    ("OUTSCOUT_OUTSET_URL", "/outset", "The Outset API's base URL"),
    ("OUTSCOUT_OUTSEND_URL", "/outsend", "The Outsend API's base URL"),
    ("OUTSCOUT_OPENSCOUTER_URL", "/openscouter", "The OpenScouter API's base URL"),
    ("OUTSCOUT_OUTSET_KEY", "/demo/outset_key", "The demonstration's API key of Outset"),
    ("OUTSCOUT_OUTSEND_KEY", "/demo/outsend_key", "The demonstration's API key of Outsend"),
    ("OUTSCOUT_DEMO_EMAIL", "/demo/outsend/email", "The demonstration's address to sign in with"),
    ("OUTSCOUT_DEMO_PASSWORD", "/demo/outsend/password", "The demonstration's password"),
];

fn variables(ready: &Value) -> BTreeMap<&'static str, String> {
    let value = |path: &str| ready.pointer(path).and_then(Value::as_str).map(str::to_owned);
    FOR_A_SHELL.into_iter().filter_map(|(name, path, _)| Some((name, value(path)?))).collect()
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    #[command(flatten)]
    control: Control,
    /// Only the lines of the request with this id, which answers have in X-Request-Id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Go on with each line as it comes, until this command is ended
    #[arg(long)]
    tail: bool,
    /// Print the lines as they are, in JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn logs(arguments: &LogsArguments) -> Result<(), Failed> {
    let request = arguments.request.as_deref();
    if let Some(id) = request.filter(|_| !arguments.tail) {
        let asked: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let found = arguments.control.get(&format!("/_local/log?request_id={asked}")).await?;
        let lines: Vec<String> = found.as_array().into_iter().flatten().map(Value::to_string).collect();
        if lines.is_empty() {
            return Err(Failed::NotFound(format!("no request {id} among the last of this server")));
        }
        return Ok(shown(&lines, arguments.json)?);
    }
    let mut after = 0;
    loop {
        let told = arguments.control.get(&format!("/_local/log?after={after}")).await?;
        let lines = told.get("lines").and_then(Value::as_array).cloned().unwrap_or_default();
        let lines = lines.iter().filter_map(Value::as_str).filter(|line| is_of(line, request));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        let first = if after == 0 { lines.len().saturating_sub(SHOWN) } else { 0 };
        shown(lines.get(first..).unwrap_or_default(), arguments.json)?;
        if !arguments.tail {
            return Ok(());
        }
        after = told.get("next").and_then(Value::as_u64).unwrap_or_default();
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

/// Whether a line is one of a request's, or of any where none is named.
fn is_of(line: &str, request: Option<&str>) -> bool {
    let named = || serde_json::from_str::<Value>(line).ok()?.get("request_id")?.as_str().map(str::to_owned);
    request.is_none_or(|id| named().as_deref() == Some(id))
}

fn shown(lines: &[String], json: bool) -> io::Result<()> {
    lines.iter().try_for_each(|line| print(&if json { line.clone() } else { readable(line) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shell_gets_what_there_is_in_quotes() {
        let ready = json!({
            "control": "http://127.0.0.1:4000", "outset": "http://127.0.0.1:4001/v1",
            "demo": {"outset_key": "a'b", "outsend": {"email": "dana@example.com"}}, "cron_secret": "hush",
        });
        let lines: Vec<_> =
            variables(&ready).into_iter().map(|(name, value)| format!("{name}={}", quoted(&value))).collect();
        assert_eq!(
            lines,
            [
                "OUTSCOUT_CONTROL_URL='http://127.0.0.1:4000'",
                "OUTSCOUT_DEMO_EMAIL='dana@example.com'",
                "OUTSCOUT_OUTSET_KEY='a'\\''b'",
                "OUTSCOUT_OUTSET_URL='http://127.0.0.1:4001/v1'",
            ]
        );
    }
}
