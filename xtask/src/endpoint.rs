//! A new endpoint: everything that its API's other endpoints have, around a handler that answers 501.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

mod document;
mod grid;
mod sample;
#[cfg(test)]
mod tests;

/// The methods of HTTP that an endpoint can have.
const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];
/// The methods that a template's line gives to the fallback, in its order.
const GATEWAY: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    pub(crate) api: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) method: &'a str,
    /// As the gateway writes it: `/api/jobs/{id}/launch`.
    pub(crate) path: &'a str,
}

/// Makes an endpoint. All files are prepared before the first is written, so that a refusal changes nothing.
///
/// # Errors
/// Says what is wrong with the request, or which file is not as it should be.
pub(crate) fn create(root: &Path, endpoint: Endpoint<'_>) -> Result<String, String> {
    endpoint.check(root)?;
    let template = Edit::open(root, &format!("functions/{}/template.yaml", endpoint.api))?;
    let known = declared(&template.text);
    let files = [
        endpoint.crate_files(root),
        vec![
            endpoint.dependency(Edit::open(root, "local/Cargo.toml")?)?,
            endpoint.routed(template)?,
            Edit::new(root, &format!("events/{}.json", endpoint.name()), sample::event(&endpoint)),
            endpoint.wire_test(root),
            endpoint.wire_module(Edit::open(root, &format!("tests/wire/{}/mod.rs", endpoint.api))?),
            endpoint.sample_status(Edit::open(root, "tests/wire/flows/events.rs")?)?,
            grid::with_rows(&endpoint, &known, Edit::open(root, &grid::file(endpoint.api))?)?,
            document::with_operation(&endpoint, Edit::open(root, &format!("openapi/{}.json", endpoint.api))?)?,
            endpoint.largest_body(Edit::open(root, "tests/attack/resources_memory/endpoints.rs")?)?,
        ],
    ]
    .concat();
    for file in &files {
        file.write()?;
    }
    Ok(format!(
        "{} answers 501. Until it is finished these fail: its own test and `mirror` of the wire tests, and the comparison of the \
         Postman collections. docs/adding-an-endpoint.md says what to write.",
        endpoint.name()
    ))
}

/// A file with its new text.
#[derive(Clone, Debug)]
struct Edit {
    file: PathBuf,
    text: String,
}

impl Edit {
    fn new(root: &Path, name: &str, text: String) -> Self {
        Self { file: root.join(name), text }
    }

    fn open(root: &Path, name: &str) -> Result<Self, String> {
        let file = root.join(name);
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self { file, text })
    }

    /// Puts a line where its order is among the lines that `belongs` takes.
    fn insert_sorted(mut self, line: &str, belongs: impl Fn(&str) -> bool) -> Self {
        let mut lines: Vec<&str> = self.text.lines().collect();
        let own: Vec<usize> = (0..lines.len()).filter(|index| belongs(lines[*index])).collect();
        let next = own.iter().find(|index| lines[**index] > line).copied();
        let index = next.or_else(|| own.last().map(|last| last + 1)).unwrap_or(lines.len());
        lines.insert(index, line);
        self.text = lines.join("\n") + "\n";
        self
    }

    /// Puts text before the first line that begins so.
    fn insert_before(mut self, start: &str, text: &str) -> Result<Self, String> {
        let found = self.text.find(&format!("\n{start}"));
        let index = found.ok_or_else(|| format!("{}: no line begins with {start:?}", self.file.display()))?;
        self.text.insert_str(index + 1, text);
        Ok(self)
    }

    fn write(&self) -> Result<(), String> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&self.file, &self.text));
        written.map_err(|error| format!("{}: {error}", self.file.display()))
    }
}

/// The paths that a template declares: those of the fallback, and of the functions' events.
fn declared(template: &str) -> BTreeSet<String> {
    let own = template.lines().filter_map(own_path).map(str::to_owned);
    let events = template.lines().filter_map(|line| {
        let (_, path) = line.split_once(" Path: ")?;
        Some(path.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned())
    });
    own.chain(events).collect()
}

/// The path of a line that gives its methods to the fallback.
fn own_path(line: &str) -> Option<&str> {
    let path = line.strip_prefix("          ")?.trim_start_matches('"');
    path.starts_with('/').then(|| path.split([' ', '"', ':']).next().unwrap_or_default())
}

/// A path as a template's key.
fn quoted(path: &str) -> String {
    if path.contains('{') { format!("\"{path}\"") } else { path.to_owned() }
}

impl Endpoint<'_> {
    fn name(&self) -> String {
        format!("{}-{}", self.api, self.operation)
    }

    fn check(&self, root: &Path) -> Result<(), String> {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if self.api == "outset" {
            return Err(
                "the paths and methods of outset are fixed by its contract: see shared/src/outset/routes.rs".into()
            );
        }
        if !["outsend", "openscouter"].contains(&self.api) {
            return Err(format!("no such API: {}", self.api));
        }
        if !word(self.operation) || self.operation.starts_with('-') || self.operation.ends_with('-') {
            return Err(format!("an operation is lower-case words with hyphens between them: {}", self.operation));
        }
        if !METHODS.contains(&self.method) {
            return Err(format!("a method is one of {}: {}", METHODS.join(", "), self.method));
        }
        let segment = |text: &str| {
            let name = text.strip_prefix('{').map_or(Some(text), |name| name.strip_suffix('}')).unwrap_or_default();
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !self.path.strip_prefix('/').is_some_and(|path| path.split('/').all(segment)) {
            return Err(format!("a path is written as in the template, without a final slash: {}", self.path));
        }
        let folder = root.join("functions").join(self.api).join(self.operation);
        if folder.exists() { Err(format!("{} is there already", folder.display())) } else { Ok(()) }
    }

    fn crate_files(&self, root: &Path) -> Vec<Edit> {
        let Self { api, operation, method, path } = self;
        let folder = format!("functions/{api}/{operation}");
        let name = self.name();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\n\
             rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n\
             [dependencies]\nshared.workspace = true\n\n[lints]\nworkspace = true\n"
        );
        let main = format!(
            "//! The Lambda binary.\n\nfn main() -> std::process::ExitCode {{\n    shared::lambda::run(&{}::FUNCTION)\n}}\n",
            name.replace('-', "_")
        );
        let (imports, access) = match (*api, *method) {
            ("outsend", "GET") => ("", "Access::ANY"),
            ("outsend", _) => ("", "Access::ACTIVE"),
            (_, "GET") => (", ANY_READER", "ANY_READER"),
            _ => (", OWNING_WRITERS", "OWNING_WRITERS"),
        };
        let known = imports.trim_start_matches(", ");
        let list = if *api == "outsend" { "Access".to_owned() } else { known.to_owned() };
        let library = format!(
            "//! `{method} {path}`\n\nuse shared::{api}::{{self, Endpoint, access::{list}, envelope::Problem}};\n\n\
             /// The function.\npub const FUNCTION: Endpoint = {api}::endpoint(env!(\"CARGO_PKG_NAME\"), {access}, |_, _| \
             {{\n    Box::pin(std::future::ready(Err(Problem::not_implemented())))\n}});\n"
        );
        vec![
            Edit::new(root, &format!("{folder}/Cargo.toml"), manifest),
            Edit::new(root, &format!("{folder}/src/main.rs"), main),
            Edit::new(root, &format!("{folder}/src/lib.rs"), library),
        ]
    }

    fn dependency(&self, manifest: Edit) -> Result<Edit, String> {
        let name = self.name();
        let line = format!("{name} = {{ path = \"../functions/{}/{}\" }}", self.api, self.operation);
        let api = format!("{}-", self.api);
        Ok(manifest.insert_sorted(&line, |line| line.starts_with(&api)))
    }

    /// The template with the function, and with its path taken from the fallback.
    fn routed(&self, mut template: Edit) -> Result<Edit, String> {
        let name: String = self.name().split('-').map(capitalized).collect();
        let event: String = self.path.split(['/', '{', '}', '-', '_', '.']).map(capitalized).collect();
        let event = format!("{event}{}", capitalized(&self.method.to_ascii_lowercase()));
        let block = format!(
            "  {name}:\n    Type: AWS::Serverless::Function\n    Metadata: {{ SkipBuild: true }}\n    Properties:\n      \
             CodeUri: ../../target/lambda/{}\n      Policies:\n        - !Ref SpecialCategoriesApart\n        \
             - !Ref RateWindows\n        - !Ref Callers\n        - !Ref CredentialUse\n      Events:\n        {event}: {{ Type: Api, \
             Properties: {{ RestApiId: !Ref Api, Path: {}, Method: {} }} }}\n\n",
            self.name(),
            quoted(self.path),
            self.method
        );
        let known = declared(&template.text);
        if known.contains(self.path) {
            template.text = self.taken_from_the_fallback(&template.text)?;
        } else {
            let rest = GATEWAY.into_iter().filter(|method| *method != self.method);
            let rest: Vec<_> = rest.map(|method| format!("{}: *fallback", method.to_ascii_lowercase())).collect();
            template = declare(template, self.path, &format!("{{ {} }}", rest.join(", ")));
            for path in self.new_parents(&known) {
                template = declare(template, &path, "*nowhere");
            }
            // the gateway takes one variable below a path
            for proxy in self.replaced() {
                template.text = template.text.replace(&format!("          {}: *nowhere\n", quoted(&proxy)), "");
            }
        }
        template.insert_before(&format!("  {}Fallback:", capitalized(self.api)), &block)
    }

    /// The template's paths without this method of this path, which is declared there already.
    fn taken_from_the_fallback(&self, template: &str) -> Result<String, String> {
        let (start, own) = (format!("          {}: ", quoted(self.path)), self.method.to_ascii_lowercase());
        let line = template.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
        let mut lines = template.lines().map(str::to_owned).collect::<Vec<_>>();
        let index = lines.iter().position(|known| known == line).unwrap_or_default();
        if line.ends_with("*nowhere") {
            let rest = GATEWAY.into_iter().filter(|method| *method != self.method);
            let rest: Vec<_> = rest.map(|method| format!("{}: *fallback", method.to_ascii_lowercase())).collect();
            lines[index] = format!("{start}{{ {} }}", rest.join(", "));
        } else {
            let items = line.strip_prefix(&start).unwrap_or_default().trim_matches(['{', '}', ' ']);
            let gone = format!("{own}: *fallback");
            let rest: Vec<_> = items.split(", ").filter(|item| *item != gone).collect();
            if rest.len() == items.split(", ").count() {
                return Err(format!("{} {} is another function's", self.method, self.path));
            }
            lines[index] = format!("{start}{{ {} }}", rest.join(", "));
        }
        Ok(lines.join("\n") + "\n")
    }

    /// The paths above that were not there; the gateway asks for what is below each, too, and takes one variable there.
    fn new_parents(&self, known: &BTreeSet<String>) -> Vec<String> {
        let mut new = Vec::new();
        let mut below = self.path;
        while let Some((above, segment)) = below.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            if !known.contains(above) {
                new.push(above.to_owned());
                if !segment.starts_with('{') {
                    new.push(format!("{above}/{{proxy+}}"));
                }
            }
            below = above;
        }
        new
    }

    /// What took all that is below a path before the endpoint's own variable stood there.
    fn replaced(&self) -> Vec<String> {
        let mut replaced = Vec::new();
        let mut below = self.path;
        while let Some((above, segment)) = below.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            if segment.starts_with('{') {
                replaced.push(format!("{above}/{{proxy+}}"));
            }
            below = above;
        }
        replaced
    }

    fn wire_test(&self, root: &Path) -> Edit {
        let Self { api, operation, method, path } = self;
        let asked = sample::path(path);
        let (imports, start, ask) = if *api == "outsend" {
            let ask = match *method {
                "GET" => format!("world.get(\"{asked}\").await"),
                "POST" => format!("world.post(\"{asked}\", &serde_json::json!({{}})).await"),
                _ => format!("world.call(\"{method}\", \"{asked}\", &[(\"cookie\", &world.session)], \"{{}}\").await"),
            };
            ("harness::{outsend::jobs::World, snapshot}", "let world = World::start().await;", ask)
        } else {
            let ask = format!("team.owner(\"{method}\", \"{asked}\", &serde_json::Value::Null).await");
            ("harness::{openscouter::team::Team, snapshot}", "let team = Team::start().await;", ask)
        };
        let text = format!(
            "//! `{method} {path}`\n\nuse {imports};\n\n#[tokio::test]\nasync fn succeeds() {{\n    {start}\n    \
             let answer = {ask};\n    assert!(answer.status < 300, \"{{}}\", answer.body);\n    \
             snapshot!(\"{operation}\", &answer);\n}}\n"
        );
        Edit::new(root, &format!("tests/wire/{api}/{}.rs", operation.replace('-', "_")), text)
    }

    fn wire_module(&self, modules: Edit) -> Edit {
        modules.insert_sorted(&format!("mod {};", self.operation.replace('-', "_")), |line| line.starts_with("mod "))
    }

    /// What takes a body is measured with its largest one.
    fn largest_body(&self, endpoints: Edit) -> Result<Edit, String> {
        if self.method == "GET" {
            return Ok(endpoints);
        }
        let (start, who) = if self.api == "outsend" { ("    outsend(", "Account") } else { ("    research(", "Owner") };
        let line = format!("{start}\"{}\", \"{}\", {who}, \"a\"),\n", self.method, self.path);
        endpoints.insert_before(start, &line)
    }

    /// Without a credential the sample event is refused, as most are.
    fn sample_status(&self, mut events: Edit) -> Result<Edit, String> {
        let start = format!("const {}: &[(&str, u64)] = &[\n", self.api.to_ascii_uppercase());
        let index = events.text.find(&start).ok_or_else(|| format!("{}: no {start}", events.file.display()))?;
        events.text.insert_str(index + start.len(), &format!("    (\"{}\", 401),\n", self.operation));
        Ok(events)
    }
}

/// A template with one more path of the fallback, in its order.
fn declare(template: Edit, path: &str, methods: &str) -> Edit {
    let line = format!("          {}: {methods}", quoted(path));
    let mut lines: Vec<&str> = template.text.lines().collect();
    let next = lines.iter().position(|known| own_path(known).is_some_and(|known| known > path));
    let last = lines.iter().rposition(|known| own_path(known).is_some()).map_or(lines.len(), |last| last + 1);
    lines.insert(next.unwrap_or(last), &line);
    Edit { text: lines.join("\n") + "\n", ..template }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
