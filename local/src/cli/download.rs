//! Tables of an API as files (outsend 9).

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{
    output::{Failed, show},
    remote::Remote,
};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FileFormat {
    Csv,
    Json,
    Xlsx,
}

impl FileFormat {
    /// What `format` of the API is, and how the file's name ends.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Saves what a path answers: in a file, on standard output for `-`, or under the name that the server gives, else under
/// `name`.
pub(super) async fn save(remote: &Remote, path: &str, name: &str, output: Option<&Path>) -> Result<(), Failed> {
    let answer = remote.send(remote.request(Method::GET, path)).await?;
    let given = answer.headers().get("content-disposition").and_then(|value| value.to_str().ok());
    let named = given.and_then(|text| text.split_once("filename=\"")?.1.split('"').next());
    // a name of the server's never leads out of the folder
    let named = named.filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.'));
    let target = output.map_or_else(|| PathBuf::from(named.unwrap_or(name)), Path::to_path_buf);
    let mut pieces = answer.bytes_stream();
    if target == Path::new("-") {
        while let Some(piece) = pieces.next().await {
            io::stdout().write_all(&piece?)?;
        }
        return Ok(io::stdout().flush()?);
    }
    // a download that is cut off leaves no file that looks whole
    let part = target.with_file_name(format!("{}.part", target.file_name().unwrap_or_default().to_string_lossy()));
    // rows are about people
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&part).await?;
    let mut size = 0_usize;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        size += piece.len();
        file.write_all(&piece).await?;
    }
    file.sync_all().await?;
    tokio::fs::rename(&part, &target).await?;
    Ok(show(remote.api.json, &json!({"file": target.display().to_string(), "bytes": size}))?)
}
