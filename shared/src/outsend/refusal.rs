//! Why there is no job.

use super::{
    envelope::Problem,
    messages::{Detail, Fault},
};
use crate::{model::Locale, store::StoreError};

/// Why there is no job.
#[derive(Debug)]
pub enum Refusal {
    /// The rules of the API say so.
    Detail(Detail),
    /// Some options are wrong: their paths, and what is.
    Invalid(Vec<(String, Fault)>),
    /// The store failed.
    Store(StoreError),
}

impl From<Detail> for Refusal {
    fn from(detail: Detail) -> Self {
        Self::Detail(detail)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Detail(detail) => detail.into(),
            Refusal::Invalid(faults) => Self::Invalid(faults),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl Refusal {
    /// What is said of it where it is data, which is English (outsend 2.5).
    ///
    /// # Errors
    /// When it is the store that failed.
    pub fn text(self) -> Result<String, StoreError> {
        match self {
            Self::Detail(detail) => Ok(detail.text(Locale::En)),
            Self::Invalid(faults) => {
                let told = faults.iter().map(|(path, fault)| format!("{path}: {}", fault.text(Locale::En)));
                Ok(told.collect::<Vec<_>>().join(" "))
            }
            Self::Store(error) => Err(error),
        }
    }
}
