//! The APIs' own documents as they are served: the golden ones of `openapi/`, with the server that was asked (outset 11,
//! outsend 2.6, openscouter 2.12).

use serde_json::Value;

use crate::http::Response;

/// What stands before and after the servers of the golden documents, which are those of `outscout serve`.
const AROUND_SERVERS_YAML: (&str, &str) = ("\nservers:\n", "\ntags:\n");
const AROUND_SERVERS_JSON: (&str, &str) = ("\n    \"servers\": [\n", "\n    ],\n    \"tags\": [\n");

/// A golden document, YAML or JSON, with one server in place of its own: the base URL that was asked.
#[must_use]
pub fn with_server(text: &str, base: &str) -> String {
    let json = text.starts_with('{');
    let (open, close, server) = if json {
        let (open, close) = AROUND_SERVERS_JSON;
        (open, close, format!("        {{\n            \"url\": {}\n        }}", Value::from(base)))
    } else {
        let (open, close) = AROUND_SERVERS_YAML;
        (open, close, format!("- url: {base}"))
    };
    let parts = text.split_once(open).and_then(|(before, rest)| Some((before, rest.split_once(close)?.1)));
    let text = parts.map_or_else(|| text.to_owned(), |(before, after)| format!("{before}{open}{server}{close}{after}"));
    if json { text.trim_end().to_owned() } else { text }
}

/// A document that is served without blanks: what stands before and after the URL of its one server.
#[derive(Debug)]
pub struct Compact(String, String);

impl Compact {
    /// A golden document, JSON. It is gone through once in a process.
    #[must_use]
    pub fn new(golden: &str) -> Self {
        // no document holds this text
        const URL: &str = "{the URL of the server}";
        let text = compact(&with_server(golden, URL));
        let quoted = Value::from(URL).to_string();
        let (before, after) = text.split_once(&quoted).unwrap_or((&text, ""));
        Self(before.to_owned(), after.to_owned())
    }

    /// The answer with the document (outsend 2.6, openscouter 2.12), whose server is this base URL.
    #[must_use]
    pub fn answer(&self, base: &str) -> Response {
        let Self(before, after) = self;
        Response::empty(200)
            .header("Content-Type", "application/json")
            .header("Cache-Control", "public, max-age=300")
            .body(format!("{before}{}{after}", Value::from(base)))
    }
}

/// JSON without the blanks between its tokens. A large document is mostly those.
fn compact(json: &str) -> String {
    let (mut text, mut quoted, mut escaped) = (String::with_capacity(json.len() / 2), false, false);
    for letter in json.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            blank if !quoted && blank.is_ascii_whitespace() => continue,
            _ => {}
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [&str; 4] = [
        include_str!("../../openapi/outset.yaml"),
        include_str!("../../openapi/outset.json"),
        include_str!("../../openapi/outsend.json"),
        include_str!("../../openapi/openscouter.json"),
    ];

    #[test]
    fn the_server_is_the_callers_own() {
        for text in DOCUMENTS {
            let served = with_server(text, "https://their.own.test");
            assert!(text.contains("{origin}") && text.contains("http://localhost:400"));
            assert_eq!(served.matches("https://their.own.test").count(), 1);
            let (head, _) = served.split_at(served.find("tags").unwrap());
            assert!(!head.contains("{origin}") && !head.contains("localhost") && !head.contains("variables"));
        }
    }

    #[test]
    fn blanks_between_tokens_go_and_no_others() {
        let text = "{\n  \"a b\": [1, \"\\\" \\\\\"],\n  \"\\\\\": \" \u{e9} \"\n}\n";
        assert_eq!(compact(text), "{\"a b\":[1,\"\\\" \\\\\"],\"\\\\\":\" \u{e9} \"}");
        for text in DOCUMENTS.into_iter().filter(|text| text.starts_with('{')) {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(compact(text), value.to_string());
            let Compact(before, after) = Compact::new(text);
            assert!(before.ends_with("\"servers\":[{\"url\":") && after.starts_with("}],\"tags\":["));
        }
    }
}
