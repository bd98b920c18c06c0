//! What is kept of a page's source.

/// Most of each that is kept of a page.
pub(super) const MAX_LINKS: usize = 3_000;
pub(super) const MAX_TEXT: usize = 512 * 1024;
pub(super) const MAX_TAGS: usize = 1_000;
pub(super) const MAX_JSON: usize = 256 * 1024;

/// What a page's source holds.
#[derive(Debug, Default)]
pub struct Parts {
    /// `<title>`.
    pub title: String,
    /// What a reader sees: white space is one blank, each block begins a line.
    pub text: String,
    /// Anchors, areas and frames with an address, in document order.
    pub links: Vec<Link>,
    /// `name` or `property`, in lower case, and `content` of `<meta>`.
    pub metas: Vec<(String, String)>,
    /// `src` of scripts.
    pub scripts: Vec<String>,
    /// `href` of `<link>`.
    pub linked: Vec<String>,
    /// `rel`, in lower case, and `href` of the `<link>` that name an icon.
    pub icons: Vec<(String, String)>,
    /// Images with an address, in document order.
    pub images: Vec<Image>,
    /// `application/ld+json`, as it is.
    pub json: Vec<String>,
    /// `data-cfemail`: addresses that Cloudflare wrote down in its own way.
    pub hidden: Vec<String>,
    /// `<base href>`.
    pub base: Option<String>,
}

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its address, as it is written.
    pub href: String,
    /// What it says.
    pub text: String,
    /// Whether it is a frame, which a browser shows without being asked.
    pub frame: bool,
    /// Where in the page's text it begins.
    pub at: usize,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its address, as it is written.
    pub src: String,
    /// What names it: address, alternative text, class and id.
    pub label: String,
    /// Whether it stands in a header or a navigation.
    pub header: bool,
    /// Where the link leads that it is in.
    pub link: Option<String>,
}
