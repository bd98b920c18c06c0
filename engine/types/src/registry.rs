//! The modules (outsend 12.0, 13): one table that the registry, the planner and the lanes read.

use serde_json::{Map, Value};

/// A module; also a job's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// `scrap`
    Scrap,
    /// `import`
    Import,
    /// `reviews`
    Reviews,
    /// `emails`
    Emails,
    /// `verify_emails`
    VerifyEmails,
    /// `socials`
    Socials,
    /// `dead_check`
    DeadCheck,
    /// `techstack`
    Techstack,
    /// `ads_intelligence`
    AdsIntelligence,
    /// `brand_assets`
    BrandAssets,
    /// `legal_ids`
    LegalIds,
    /// `legal_data`
    LegalData,
    /// `legal_mentions`
    LegalMentions,
    /// `phones_extra`
    PhonesExtra,
    /// `pagespeed`
    Pagespeed,
    /// `delivery_check`
    DeliveryCheck,
    /// `sort`
    Sort,
    /// `filter`
    Filter,
}

/// Of the modules that need it, those that the configuration makes available (outsend 13, 18.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// `pagespeed`: there is a key for it.
    pub pagespeed: bool,
    /// `reviews`: there is a source of them.
    pub reviews: bool,
    /// `delivery_check`: there are mailboxes for it.
    pub delivery_check: bool,
}

/// Which queue a module's jobs wait in (outsend 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Modules that visit other people's sites, one job at a time.
    Serial,
    /// Cheap ones, several at a time.
    Parallel,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Serial, Self::Parallel];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Parallel => "parallel",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text)
    }
}

/// What the registry says of a module (outsend 13).
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The module.
    pub module: Module,
    /// `slug`, which is also the job type.
    pub slug: &'static str,
    /// A hint where it belongs.
    pub category: &'static str,
    /// Its name in French and in English.
    pub label: (&'static str, &'static str),
    /// What it needs.
    pub needs: &'static [&'static str],
    /// What it adds.
    pub produces: &'static [&'static str],
    /// The exact path that creates it.
    pub api_endpoint: &'static str,
    /// What progress and results count.
    pub units: (&'static str, &'static str),
    /// Where its jobs wait.
    pub lane: Lane,
    /// Planned requests of an item (outsend 12.0).
    pub weight: u64,
    /// The column without which a row is dropped.
    pub column: Option<&'static str>,
}

/// All modules, in the order of outsend 12.0.
pub const MODULES: [Entry; 18] = [
    Entry {
        module: Module::Scrap,
        slug: "scrap",
        category: "sources",
        label: ("Recherche de lieux", "Find places"),
        needs: &[],
        produces: &["poi_list"],
        api_endpoint: "/api/jobs/scrap",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: None,
    },
    Entry {
        module: Module::Import,
        slug: "import",
        category: "sources",
        label: ("Import CSV", "CSV import"),
        needs: &[],
        produces: &["poi_list"],
        api_endpoint: "/api/pipelines",
        units: ("items", "rows"),
        lane: Lane::Parallel,
        weight: 0,
        column: None,
    },
    Entry {
        module: Module::Reviews,
        slug: "reviews",
        category: "sources",
        label: ("Avis", "Reviews"),
        needs: &["lien_google_maps"],
        produces: &["reviews"],
        api_endpoint: "/api/jobs/reviews",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("lien_google_maps"),
    },
    Entry {
        module: Module::Emails,
        slug: "emails",
        category: "enrich",
        label: ("E-mails", "Emails"),
        needs: &["poi_list"],
        produces: &["enriched_list"],
        api_endpoint: "/api/jobs/emails",
        units: ("sites", "emails"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::VerifyEmails,
        slug: "verify_emails",
        category: "tools",
        label: ("Vérification d'e-mails", "Email verification"),
        needs: &["email"],
        produces: &["status", "category", "reason", "suggested_fix", "smtp_code", "catch_all"],
        api_endpoint: "/api/jobs/verify-emails",
        units: ("items", "rows"),
        lane: Lane::Parallel,
        weight: 0,
        column: Some("email"),
    },
    Entry {
        module: Module::Socials,
        slug: "socials",
        category: "enrich",
        label: ("Réseaux sociaux", "Social profiles"),
        needs: &["site_web"],
        produces: &[
            "social_facebook",
            "social_instagram",
            "social_linkedin",
            "social_twitter",
            "social_tiktok",
            "social_youtube",
        ],
        api_endpoint: "/api/jobs/socials",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::DeadCheck,
        slug: "dead_check",
        category: "signals",
        label: ("Fermetures", "Closed check"),
        needs: &["site_web"],
        produces: &["site_alive"],
        api_endpoint: "/api/jobs/dead-check",
        units: ("sites", "sites"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::Techstack,
        slug: "techstack",
        category: "signals",
        label: ("Technologies", "Tech stack"),
        needs: &["site_web"],
        produces: &["tech_cms", "tech_analytics", "tech_ads_pixels"],
        api_endpoint: "/api/jobs/techstack",
        units: ("sites", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::AdsIntelligence,
        slug: "ads_intelligence",
        category: "signals",
        label: ("Profil publicitaire", "Ads profile"),
        needs: &["site_web"],
        produces: &[
            "ads_score",
            "ads_active",
            "ads_networks",
            "pixel_meta",
            "pixel_google_ads",
            "cmp_vendor",
            "retargeting",
            "crm_marketing",
            "chat_widgets",
        ],
        api_endpoint: "/api/jobs/ads-intelligence",
        units: ("sites", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::BrandAssets,
        slug: "brand_assets",
        category: "enrich",
        label: ("Identité visuelle", "Brand assets"),
        needs: &["site_web"],
        produces: &["logo_url", "favicon_url", "brand_color", "brand_palette"],
        api_endpoint: "/api/jobs/brand-assets",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::LegalIds,
        slug: "legal_ids",
        category: "enrich",
        label: ("Identifiants légaux", "Business IDs"),
        needs: &["site_web"],
        produces: &["siren", "siret", "legal_ids_url"],
        api_endpoint: "/api/jobs/legal-ids",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::LegalData,
        slug: "legal_data",
        category: "enrich",
        label: ("Données légales", "French legal data"),
        needs: &["nom"],
        produces: &["siren", "siret", "dirigeants", "code_naf", "statut_lead", "bodacc_procedure_collective"],
        api_endpoint: "/api/jobs/legal-data",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("nom"),
    },
    Entry {
        module: Module::LegalMentions,
        slug: "legal_mentions",
        category: "enrich",
        label: ("Mentions légales", "Legal notices"),
        needs: &["site_web"],
        produces: &[
            "raison_sociale",
            "forme_juridique",
            "capital_social",
            "rcs",
            "adresse_postale",
            "dirigeant",
            "tva_intracom",
        ],
        api_endpoint: "/api/jobs/legal-mentions",
        units: ("items", "rows"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::PhonesExtra,
        slug: "phones_extra",
        category: "enrich",
        label: ("Téléphones", "Extra phones"),
        needs: &["site_web"],
        produces: &["phone_secondary", "mobile", "fax"],
        api_endpoint: "/api/jobs/phones-extra",
        units: ("sites", "numéros"),
        lane: Lane::Serial,
        weight: 1,
        column: Some("site_web"),
    },
    Entry {
        module: Module::Pagespeed,
        slug: "pagespeed",
        category: "signals",
        label: ("Performance", "PageSpeed"),
        needs: &["site_web"],
        produces: &["perf_score", "accessibility_score", "seo_score", "best_practices_score", "lcp", "cls", "inp"],
        api_endpoint: "/api/jobs/pagespeed",
        units: ("sites", "audits"),
        lane: Lane::Serial,
        weight: 1,
        column: None,
    },
    Entry {
        module: Module::DeliveryCheck,
        slug: "delivery_check",
        category: "outreach",
        label: ("Placement en boîte", "Inbox placement"),
        needs: &[],
        produces: &["status", "placement"],
        api_endpoint: "/api/jobs/delivery-check",
        units: ("items", "rows"),
        lane: Lane::Parallel,
        weight: 0,
        column: None,
    },
    Entry {
        module: Module::Sort,
        slug: "sort",
        category: "tools",
        label: ("Tri", "Sort"),
        needs: &["poi_list"],
        produces: &["poi_list"],
        api_endpoint: "/api/pipelines",
        units: ("items", "rows"),
        lane: Lane::Parallel,
        weight: 0,
        column: None,
    },
    Entry {
        module: Module::Filter,
        slug: "filter",
        category: "tools",
        label: ("Filtre", "Filter"),
        needs: &["poi_list"],
        produces: &["poi_list"],
        api_endpoint: "/api/pipelines",
        units: ("items", "rows"),
        lane: Lane::Parallel,
        weight: 0,
        column: None,
    },
];

impl Module {
    /// What the registry says of it.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        // every module is in the table, at the index of its variant
        MODULES.get(self as usize).unwrap_or(&MODULES[0])
    }

    /// The slug, `verify_emails`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().slug
    }

    /// Reads a slug.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        MODULES.iter().find(|entry| entry.slug == text).map(|entry| entry.module)
    }

    /// Reads a slug in either spelling, `verify-emails` or `verify_emails` (outsend 8.3).
    #[must_use]
    pub fn parse_either(text: &str) -> Option<Self> {
        Self::parse(&text.replace('-', "_"))
    }

    /// Whether it only runs inside a pipeline (outsend 8.3).
    #[must_use]
    pub const fn pipeline_only(self) -> bool {
        matches!(self, Self::Import | Self::Filter | Self::Sort)
    }

    /// Whether it can be a node of a pipeline (outsend 13).
    #[must_use]
    pub const fn pipelinable(self) -> bool {
        !matches!(self, Self::DeliveryCheck)
    }

    /// Planned requests of an item, with the module's options (outsend 12.0).
    #[must_use]
    pub fn weight(self, options: &Map<String, Value>) -> u64 {
        if self.wants_screenshot(options) { 5 } else { self.entry().weight }
    }

    /// Whether it is `brand_assets`, and a picture of each page is asked for (outsend 12.10).
    #[must_use]
    pub fn wants_screenshot(self, options: &Map<String, Value>) -> bool {
        self == Self::BrandAssets && options.get("capture_screenshot").and_then(Value::as_bool) == Some(true)
    }

    /// Whether it can be run here; the others are `alpha_unavailable` (outsend 13).
    #[must_use]
    pub const fn available(self, configured: Configured) -> bool {
        match self {
            Self::Pagespeed => configured.pagespeed,
            Self::Reviews => configured.reviews,
            Self::DeliveryCheck => configured.delivery_check,
            Self::Scrap
            | Self::Import
            | Self::Filter
            | Self::Sort
            | Self::VerifyEmails
            | Self::Emails
            | Self::Socials
            | Self::DeadCheck
            | Self::Techstack
            | Self::AdsIntelligence
            | Self::BrandAssets
            | Self::LegalIds
            | Self::LegalData
            | Self::LegalMentions
            | Self::PhonesExtra => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_at_its_place_and_is_found_by_both_spellings() {
        for (position, entry) in MODULES.iter().enumerate() {
            assert_eq!(entry.module as usize, position);
            assert_eq!(Module::parse_either(&entry.slug.replace('_', "-")), Some(entry.module));
            assert_eq!(entry.module.entry().slug, entry.slug);
        }
        assert_eq!(Module::parse("verify-emails"), None);
        assert_eq!(Module::parse_either("queue"), None);
    }

    #[test]
    fn some_modules_are_available_only_where_they_are_configured() {
        let none = Configured::default();
        assert!(Module::Import.available(none) && Module::LegalData.available(none));
        assert!(!Module::Pagespeed.available(none) && !Module::Reviews.available(none));
        assert!(Module::Pagespeed.available(Configured { pagespeed: true, ..none }));
        assert!(Module::Reviews.available(Configured { reviews: true, ..none }));
        assert!(!Module::DeliveryCheck.available(none));
        assert!(Module::DeliveryCheck.available(Configured { delivery_check: true, ..none }));
    }
}
