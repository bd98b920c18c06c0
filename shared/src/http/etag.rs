//! `If-Match` and `If-None-Match` (outset 13.3).

/// The tags of a header; `None` for `*`.
fn tags(header: &str) -> Option<Vec<&str>> {
    if header.trim() == "*" {
        return None;
    }
    Some(header.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect())
}

/// Whether `If-None-Match` names `tag`, weakly compared.
#[must_use]
pub fn if_none_match(header: &str, tag: &str) -> bool {
    tags(header).is_none_or(|tags| tags.iter().any(|known| known.strip_prefix("W/").unwrap_or(known) == tag))
}

/// Whether `If-Match` names `tag`, strongly compared.
#[must_use]
pub fn if_match(header: &str, tag: &str) -> bool {
    tags(header).is_none_or(|tags| tags.contains(&tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_tags_and_stars() {
        assert!(if_none_match("\"a\", W/\"b\"", "\"b\""));
        assert!(!if_match("\"a\", W/\"b\"", "\"b\""));
        assert!(if_match(" * ", "\"b\"") && if_none_match("*", "\"b\""));
        assert!(!if_match("\"0\"", "\"b\""));
    }
}
