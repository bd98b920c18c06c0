//! The APIs' own documents as they are served: the golden ones of `openapi/`, with the server that was asked (outset 11,
//! outsend 2.6, openscouter 2.12).

use serde_json::Value;

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

/// JSON without the blanks between its tokens. A large document is mostly those.
#[must_use]
pub fn compact(json: &str) -> String {
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
        }
    }
}
