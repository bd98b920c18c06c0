//! Lists of entity tags, as `If-Match` and `If-None-Match` have them (outset 13.3).

/// The tags of a header; `None` for `*`, which every tag agrees with.
#[must_use]
pub fn listed(header: &str) -> Option<Vec<&str>> {
    if header.trim() == "*" {
        return None;
    }
    Some(header.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_stars() {
        assert_eq!(listed("\"a\" , ,W/\"b\""), Some(vec!["\"a\"", "W/\"b\""]));
        assert_eq!(listed(""), Some(Vec::new()));
        assert_eq!(listed(" * "), None);
    }
}
