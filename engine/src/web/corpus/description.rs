//! What the corpus is made from: the files of `engine/corpus/`, as they are written there.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, de::DeserializeOwned};

/// The folder of the corpus.
pub(super) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "corpus"].iter().collect()
}

/// What is to be found: columns and what they hold.
pub(super) type Finds = BTreeMap<String, Values>;

/// One value or several, in the order in which they are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Values {
    One(String),
    Many(Vec<String>),
}

impl Values {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A business: what templates take from it by name.
pub(super) type Company = BTreeMap<String, Values>;

/// What sites of a language have in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// Sets of pages: of each its address and its title.
    pub(super) paths: Vec<BTreeMap<String, (String, String)>>,
    pub(super) hello: Vec<String>,
    pub(super) credits: String,
}

/// How a page tells its charset.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Charset {
    pub(super) name: String,
    pub(super) bytes: String,
    pub(super) header: String,
    pub(super) page: String,
}

/// A piece of a page, with what is to be found in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub(super) name: String,
    #[serde(default)]
    pub(super) langs: Vec<String>,
    #[serde(default)]
    pub(super) not_hosts: Vec<String>,
    pub(super) on: String,
    pub(super) html: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) finds: Finds,
    /// Sites that have it, at most.
    pub(super) times: Option<usize>,
}

/// A site that is described by itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Single {
    pub(super) name: String,
    pub(super) langs: Vec<String>,
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    pub(super) copies: usize,
    pub(super) site: Option<String>,
    pub(super) robots: Option<String>,
    pub(super) robots_missed: Option<String>,
    pub(super) pages: Vec<Told>,
    #[serde(default)]
    pub(super) finds: Finds,
}

/// What an address answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    pub(super) at: String,
    #[serde(default)]
    pub(super) raw: bool,
    pub(super) html: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) status: Option<u16>,
    pub(super) moved: Option<String>,
    pub(super) missed: Option<String>,
}

/// How many sites are put together from blocks, and from which files of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mixes {
    pub(super) sites: usize,
    pub(super) blocks: Vec<String>,
}

/// All of it.
pub(super) struct Description {
    pub(super) companies: Vec<Company>,
    pub(super) languages: BTreeMap<String, Language>,
    pub(super) skins: BTreeMap<String, String>,
    pub(super) charsets: Vec<Charset>,
    pub(super) blocks: Vec<Vec<Block>>,
    pub(super) singles: Vec<Single>,
    pub(super) sites: usize,
}

fn file<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads the description.
pub(super) fn read() -> Description {
    let mixes: Mixes = file("mixes.yaml");
    Description {
        companies: file("companies.yaml"),
        languages: file("languages.yaml"),
        skins: file("skins.yaml"),
        charsets: file("charsets.yaml"),
        blocks: mixes.blocks.iter().map(|name| file(&format!("blocks/{name}.yaml"))).collect(),
        singles: file("sites.yaml"),
        sites: mixes.sites,
    }
}
