//! How many values a JSON text has, before any of them is made.

/// The number of values in a JSON text: its scalars, arrays and objects, at every depth, without the names of members.
/// A parsed value takes some hundred bytes, whatever its text takes: two bytes are enough for a number of an array. So
/// a body's values are counted before it is parsed (outsend 2.1, openscouter 2.1). Of what is no JSON the number says
/// nothing; it is found in linear time, and takes no memory.
#[must_use]
pub fn count_values(text: &[u8]) -> usize {
    let (mut values, mut names, mut at, mut scalar) = (0_usize, 0_usize, 0, false);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                values += 1;
                scalar = false;
                at = end_of_string(text, at);
            }
            b'[' | b'{' => {
                values += 1;
                scalar = false;
            }
            b':' => {
                names += 1;
                scalar = false;
            }
            b']' | b'}' | b',' | b' ' | b'\t' | b'\r' | b'\n' => scalar = false,
            _ => {
                values += usize::from(!scalar);
                scalar = true;
            }
        }
    }
    values.saturating_sub(names)
}

/// Where the text goes on behind the string that has begun before `from`.
fn end_of_string(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_names_are_not() {
        for (text, values) in [
            ("", 0),
            (" 1 ", 1),
            ("[]", 1),
            ("[[],[]]", 3),
            ("{\"a\":1,\"b\":[true,null]}", 5),
            ("[\"a\\\"[,\\\\\",-1.5e+3]", 3),
            ("{\"a:{\":\"b,[\"}", 2),
            ("\"", 1),
            ("\"\\", 1),
        ] {
            assert_eq!(count_values(text.as_bytes()), values, "{text}");
        }
    }

    fn count(value: &serde_json::Value) -> usize {
        1 + match value {
            serde_json::Value::Array(values) => values.iter().map(count).sum(),
            serde_json::Value::Object(members) => members.values().map(count).sum(),
            _ => 0,
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_counted(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+ -]{0,40}") {
            let counted = count_values(text.as_bytes());
            if let Ok(value) = serde_json::from_str(&text) {
                // of members with one name the last one is left
                proptest::prop_assert!(counted >= count(&value), "{}", text);
            }
        }
    }
}
