//! Booleans as Django REST framework reads them (outset 8.5, 10.4).

/// Reads one of the spellings of a boolean.
#[must_use]
pub fn read(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "y" | "yes" | "true" | "on" | "1" => Some(true),
        "f" | "n" | "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for yes in ["t", "YeS", "on", "1"] {
            assert_eq!(read(yes), Some(true), "{yes}");
        }
        for no in ["N", "off", "0"] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for bad in ["", " ", "null", " true", "1.0"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
