//! The services that are configured (outsend 18.3).

use engine_types::{Seed, places::OVERPASS};
use secrecy::SecretString;

/// The public search for companies (outsend 12.12).
pub const COMPANIES: &str = "https://recherche-entreprises.api.gouv.fr";

/// PageSpeed Insights (outsend 12.15).
pub const PAGESPEED: &str = "https://pagespeedonline.googleapis.com/pagespeedonline/v5/runPagespeed";

/// Where services are (outsend 18.3). `None` means that there is none.
#[derive(Clone, Debug)]
pub struct Services {
    /// `RECHERCHE_ENTREPRISES_URL`: the search for companies.
    pub companies: String,
    /// `BODACC_URL`: the records of announcements about companies.
    pub bodacc: Option<String>,
    /// `PAGESPEED_URL`: what audits pages.
    pub pagespeed: String,
    /// `PAGESPEED_API_KEY`: what it is asked with.
    pub pagespeed_key: Option<SecretString>,
    /// `REVIEWS_SOURCE_URL`: what knows reviews of listings.
    pub reviews: Option<String>,
    /// `OVERPASS_URL`: what knows places.
    pub overpass: String,
    /// `RDAP_URL`: what knows the states of domains.
    pub rdap: Option<String>,
    /// `SCREENSHOT_URL`: what takes pictures of pages.
    pub screenshot: Option<String>,
    /// `SEED_MAILBOXES`: the mailboxes that placement checks look into.
    pub seeds: Vec<Seed>,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            companies: COMPANIES.to_owned(),
            bodacc: None,
            pagespeed: PAGESPEED.to_owned(),
            pagespeed_key: None,
            overpass: OVERPASS.to_owned(),
            reviews: None,
            rdap: None,
            screenshot: None,
            seeds: Vec::new(),
        }
    }
}
