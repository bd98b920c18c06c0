//! One entry of the envelope's list (outset 4.1).

/// What is wrong with one member, or with the request when `field` is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The member.
    pub field: Option<&'static str>,
    /// What clients key on.
    pub code: &'static str,
    /// The text.
    pub detail: String,
}

impl FieldError {
    /// An error of a member.
    #[must_use]
    pub fn of(field: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field), code, detail: detail.into() }
    }
}
