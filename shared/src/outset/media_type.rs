//! Media types as Django REST framework reads them, in `Accept` and in `Content-Type` (outset 9, 10.2).

/// A media type or range with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    main: String,
    sub: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads any text; one without a slash has an empty second half.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = parts(text).into_iter();
        let full = parts.next().unwrap_or_default();
        // before parameters Python ends the type at an equals sign
        let full = if full.len() < text.len() { full.split('=').next().unwrap_or_default() } else { full };
        let full = full.trim().to_lowercase();
        let (main, sub) = full.split_once('/').unwrap_or((&full, ""));
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim().to_lowercase();
            (!name.is_empty()).then(|| (name, unquote(value.trim())))
        });
        Self { main: main.to_owned(), sub: sub.to_owned(), parameters: parameters.collect() }
    }

    /// The last value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether this range covers a plain `type/subtype`.
    #[must_use]
    pub fn covers(&self, media: &str) -> bool {
        let (main, sub) = media.split_once('/').unwrap_or((media, ""));
        (self.main == "*" || self.main == main) && (self.sub == "*" || self.sub == sub)
    }

    /// How specific a range is, 0 to 3: `*/*`, `type/*`, `type/subtype`, one with parameters besides `q`.
    #[must_use]
    pub fn precedence(&self) -> u8 {
        if self.main == "*" {
            0
        } else if self.sub == "*" {
            1
        } else if self.parameters.iter().all(|(name, _)| name == "q") {
            2
        } else {
            3
        }
    }
}

/// The text between semicolons; those inside quotes do not separate.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ';' if !quoted => {
                parts.push(text.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
        escaped = c == '\\';
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\\", "\\").replace("\\\"", "\""),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_as_python_reads_them() {
        let indent = |text| MediaType::parse(text).parameter("indent").map(str::to_owned);
        for four in ["a/b; indent=4", "a/b;INDENT=\"4\"", "a/b; x=\"y;z\"; indent= 4 ", "a/b; indent=3; indent=4"] {
            assert_eq!(indent(four).as_deref(), Some("4"), "{four}");
        }
        assert_eq!(indent("a/b;indent").as_deref(), Some(""));
        assert_eq!(indent("a/b; x=\"; indent=4"), None);
    }

    #[test]
    fn how_specific_a_range_is() {
        let all = ["*/*", "*/json;v=1", "a/*", "a/b", "a/b;q=0.1", "a/b;v=1", "a/b;q=1;v=1", "*", "nonsense"];
        let precedences = all.map(|text| MediaType::parse(text).precedence());
        assert_eq!(precedences, [0, 0, 1, 2, 2, 3, 3, 0, 2]);
    }
}
