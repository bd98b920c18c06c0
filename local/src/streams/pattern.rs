//! Event filter patterns, as Lambda's event source mappings read them.

use serde_json::{Map, Value};

/// Why a pattern cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not JSON.
    #[error("filter pattern is not a JSON object")]
    Json,
    /// A field without a list or an object.
    #[error("filter pattern: {0} is neither a list nor an object")]
    Field(String),
    /// An operator that is not known, or has not the operand that it needs.
    #[error("filter pattern: {0} cannot be read")]
    Operator(String),
}

/// A pattern that records are tested with.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<(String, Rule)>);

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// The field is an object that matches.
    Inside(Pattern),
    /// One of these holds for the field.
    AnyOf(Vec<Test>),
    /// One of these patterns matches the object that holds the rule.
    Or(Vec<Pattern>),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    AnythingBut(Vec<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Pattern {
    /// Reads a pattern's JSON.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let value: Value = serde_json::from_str(text).map_err(|_| PatternError::Json)?;
        Self::read(value.as_object().ok_or(PatternError::Json)?)
    }

    /// Whether `event` matches.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, rule)| {
            let field = event.get(name);
            match rule {
                Rule::Inside(pattern) => pattern.matches(field.unwrap_or(&Value::Null)),
                Rule::AnyOf(tests) => tests.iter().any(|test| test.holds(field)),
                Rule::Or(patterns) => patterns.iter().any(|pattern| pattern.matches(event)),
            }
        })
    }

    fn read(fields: &Map<String, Value>) -> Result<Self, PatternError> {
        let rule = |(name, value): (&String, &Value)| {
            let rule = match value {
                Value::Object(inner) => Rule::Inside(Self::read(inner)?),
                Value::Array(patterns) if name == "$or" => {
                    let patterns =
                        patterns.iter().map(|pattern| Self::read(pattern.as_object().ok_or(PatternError::Json)?));
                    Rule::Or(patterns.collect::<Result<_, _>>()?)
                }
                Value::Array(tests) => Rule::AnyOf(tests.iter().map(Test::read).collect::<Result<_, _>>()?),
                _ => return Err(PatternError::Field(name.clone())),
            };
            Ok((name.clone(), rule))
        };
        fields.iter().map(rule).collect::<Result<_, _>>().map(Self)
    }
}

impl Test {
    fn read(value: &Value) -> Result<Self, PatternError> {
        let Value::Object(operation) = value else { return Ok(Self::Equals(value.clone())) };
        let unreadable = || PatternError::Operator(value.to_string());
        let mut members = operation.iter();
        let (Some((operator, operand)), None) = (members.next(), members.next()) else { return Err(unreadable()) };
        let text = || operand.as_str().map(str::to_owned).ok_or_else(unreadable);
        match operator.as_str() {
            "prefix" => text().map(Self::Prefix),
            "suffix" => text().map(Self::Suffix),
            "equals-ignore-case" => text().map(|text| Self::EqualsIgnoreCase(text.to_lowercase())),
            "exists" => operand.as_bool().map(Self::Exists).ok_or_else(unreadable),
            "numeric" => numeric(operand).map(Self::Numeric).ok_or_else(unreadable),
            "anything-but" => {
                let one = std::slice::from_ref(operand);
                let values = operand.as_array().map_or(one, Vec::as_slice);
                values.iter().map(Self::read).collect::<Result<_, _>>().map(Self::AnythingBut)
            }
            _ => Err(unreadable()),
        }
    }

    /// Whether the test holds for a field; a list holds what one of its members holds.
    fn holds(&self, field: Option<&Value>) -> bool {
        match (self, field) {
            // `exists` looks at values, not at the objects between them
            (Self::Exists(wanted), field) => *wanted == field.is_some_and(|field| !field.is_object()),
            (_, None) => false,
            (_, Some(Value::Array(values))) => values.iter().any(|value| self.holds_for(value)),
            (_, Some(value)) => self.holds_for(value),
        }
    }

    fn holds_for(&self, value: &Value) -> bool {
        match self {
            Self::Equals(expected) => same(expected, value),
            Self::EqualsIgnoreCase(expected) => value.as_str().is_some_and(|text| text.to_lowercase() == *expected),
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::Numeric(comparisons) => value
                .as_f64()
                .is_some_and(|number| comparisons.iter().all(|(comparison, bound)| comparison.holds(number, *bound))),
            Self::AnythingBut(tests) => !value.is_object() && !tests.iter().any(|test| test.holds_for(value)),
            Self::Exists(wanted) => *wanted,
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Equal => number.total_cmp(&bound).is_eq(),
            Self::AtLeast => number >= bound,
            Self::More => number > bound,
        }
    }
}

/// Numbers are equal by value, everything else by form.
fn same(expected: &Value, value: &Value) -> bool {
    match (expected.as_f64(), value.as_f64()) {
        (Some(expected), Some(value)) => expected.total_cmp(&value).is_eq(),
        _ => expected == value,
    }
}

fn numeric(operand: &Value) -> Option<Vec<(Comparison, f64)>> {
    let parts = operand.as_array().filter(|parts| !parts.is_empty() && parts.len() % 2 == 0)?;
    let pair = |pair: &[Value]| {
        let [operator, bound] = pair else { return None };
        let comparison = match operator.as_str()? {
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            "=" => Comparison::Equal,
            ">=" => Comparison::AtLeast,
            ">" => Comparison::More,
            _ => return None,
        };
        Some((comparison, bound.as_f64()?))
    };
    parts.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_match_as_lambda_matches_them() {
        let event = json!({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "WORK#1"}}, "SizeBytes": 12, "tags": ["a", "b"]}});
        for (pattern, expected) in [
            (json!({"eventName": ["INSERT", "MODIFY"]}), true),
            (json!({"eventName": ["REMOVE"]}), false),
            (json!({"eventName": [{"equals-ignore-case": "insert"}]}), true),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "WORK#"}]}}}}), true),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#2"}]}}}}), false),
            (json!({"dynamodb": {"NewImage": {"due": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"exists": true}]}}}}), true),
            (json!({"dynamodb": {"Keys": {"pk": [{"exists": true}]}}}), false),
            (json!({"dynamodb": {"SizeBytes": [{"numeric": [">", 10, "<=", 12]}]}}), true),
            (json!({"dynamodb": {"SizeBytes": [{"numeric": ["=", 13]}]}}), false),
            (json!({"dynamodb": {"SizeBytes": [12.0]}}), true),
            (json!({"dynamodb": {"tags": ["b"]}}), true),
            (json!({"eventName": [{"anything-but": "INSERT"}]}), false),
            (json!({"eventName": [{"anything-but": ["REMOVE", "MODIFY"]}]}), true),
            (json!({"eventName": [{"anything-but": {"prefix": "INS"}}]}), false),
            (json!({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"tags": ["a"]}}]}), true),
            (json!({"eventName": ["INSERT"], "missing": ["x"]}), false),
            (json!({}), true),
        ] {
            let read = Pattern::parse(&pattern.to_string()).unwrap();
            assert_eq!(read.matches(&event), expected, "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (pattern, expected) in [
            ("[]", PatternError::Json),
            ("{\"a\":1}", PatternError::Field("a".to_owned())),
            ("{\"a\":[{\"like\":\"x\"}]}", PatternError::Operator("{\"like\":\"x\"}".to_owned())),
            ("{\"a\":[{\"numeric\":[\">\"]}]}", PatternError::Operator("{\"numeric\":[\">\"]}".to_owned())),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap_err(), expected, "{pattern}");
        }
    }
}
