//! What is asked of a web server, and what comes of it (outsend 11.5).

use std::{borrow::Cow, time::Duration};

use url::Url;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A page in HTML; anything else is not read.
    Page,
    /// A `robots.txt`, whatever its type.
    Robots,
    /// The list of a site's pages, whatever its type.
    Sitemap,
    /// An image, whatever its server calls it.
    Image,
}

impl Wanted {
    /// Most bytes of a body, unpacked. Of a `robots.txt` 500 KiB count (RFC 9309).
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Page | Self::Sitemap => 2 * 1024 * 1024,
            Self::Robots => 500 * 1024,
            Self::Image => 5 * 1024 * 1024,
        }
    }
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Of what.
    pub url: &'a Url,
    /// For what.
    pub wanted: Wanted,
    /// How long it may take, from the look-up of the host's name to the last byte.
    pub within: Duration,
    /// The `ETag` that the page had last.
    pub etag: Option<&'a str>,
    /// The `Last-Modified` that the page had last.
    pub modified: Option<&'a str>,
}

/// An answer; only that with status 200 has a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, unpacked.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of a lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// `robots.txt` does not allow it.
    Robots,
    /// It leads inside, or to another scheme or port.
    Blocked,
    /// Its host does not exist.
    NoName,
    /// Its host has no address, or no name server answered.
    Dns,
    /// It took too long.
    Timeout,
    /// The certificate is none, or TLS failed.
    Tls,
    /// Nobody listens, or the answer cannot be read.
    Unreachable,
    /// The server said so; too many redirects have the last one's status.
    Status(u16),
    /// The page is larger than 2 MiB.
    TooLarge,
    /// It is no page.
    NotHtml,
}

impl Missed {
    /// Whether it is the server itself that is not there, or wants nothing to do with us, whatever was asked for.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::NoName | Self::Dns | Self::Tls | Self::Unreachable => true,
            Self::Status(status) => matches!(status, 401 | 403 | 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether a second try may find what the first did not.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Dns | Self::Timeout | Self::Unreachable => true,
            Self::Status(status) => status == 429 || status >= 500,
            _ => false,
        }
    }

    /// `fetch_status` (outsend 11.5).
    #[must_use]
    pub fn as_str(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Robots => "robots",
            Self::Blocked => "blocked_address",
            Self::NoName | Self::Dns => "dns",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Unreachable => "unreachable",
            Self::TooLarge => "too_large",
            Self::NotHtml => "not_html",
            Self::Status(status) => return Cow::Owned(format!("http_{status}")),
        })
    }
}
