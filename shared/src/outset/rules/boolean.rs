//! Booleans as Django REST framework reads them (outset 10.4).

use super::json::Json;

/// Why a value is no boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooleanError {
    /// `null`.
    Null,
    /// Anything else.
    Invalid,
}

/// Reads a JSON value.
///
/// # Errors
/// As [`BooleanError`].
pub fn coerce(value: &Json) -> Result<bool, BooleanError> {
    match value {
        Json::Null => Err(BooleanError::Null),
        Json::Bool(value) => Ok(*value),
        Json::Number(text) => match text.parse::<f64>() {
            Ok(number) if number == 1.0 && is_exact(text, "1") => Ok(true),
            Ok(0.0) => Ok(false),
            _ => Err(BooleanError::Invalid),
        },
        Json::Text(text) => text.as_str().and_then(|text| coerce_text(&text)).ok_or(BooleanError::Invalid),
        Json::Array(_) | Json::Object(_) => Err(BooleanError::Invalid),
    }
}

/// Integers are compared exactly, numbers with a fraction or an exponent as floats.
fn is_exact(text: &str, integer: &str) -> bool {
    text.contains(['.', 'e', 'E']) || text == integer
}

/// Reads one of the spellings.
#[must_use]
pub fn coerce_text(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "y" | "yes" | "true" | "on" | "1" => Some(true),
        "f" | "n" | "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::json::parse, *};

    #[test]
    fn the_contract_table() {
        for yes in ["true", "1", "1.0", "\"t\"", "\"YeS\"", "\"on\"", "\"1\""] {
            assert_eq!(coerce(&parse(yes).unwrap()), Ok(true), "{yes}");
        }
        for no in ["false", "0", "0.0", "-0.0", "\"N\"", "\"off\"", "\"0\""] {
            assert_eq!(coerce(&parse(no).unwrap()), Ok(false), "{no}");
        }
        for bad in ["\"\"", "\" \"", "\"null\"", "\" true\"", "2", "-1", "0.5", "\"1.0\"", "[]", "{}", "1e400"] {
            assert_eq!(coerce(&parse(bad).unwrap()), Err(BooleanError::Invalid), "{bad}");
        }
        assert_eq!(coerce(&Json::Null), Err(BooleanError::Null));
    }
}
