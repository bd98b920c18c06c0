//! What is asked of a service.

use std::time::Duration;

use url::Url;

/// Most bytes of a service's answer.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A request to a service that the configuration names. Its answer is JSON.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Where.
    pub url: &'a Url,
    /// The form that is posted, URL-encoded; `None` of a GET.
    pub form: Option<&'a str>,
    /// How long it may take.
    pub within: Duration,
    /// Most bytes of the answer.
    pub most: usize,
}

impl<'a> Call<'a> {
    /// A GET.
    #[must_use]
    pub const fn get(url: &'a Url, within: Duration) -> Self {
        Self { url, form: None, within, most: MAX_BYTES }
    }
}
