//! Strings of a JSON document, which may hold lone surrogates (outset 10.2).

/// A string as its code points; lone surrogates are among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u32>);

impl Text {
    /// The string, unless it holds a lone surrogate.
    #[must_use]
    pub fn as_str(&self) -> Option<String> {
        self.0.iter().map(|code| char::from_u32(*code)).collect()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.chars().map(u32::from).collect())
    }
}
