//! Tables of an API as files (outsend 9).

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use futures_util::StreamExt as _;
use reqwest::{Method, Response};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{
    output::{Failed, show},
    remote::{Remote, usage},
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
    // what cannot be written to is told before anything is asked for
    let place = output.map(Place::of).transpose()?;
    let answer = remote.send(remote.request(Method::GET, path)).await?;
    let given = answer.headers().get("content-disposition").and_then(|value| value.to_str().ok());
    let named = given.and_then(|text| text.split_once("filename=\"")?.1.split('"').next());
    // a name of the server's never leads out of the folder
    let named = named.filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.'));
    let place = place.map_or_else(|| Place::of(Path::new(named.unwrap_or(name))), Ok)?;
    let size = match &place {
        Place::Standard => {
            let mut pieces = answer.bytes_stream();
            while let Some(piece) = pieces.next().await {
                io::stdout().write_all(&piece?)?;
            }
            return Ok(io::stdout().flush()?);
        }
        Place::Stream(target) => written(answer, target).await?,
        Place::File(target) => {
            // a download that is cut off leaves no file that looks whole
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            let part = target.with_file_name(format!("{name}.part"));
            let done = match written(answer, &part).await {
                Ok(size) => tokio::fs::rename(&part, target).await.map(|()| size).map_err(|error| told(target, &error)),
                Err(failed) => Err(failed),
            };
            if done.is_err() {
                // rows are about people: none stay behind
                let _ = tokio::fs::remove_file(&part).await;
            }
            done?
        }
    };
    Ok(show(remote.api.json, &json!({"file": place.shown(), "bytes": size}))?)
}

/// Where a table goes.
enum Place {
    Standard,
    /// A file, there or not: it gets the table as a whole or not at all.
    File(PathBuf),
    /// What is no file, a pipe or a device: it stays what it is.
    Stream(PathBuf),
}

impl Place {
    fn of(target: &Path) -> Result<Self, Failed> {
        if target == Path::new("-") {
            return Ok(Self::Standard);
        }
        let name = || target.display();
        match std::fs::metadata(target) {
            Ok(found) if found.is_dir() => Err(usage(&format!("{}: it is a directory: name a file in it", name()))),
            // a link stays one
            Ok(found) if found.is_file() => {
                Ok(Self::File(target.canonicalize().map_err(|error| told(target, &error))?))
            }
            Ok(_) => Ok(Self::Stream(target.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
                match folder.filter(|folder| !folder.exists()) {
                    Some(folder) => {
                        let folder = folder.display();
                        Err(usage(&format!(
                            "{}: there is no directory {folder}: make it, or name another file",
                            name()
                        )))
                    }
                    None => Ok(Self::File(target.to_owned())),
                }
            }
            Err(error) => Err(told(target, &error)),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Standard => "-".to_owned(),
            Self::File(target) | Self::Stream(target) => target.display().to_string(),
        }
    }
}

/// Writes an answer to a path; how many bytes it has.
async fn written(answer: Response, target: &Path) -> Result<usize, Failed> {
    let here = |error: io::Error| told(target, &error);
    let mut options = tokio::fs::OpenOptions::new();
    // rows are about people
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(target).await.map_err(here)?;
    let (mut pieces, mut size) = (answer.bytes_stream(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        size += piece.len();
        file.write_all(&piece).await.map_err(here)?;
    }
    file.flush().await.map_err(here)?;
    match file.sync_all().await {
        // pipes and devices have nothing to sync
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(here(error)),
        _ => Ok(size),
    }
}

/// Why a file was not written.
fn told(target: &Path, error: &io::Error) -> Failed {
    let next = match error.kind() {
        io::ErrorKind::StorageFull => "make room, or name a file elsewhere with --output",
        _ => "name another file with --output",
    };
    Failed::Other(format!("{}: {error}: {next}", target.display()).into())
}
