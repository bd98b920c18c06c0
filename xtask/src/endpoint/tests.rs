//! The generator, run in a copy of the tree: what it wrote holds together, and compiles.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{Endpoint, create, document, grid, sample};

/// A new path below new paths, one beside known ones with a variable, and one more method of a known path.
const NEW: [Endpoint<'static>; 3] = [
    Endpoint { api: "outsend", operation: "vaults-open", method: "POST", path: "/api/vaults/{vault}/open" },
    Endpoint {
        api: "openscouter",
        operation: "sessions-echoes-list",
        method: "GET",
        path: "/api/sessions/{id}/echoes",
    },
    Endpoint { api: "openscouter", operation: "tokens-wipe", method: "DELETE", path: "/api/tokens" },
];

/// What of the tree a workspace is made of, and what the generator reads.
const COPIED: [&str; 14] = [
    "Cargo.lock",
    "Cargo.toml",
    "bench",
    "engine",
    "events",
    "functions",
    "local",
    "openapi",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "shared",
    "template.yaml",
    "tests",
    "xtask",
];

/// A copy of the tree, made anew at a place where cargo finds what it compiled for the last one.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> io::Result<Self> {
        // <target>/debug/deps/<this test>
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?.to_owned();
        let copy = Self { root: target.join("new-endpoint"), target };
        if copy.root.exists() {
            fs::remove_dir_all(&copy.root)?;
        }
        fs::create_dir_all(&copy.root)?;
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or(io::ErrorKind::NotFound)?;
        for name in COPIED {
            copied(&tree.join(name), &copy.root.join(name))?;
        }
        Ok(copy)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&told));
    }
}

/// Copies a file, or a folder without what is built in it; times stay, so that what did not change is not compiled again.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            let shown = name.to_string_lossy();
            if !shown.starts_with('.') && !["target", "node_modules", "__pycache__"].contains(&&*shown) {
                copied(&from.join(&name), &to.join(&name))?;
            }
        }
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)
}

impl Endpoint<'_> {
    fn rust_files(&self) -> [String; 3] {
        let file = self.operation.replace('-', "_");
        let folder = format!("functions/{}/{}/src", self.api, self.operation);
        [format!("{folder}/lib.rs"), format!("{folder}/main.rs"), format!("tests/wire/{}/{file}.rs", self.api)]
    }
}

#[test]
fn what_it_writes_holds_together_and_compiles() {
    let copy = Copy::make().unwrap();
    let before = ["outsend", "openscouter"].map(|api| (api, copy.json(&format!("openapi/{api}.json"))));
    for endpoint in NEW {
        create(&copy.root, endpoint).unwrap();
        assert!(create(&copy.root, endpoint).unwrap_err().ends_with("is there already"));
    }
    let outset = Endpoint { api: "outset", ..NEW[0] };
    assert!(create(&copy.root, outset).unwrap_err().contains("shared/src/outset/routes.rs"));
    for endpoint in &NEW {
        routed(&copy, endpoint);
        named(&copy, endpoint);
    }
    for (api, old) in before {
        documented(&copy, api, old);
    }
    let files: Vec<_> = NEW.iter().flat_map(Endpoint::rust_files).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    copy.run("rustfmt", &[&["--check", "--edition", "2024"], &*files].concat());
    let packages: Vec<_> = NEW.iter().map(Endpoint::name).collect();
    let packages: Vec<_> = packages.iter().flat_map(|name| ["-p", name]).collect();
    copy.run("cargo", &[&["check", "--quiet", "--offline"], &*packages].concat());
    fs::remove_dir_all(&copy.root).unwrap();
}

/// The template has the function with its one route, which the fallback does not take any more.
fn routed(copy: &Copy, endpoint: &Endpoint<'_>) {
    let template = copy.read(&format!("functions/{}/template.yaml", endpoint.api));
    let template: yaml_serde::Value = yaml_serde::from_str(&template).unwrap();
    let name: String = endpoint.name().split('-').map(super::capitalized).collect();
    let function = &template["Resources"][&*name]["Properties"];
    assert_eq!(function["CodeUri"].as_str().unwrap(), format!("../../target/lambda/{}", endpoint.name()));
    let events = function["Events"].as_mapping().unwrap();
    let routes: Vec<_> = events.values().map(|event| &event["Properties"]).collect();
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0]["Path"].as_str(), Some(endpoint.path));
    assert_eq!(routes[0]["Method"].as_str(), Some(endpoint.method));
    let left =
        template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"][endpoint.path].as_mapping().unwrap();
    let left: Vec<_> = left.keys().filter_map(yaml_serde::Value::as_str).collect();
    assert!(left.contains(&"options") && !left.contains(&&*endpoint.method.to_lowercase()), "{left:?}");
}

/// Each list that names functions or routes names this one once, and its event is the request that its test makes.
fn named(copy: &Copy, endpoint: &Endpoint<'_>) {
    let Endpoint { api, operation, method, path } = endpoint;
    let module = operation.replace('-', "_");
    for (file, line) in [
        ("local/Cargo.toml".to_owned(), format!("{} = {{ path = ", endpoint.name())),
        (format!("tests/wire/{api}/mod.rs"), format!("mod {module};")),
        ("tests/wire/flows/events.rs".to_owned(), format!("    (\"{operation}\", 401),")),
        (grid::file(api), format!("{method:7} {path} ")),
        ("tests/attack/resources_memory/endpoints.rs".to_owned(), format!("(\"{method}\", \"{path}\", ")),
    ] {
        let expected = usize::from(*method != "GET" || !file.starts_with("tests/attack"));
        assert_eq!(copy.read(&file).matches(&line).count(), expected, "{file}: {line}");
    }
    let event = copy.json(&format!("events/{}.json", endpoint.name()));
    assert_eq!((&event["httpMethod"], &event["resource"]), (&Value::from(*method), &Value::from(*path)));
    let test = copy.read(&format!("tests/wire/{api}/{module}.rs"));
    assert_eq!(event["path"], sample::path(path));
    assert!(test.contains(&sample::path(path)) && test.contains(&format!("snapshot!(\"{operation}\", ")));
}

/// The document has the operations, and is else as it was.
fn documented(copy: &Copy, api: &str, old: Value) {
    let mut new = copy.json(&format!("openapi/{api}.json"));
    assert_eq!(document::written(&new), copy.read(&format!("openapi/{api}.json")));
    let tags: Vec<_> = new["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    for endpoint in NEW.iter().filter(|endpoint| endpoint.api == api) {
        let methods = new["paths"][endpoint.path].as_object_mut().unwrap();
        let operation = methods.remove(&endpoint.method.to_lowercase()).unwrap();
        // as checks/test_openapi.py finds the crate
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert_eq!(format!("{api}-{}", name.replace('_', "-")), endpoint.name());
        assert!(operation["summary"].is_string() && operation["description"].is_string());
        assert!(tags.contains(&operation["tags"][0]), "{}", operation["tags"]);
        let variables = endpoint.path.matches('{').count();
        assert_eq!(operation["parameters"].as_array().map_or(0, Vec::len), variables);
        let statuses = operation["responses"].as_object().unwrap();
        assert!(["200", "401", "429", "500", "501"].iter().all(|status| statuses.contains_key(*status)));
        for (status, answer) in statuses {
            let schema = &answer["content"]["application/json"]["schema"];
            let known = schema["$ref"].as_str().is_none_or(|name| has(&old, name));
            assert!(schema.is_object() && known, "{status}: {answer}");
        }
    }
    new["paths"]
        .as_object_mut()
        .unwrap()
        .retain(|_, methods| methods.as_object().is_some_and(|methods| !methods.is_empty()));
    assert_eq!((&new["paths"], &new["components"]), (&old["paths"], &old["components"]));
    let known = old["tags"].as_array().unwrap();
    assert!(known.iter().all(|tag| new["tags"].as_array().unwrap().contains(tag)));
}

/// Whether a document has what a reference names.
fn has(document: &Value, reference: &str) -> bool {
    reference.strip_prefix('#').is_some_and(|place| document.pointer(place).is_some())
}
