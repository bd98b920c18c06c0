//! The columns that modules add (outsend 12).

use serde_json::{Map, Value};

use crate::Module;

/// Those of `brand_assets` when screenshots are asked for.
const WITH_SCREENSHOT: &[&str] = &[
    "logo_url",
    "logo_local_url",
    "logo_source",
    "logo_variants_local_urls",
    "favicon_url",
    "favicon_local_url",
    "brand_color",
    "brand_color_source",
    "brand_palette",
    "screenshot_local_url",
    "fetch_status",
];

/// A module's own columns, in the order of its part of outsend 12.
pub(crate) fn own(module: Module, options: &Map<String, Value>) -> &'static [&'static str] {
    match module {
        Module::Scrap => &[
            "nom",
            "site_web",
            "telephone",
            "adresse",
            "ville",
            "code_postal",
            "rating",
            "reviews_count",
            "category",
            "lien_google_maps",
            "aggregator_flag",
            "query",
            "zone",
            "lat",
            "lon",
            "place_id",
            "attribution",
        ],
        Module::Import | Module::Sort | Module::Filter => &[],
        Module::Reviews => {
            &["nom", "adresse", "lien_google_maps", "reviewer_name", "rating", "date", "review_text", "owner_replied"]
        }
        Module::Emails => &["email", "email_personal", "emails_all", "email_source_url", "fetch_status"],
        Module::VerifyEmails => &["email", "status", "category", "reason", "suggested_fix", "smtp_code", "catch_all"],
        Module::Socials => &[
            "social_facebook",
            "social_instagram",
            "social_linkedin",
            "social_twitter",
            "social_tiktok",
            "social_youtube",
            "fetch_status",
        ],
        Module::DeadCheck => &["site_alive", "site_alive_reason", "fetch_status"],
        Module::Techstack => &["tech_cms", "tech_analytics", "tech_ads_pixels", "fetch_status"],
        Module::AdsIntelligence => &[
            "ads_score",
            "pixels_detected",
            "crm_detected",
            "chat_widget",
            "marketing_tools",
            "ads_active",
            "ads_networks",
            "pixel_meta",
            "pixel_google_ads",
            "cmp_vendor",
            "retargeting",
            "crm_marketing",
            "chat_widgets",
            "fetch_status",
        ],
        Module::BrandAssets if module.wants_screenshot(options) => WITH_SCREENSHOT,
        Module::BrandAssets => &[
            "logo_url",
            "logo_local_url",
            "logo_source",
            "logo_variants_local_urls",
            "favicon_url",
            "favicon_local_url",
            "brand_color",
            "brand_color_source",
            "brand_palette",
            "fetch_status",
        ],
        Module::LegalIds => &["siren", "siret", "legal_ids_url", "fetch_status"],
        Module::LegalData => &[
            "siren",
            "siret",
            "raison_sociale",
            "forme_juridique",
            "forme_juridique_code",
            "capital_social",
            "dirigeants",
            "code_naf",
            "tranche_effectif",
            "date_creation",
            "etat_administratif",
            "chiffre_affaires",
            "resultat_net",
            "annee_finances",
            "adresse_siege",
            "nb_etablissements",
            "statut_lead",
            "legal_match",
            "legal_error",
            "bodacc_procedure_collective",
        ],
        Module::LegalMentions => &[
            "raison_sociale",
            "forme_juridique",
            "capital_social",
            "rcs",
            "adresse_postale",
            "dirigeant",
            "tva_intracom",
            "legal_page_url",
            "fetch_status",
        ],
        Module::PhonesExtra => &["phone_secondary", "mobile", "fax", "fetch_status"],
        Module::Pagespeed => &[
            "perf_score_mobile",
            "perf_score_desktop",
            "lcp_ms",
            "cls",
            "accessibility_score",
            "seo_score",
            "suggestions",
            "best_practices_score",
            "fcp_ms",
            "tbt_ms",
            "inp_ms",
            "audit_status",
        ],
        Module::DeliveryCheck => &["seed_email", "seed_kind", "status", "placement", "subject", "received_relative"],
    }
}

/// What a column is called that a module's own one takes the name of.
const SOURCE: &str = "source_";

/// Columns that every module which visits sites has: their names are no user's.
const COMMON: [&str; 1] = ["fetch_status"];

/// Whether a module's own column has what the input has in it (outsend 12.3).
fn repeats(module: Module, name: &str) -> bool {
    module == Module::Reviews && matches!(name, "nom" | "adresse")
}

/// The columns of a module's output: the input's, then its own; one that is there already keeps its place, and what the input
/// had under its name stays as `source_<name>` behind all, or as `source_<name>_2` where that name is taken (outsend 9.3). What
/// the module reads stays what it is.
#[must_use]
pub fn output(module: Module, options: &Map<String, Value>, input: &[String]) -> Vec<String> {
    let own = own(module, options);
    let mut columns = input.to_vec();
    columns
        .extend(own.iter().filter(|name| !input.iter().any(|column| column == *name)).map(|name| (*name).to_owned()));
    // an input with all of them is an earlier result of the module, and has nothing of the user's
    if own.iter().all(|name| input.iter().any(|column| column == name)) {
        return columns;
    }
    let is_kept =
        |name: &&str| module.entry().column != Some(*name) && !COMMON.contains(name) && !repeats(module, name);
    for name in own.iter().copied().filter(|name| input.iter().any(|column| column == name)).filter(is_kept) {
        let kept = format!("{SOURCE}{name}");
        let numbered = (2..).map(|number| format!("{kept}_{number}"));
        let free = |name: &String| !columns.contains(name);
        columns.extend(std::iter::once(kept.clone()).chain(numbered).find(free));
    }
    columns
}

/// Where the cells of a column come from that is none of the module's own: the input's column of the same name, or the one that
/// the module's own column takes the name of.
#[must_use]
pub fn carried(name: &str, input: &[String]) -> Option<usize> {
    let position = |name: &str| input.iter().position(|column| column == name);
    let kept = || {
        let name = name.strip_prefix(SOURCE)?;
        // no module's own column ends in a number
        let numbered = name.rsplit_once('_').filter(|(_, number)| number.parse::<u32>().is_ok());
        numbered.and_then(|(name, _)| position(name)).or_else(|| position(name))
    };
    position(name).or_else(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_columns_follow_and_known_ones_keep_their_place() {
        let input = ["status".to_owned(), "nom".to_owned(), "email".to_owned()];
        assert_eq!(
            output(Module::VerifyEmails, &Map::new(), &input),
            [
                "status",
                "nom",
                "email",
                "category",
                "reason",
                "suggested_fix",
                "smtp_code",
                "catch_all",
                "source_status"
            ]
        );
        let once = output(Module::VerifyEmails, &Map::new(), &input);
        assert_eq!(
            output(Module::VerifyEmails, &Map::new(), &once),
            once,
            "an earlier result has nothing of the user's"
        );
        let some = ["status".to_owned(), "email".to_owned(), "reason".to_owned(), "source_reason".to_owned()];
        let kept = output(Module::VerifyEmails, &Map::new(), &some);
        assert_eq!(kept.last().map(String::as_str), Some("source_reason_2"), "the user's own stays, too: {kept:?}");
        assert_eq!(kept.iter().filter(|name| name.starts_with("source_")).count(), 3, "{kept:?}");
        assert_eq!(carried("source_reason_2", &some), Some(2));
        assert_eq!(carried("source_status", &input), Some(0));
        assert_eq!(carried("nom", &input), Some(1));
        assert_eq!(carried("source_nothing", &input), None);
        for module in [Module::Import, Module::Sort, Module::Filter] {
            assert_eq!(output(module, &Map::new(), &input), input);
        }
    }
}
