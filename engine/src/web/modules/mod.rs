//! What each module finds on the pages of a site: pure functions from what was read to cells (outsend 12).

mod brand;
mod closed;
mod emails;
mod legal;
mod phones;
pub(super) mod signatures;
mod socials;
mod technology;

pub use emails::mail_addresses;

use super::enricher::Enricher;
use crate::Module;

/// The module's part here; `None` of one that reads no websites.
pub(super) const fn of(module: Module, deep: bool) -> Option<Enricher> {
    match module {
        Module::Emails if deep => Some(emails::DEEP),
        Module::Emails => Some(emails::ENRICHER),
        Module::Socials => Some(socials::ENRICHER),
        Module::DeadCheck => Some(closed::ENRICHER),
        Module::Techstack => Some(technology::STACK),
        Module::AdsIntelligence => Some(technology::ADS),
        Module::BrandAssets => Some(brand::BRAND),
        Module::LegalIds => Some(legal::IDS),
        Module::LegalMentions => Some(legal::MENTIONS),
        Module::PhonesExtra => Some(phones::ENRICHER),
        _ => None,
    }
}
