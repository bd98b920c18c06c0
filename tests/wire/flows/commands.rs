//! `outscout pipeline` and `outscout veille` against a server (outsend 14, 15).

use std::{
    io::Write as _,
    process::{Output, Stdio},
    time::Duration,
};

use harness::{
    http,
    osm::{Osm, node},
    outsend::{
        pipelines::{chain, definition},
        veille::before_and_after,
    },
    receiver::Receiver,
};
use serde_json::{Value, json};

use super::tables::World;

/// The exit code, and what was said on both ways.
fn said(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

impl World {
    fn says(&self, arguments: &[&str]) -> (i32, String, String) {
        said(self.command(arguments).output().unwrap())
    }

    /// [`Self::says`], with a text on standard input.
    fn reads(&self, arguments: &[&str], text: &str) -> (i32, String, String) {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        said(child.wait_with_output().unwrap())
    }

    /// A file of JSON in the world's folder.
    fn file(&self, name: &str, value: &Value) -> String {
        let file = self.path(name);
        std::fs::write(&file, value.to_string()).unwrap();
        file
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_followed_to_its_end() {
    let world = World::start().await;
    let file = world.file("chain.json", &chain(30));
    let (code, out, err) = world.says(&["pipeline", "run", &file, "--name", "Best"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with("id: ") && lines[0].ends_with("  name: Best  status: pending"), "{out}");
    for line in ["in (import): 100 %, done, 30 rows", "some (filter): 100 %, done, 20 rows"] {
        assert!(lines.contains(&line), "{out}");
    }
    assert!(lines.iter().any(|line| line.starts_with("best (sort): 0 %, waiting")), "{out}");
    assert!(lines.last().unwrap().starts_with("done: results in j_"), "{out}");
    // as JSON, from standard input, with the file's name
    let text = format!("\u{feff}{}", json!({"name": "Given", "definition": chain(9), "schema_version": 1}));
    let (code, out, err) = world.reads(&["pipeline", "run", "-", "--json"], &text);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["name"], &lines[0]["definition"]), (&json!("Given"), &chain(9)));
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["data"]["status"]), (&json!("done"), &json!("done")));
    let ended = |id: &str| {
        let mut of = lines.iter().filter(|line| line["event"] == "node" && line["data"]["id"] == id);
        of.next_back().unwrap()["data"]["status"].clone()
    };
    assert_eq!(["in", "some", "best"].map(ended), ["done", "done", "done"].map(Value::from));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_from_standard_input() {
    let world = World::start().await;
    let create = ["job", "create", "verify-emails", "--items", "-", "--json"];
    for text in [
        "\u{feff}[{\"Mail\": \"a@gmial.com\", \"n\": 1}]",
        "Mail;n\r\na@gmial.com;1\r\n",
        "[Mail];[n]\na@gmial.com;1\n",
    ] {
        let (code, out, err) = world.reads(&create, text);
        assert_eq!(code, 0, "{err}");
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["grid_points_count"], 1, "{out}");
    }
    for (text, told) in [
        ("", "outscout: -: there is no row in it\n"),
        ("[{\n", "outscout: -: it is no JSON: it breaks in line 2, column 1\n"),
        ("{\"email\": \"a@b.fr\"}", "outscout: -: it is no list of rows: write [{…}, {…}]\n"),
        ("[{]", "outscout: -: it is no JSON: it breaks in line 1, column 3\n"),
    ] {
        assert_eq!(world.reads(&create, text), (2, String::new(), told.to_owned()));
    }
    let (code, _, err) = world.says(&["job", "create", "verify-emails"]);
    assert!(code == 2 && err.contains("--items <ITEMS>|--source <SOURCE>"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_places_is_made_and_followed() {
    let (osm, variables) = Osm::start().await;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with(&variables).await;
    osm.area("q=rive gauche", [2.30, 48.80, 2.40, 48.86]);
    osm.put(vec![node(1, 48.81, 2.31, json!({"shop": "bakery", "name": "Chez Paul"}))]);
    let search = ["job", "create", "scrap", "--query", "bakery", "--query", "bars", "--zone", "Rive gauche", "--watch"];
    let (code, out, err) = world.says(&search);
    assert_eq!(code, 0, "{out} {err}");
    assert!(out.lines().next().unwrap().contains("type: scrap"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("done: 1 row"), "{out}");
    let (code, _, err) = world.says(&["job", "create", "scrap", "--query", "bakery", "--zone", "Nowhere"]);
    assert!(code == 1 && err.contains("zones.0") && err.contains("Unknown zone."), "{code} {err}");
    let (code, _, err) = world.says(&["job", "create", "scrap", "--query", "bakery"]);
    assert!(code == 2 && err.contains("--zone"), "{code} {err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_fails_and_what_is_none() {
    let world = World::start().await;
    let unreadable = json!({"source": "paste", "text": "\u{0}"});
    let graph = definition(&[("a\u{1b}[2J", "import", unreadable), ("b", "sort", json!({}))], &[("a\u{1b}[2J", "b")]);
    let (code, out, err) = world.says(&["pipeline", "run", &world.file("bad.json", &graph)]);
    assert_eq!((code, err.as_str()), (1, "outscout: the pipeline ended as failed\n"), "{out}");
    assert!(
        out.contains("(import): 0 %, failed, 0 rows: Import source could not be read: there is no row in it.\n"),
        "{out}"
    );
    assert!(out.contains("b (sort): 0 %, skipped, 0 rows\n") && out.ends_with("\nfailed\n"), "{out}");
    assert!(!out.contains('\u{1b}'), "nothing that moves a cursor");
    // everything that is wrong with a definition, field by field
    let wrong = json!({
        "nodes": [{"id": "a", "type": "sort", "config": {"sort_by": "x"}}, {"id": "a", "type": "nothing"}], "edges": [],
    });
    let (code, out, err) = world.says(&["pipeline", "run", &world.file("wrong.json", &wrong), "--name", ""]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    for line in [
        "outscout: Validation failed.",
        "  name: Must have 1 to 120 characters.",
        "  definition.nodes.0: This block needs an input.",
        "  definition.nodes.0.config.sort_by: Must be one of: completeness, note, nb_avis, email_quality.",
        "  definition.nodes.1.id: Duplicate node id.",
        "  definition.nodes.1.type: Unknown block type.",
    ] {
        assert!(err.lines().any(|known| known == line), "{line} is not in {err}");
    }
    for (name, value) in [("list.json", json!([])), ("other.json", json!({"name": "A"}))] {
        let (code, out, err) = world.says(&["pipeline", "run", &world.file(name, &value)]);
        assert!(code == 2 && out.is_empty() && err.contains(name), "{code} {err}");
    }
    assert_eq!(world.says(&["pipeline", "run", "nowhere.json"]).0, 2);
    assert_eq!(world.says(&["pipeline", "run"]).0, 2);
    let mut stranger = world.command(&["pipeline", "run", &world.file("chain.json", &chain(9))]);
    let (code, _, err) = said(stranger.env("OUTSCOUT_OUTSEND_KEY", "osk_x").output().unwrap());
    let told = err.strip_prefix("outscout: Authentication required: ").unwrap_or_default();
    assert!(code == 1 && told.contains("does not take this key; --key and OUTSCOUT_OUTSEND_KEY name one"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_monitor_s_commands_refuse() {
    let world = World::start().await;
    for wrong in [
        &["create", "--name", "A", "--every", "7"][..],
        &["create", "--name", "A", "--every", "7", "--job", "x", "--pipeline", "y"],
        &["create", "--name", "A", "--pipeline", "x"],
        &["create", "--name", "A", "--pipeline", "x", "--every", "0"],
        &["create", "--name", "A", "--pipeline", "x", "--every", "366"],
        &["create", "--pipeline", "x", "--every", "7"],
        &["signals"],
        &["signals", "x"],
        &["signals", "0"],
        &["signals", "1", "--run", "x"],
        &["signals", "1", "--bucket", "gone"],
        &["signals", "1", "--type", "rating"],
        &["signals", "1", "--min-score", "101"],
        &["signals", "1", "--format", "ods"],
    ] {
        let (code, out, _) = world.says(&[&["veille"], wrong].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{wrong:?}");
    }
    assert!(std::fs::read_dir(world.path(".")).unwrap().all(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        !name.starts_with("veille")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_from_its_creation_to_a_file_of_signals() {
    let world = World::start().await;
    let source = Receiver::start().await.unwrap();
    let [before, after] = before_and_after();
    source.serves(&before);
    let graph = definition(&[("in", "import", json!({"source": "url", "url": source.url()}))], &[]);
    let (code, out, err) = world.says(&["pipeline", "run", &world.file("url.json", &graph), "--json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let made: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let pipeline = made["id"].as_str().unwrap();
    let (code, out, err) =
        world.says(&["veille", "create", "--name", "Dentists", "--pipeline", pipeline, "--every", "1"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told = format!("id: 1  name: Dentists  status: active  source: {pipeline}  days: 1  next: ");
    assert!(out.starts_with(&told) && out.ends_with("  last: null  runs: 0\n"), "{out}");
    let none = (3, String::new(), "outscout: no run of monitor 1 is done\n".to_owned());
    assert_eq!(world.says(&["veille", "signals", "1"]), none);
    assert_eq!(
        world.says(&["veille", "signals", "2"]),
        (3, String::new(), "outscout: Monitor not found.\n".to_owned())
    );
    let (code, _, err) = world.says(&["veille", "create", "--name", "A", "--pipeline", pipeline, "--every", "1"]);
    assert_eq!((code, err.as_str()), (1, "outscout: Validation failed.\n  name: Must have 2 to 200 characters.\n"));

    source.serves(&after);
    let control = async |path: &str, body: &str| {
        let answer = http::control(&world.server.control, "POST", path, body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    control("/_local/clock", &json!({"advance_seconds": 86_401}).to_string()).await;
    control("/_local/schedules/background-veille", "").await;
    let listed = || -> Value { serde_json::from_str(&world.says(&["veille", "list", "--json"]).1).unwrap() };
    for _ in 0..300 {
        if listed()["run_count"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (code, out, err) = world.says(&["veille", "signals", "1"]);
    assert!(code == 0 && out.starts_with("file: veille_1_run_1.csv  bytes: "), "{out}{err}");
    let text = std::fs::read_to_string(world.path("veille_1_run_1.csv")).unwrap();
    assert_eq!((text.lines().count(), text.lines().nth(1).unwrap().split(';').nth(1)), (4, Some("rating_drop")));
    let narrow = ["--bucket", "all", "--type", "closed", "--type", "new", "--min-score", "60", "--run", "1"];
    let (code, out, _) =
        world.says(&[&["veille", "signals", "1", "--format", "json", "-o", "-"], &narrow[..]].concat());
    let signals: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, signals.as_array().unwrap().len(), &signals[0]["type"]), (0, 1, &json!("closed")));
    let (code, _, err) = world.says(&["veille", "signals", "1", "--run", "2"]);
    assert_eq!((code, err.as_str()), (3, "outscout: Run not found.\n"));
}
