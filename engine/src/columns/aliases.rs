//! Names that stand for a canonical column (outsend 11.2).

use crate::{module::Fault, values::fold};

/// Canonical names with their folded aliases, in the order of outsend 11.2.
pub(super) const ALIASES: [(&str, &[&str]); 16] = [
    (
        "nom",
        &[
            "name",
            "raison_sociale",
            "company",
            "company_name",
            "business_name",
            "entreprise",
            "societe",
            "title",
            "titre",
            "nom_entreprise",
            "enseigne",
            "organization",
            "organization_name",
            "organization_1_name",
            "firma",
            "firmenname",
            "unternehmen",
            "raison_social",
        ],
    ),
    (
        "telephone",
        &[
            "phone",
            "tel",
            "phone_number",
            "telephone_1",
            "phone_1",
            "phone_1_value",
            "business_phone",
            "work_phone",
            "primary_phone",
            "main_phone",
            "numero",
            "numero_de_telephone",
            "num_tel",
            "mobile_phone",
            "home_phone",
            "n_de_telephone",
            "no_de_telephone",
            "numero_telephone",
            "num_telephone",
            "telephone_professionnel",
            "telephone_pro",
            "tel_pro",
            "telephone_bureau",
            "telephone_fixe",
            "tel_fixe",
            "phone_work",
            "telefon",
            "telefonnummer",
            "telephone_principal",
            "telefon_geschaftlich",
            "mobiltelefon",
            "handy",
            "portable",
            "telephone_portable",
            "tel_portable",
            "mobile",
            "telephone_mobile",
            "tel_mobile",
            "phone_mobile",
            "mobile_number",
            "mobile_1",
            "cell_phone",
            "gsm",
        ],
    ),
    (
        "site_web",
        &[
            "website",
            "url",
            "site",
            "web",
            "site_internet",
            "homepage",
            "domain",
            "domaine",
            "web_site",
            "website_url",
            "web_page",
            "website_1_value",
            "company_website",
            "site_url",
            "adresse_web",
            "webseite",
            "page_web",
            "homepage_url",
        ],
    ),
    (
        "email",
        &[
            "e_mail",
            "mail",
            "courriel",
            "email_address",
            "e_mail_address",
            "adresse_email",
            "adresse_e_mail",
            "adresse_mail",
            "adresse_electronique",
            "email_1",
            "e_mail_1",
            "email_1_value",
            "e_mail_1_value",
            "primary_email",
            "work_email",
            "business_email",
            "work_e_mail",
            "email_pro",
            "email_professionnel",
            "contact_email",
            "home_email",
            "personal_email",
            "emails",
            "adresse_de_messagerie",
            "adresse_courriel",
            "adresse_e_mail_1",
            "adresse_email_1",
            "email_address_1",
            "e_mail_address_1",
            "emailaddress",
            "email_work",
            "email_home",
            "mel",
            "e_mail_adresse",
            "adresse_e_mail_principale",
            "adresse_email_principale",
            "email_principal",
            "e_mail_pro",
            "e_mail_professionnel",
            "email_perso",
            "e_mail_perso",
            "email_personnel",
            "e_mail_personnel",
            "email_prive",
            "e_mail_prive",
            "email_secondaire",
            "e_mail_secondaire",
            "personal_e_mail",
        ],
    ),
    (
        "lien_google_maps",
        &["google_maps", "google_maps_url", "maps_url", "gmaps", "lien_maps", "maps_link", "place_url"],
    ),
    (
        "adresse",
        &[
            "address",
            "adresse_postale",
            "street",
            "rue",
            "full_address",
            "address_1",
            "stra\u{df}e",
            "strasse",
            "anschrift",
        ],
    ),
    (
        "ville",
        &["city", "town", "commune", "localite", "ort", "stadt", "ville_bureau", "business_city", "address_1_city"],
    ),
    (
        "code_postal",
        &[
            "zip",
            "zipcode",
            "zip_code",
            "postal_code",
            "postcode",
            "cp",
            "plz",
            "postleitzahl",
            "code_postal_bureau",
            "business_postal_code",
            "address_1_postal_code",
        ],
    ),
    ("rating", &["note", "stars", "etoiles", "score_avis", "note_google", "note_moyenne", "average_rating"]),
    (
        "reviews_count",
        &[
            "nb_avis",
            "reviews",
            "review_count",
            "avis",
            "nombre_avis",
            "nombre_d_avis",
            "nb_d_avis",
            "avis_google",
            "number_of_reviews",
            "total_reviews",
        ],
    ),
    ("category", &["categorie", "type", "activity", "activite"]),
    ("siren", &["siren_number", "numero_siren"]),
    ("siret", &["siret_number", "numero_siret"]),
    ("lat", &["latitude"]),
    ("lon", &["longitude", "lng", "long"]),
    ("place_id", &["placeid", "google_place_id"]),
];

/// Aliases that as often mean something else: they count where no better one is there.
const WEAK: [&str; 9] = ["title", "titre", "name", "type", "note", "long", "numero", "emails", "activity"];

/// Aliases of one value among several: they count where there is no plain one.
const QUALIFIED: [&str; 18] = [
    "e_mail_pro",
    "e_mail_professionnel",
    "email_perso",
    "e_mail_perso",
    "email_personnel",
    "e_mail_personnel",
    "email_prive",
    "e_mail_prive",
    "telefon_geschaftlich",
    "email_work",
    "email_home",
    "telephone_professionnel",
    "telephone_pro",
    "tel_pro",
    "telephone_bureau",
    "telephone_fixe",
    "tel_fixe",
    "phone_work",
];

/// Aliases of a second value: they count where there is none of a first.
const SECOND: [&str; 15] = [
    "email_secondaire",
    "e_mail_secondaire",
    "mobiltelefon",
    "handy",
    "portable",
    "telephone_portable",
    "tel_portable",
    "mobile",
    "telephone_mobile",
    "tel_mobile",
    "phone_mobile",
    "mobile_number",
    "mobile_1",
    "cell_phone",
    "gsm",
];

/// Aliases that cells hold as often, as the kind of a number: a row of data does not name a column by them.
const VALUES: [&str; 5] = ["mel", "mobile", "portable", "gsm", "handy"];

/// How good an alias is: those of a smaller number come first.
fn rank(folded: &str) -> u8 {
    let ranks: [&[&str]; 3] = [&QUALIFIED, &SECOND, &WEAK];
    (1..).zip(ranks).find(|(_, names)| names.contains(&folded)).map_or(0, |(rank, _)| rank)
}

/// Whether a cell of a first row names a column, whatever stands beside it.
#[must_use]
pub(crate) fn names_column(cell: &str) -> bool {
    canonical(cell).is_some() && !VALUES.contains(&&*folded_name(cell))
}

/// Whether a column that is folded to `mobile` is the one that phones_extra writes (outsend 12.14), which stays what it is.
fn is_result(columns: &[String], folded: &str) -> bool {
    folded == "mobile" && columns.iter().any(|column| column == "phone_secondary")
}

/// A column's name folded, with the words of `emailAddress` apart.
fn folded_name(name: &str) -> String {
    let mut apart = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for letter in name.chars() {
        if lower && letter.is_uppercase() {
            apart.push(' ');
        }
        lower = letter.is_lowercase() || letter.is_numeric();
        apart.push(letter);
    }
    fold(&apart)
}

/// Whether a folded name stands for a canonical column: one of its aliases, or its own name folded (`Email`).
fn stands_for(folded: &str, entry: &(&str, &[&str])) -> bool {
    entry.0 == folded || entry.1.contains(&folded)
}

/// The canonical column that a single name resolves to (outsend 11.2).
#[must_use]
pub fn canonical(name: &str) -> Option<&'static str> {
    let folded = folded_name(name);
    ALIASES.iter().find(|entry| stands_for(&folded, entry)).map(|entry| entry.0)
}

fn index(columns: &[String], folded: &[String], entry: &(&str, &[&str])) -> Option<usize> {
    let exact = columns.iter().position(|column| column == entry.0);
    let is_alias = |name: &str| stands_for(name, entry) && !is_result(columns, name);
    let aliases = (0..).zip(folded).filter(|(_, name)| is_alias(name));
    exact.or_else(|| aliases.min_by_key(|(_, name)| rank(name)).map(|(index, _)| index))
}

/// Renames the columns that have a canonical name, in place (outsend 11.2).
#[must_use]
pub fn resolve(columns: &[String]) -> Vec<String> {
    let folded: Vec<String> = columns.iter().map(|column| folded_name(column)).collect();
    let mut resolved = columns.to_vec();
    for entry in &ALIASES {
        if let Some(column) = index(columns, &folded, entry).and_then(|index| resolved.get_mut(index)) {
            entry.0.clone_into(column);
        }
    }
    resolved
}

/// A folded name without the number of a second or later value: `email_2`, `phone_3_value`, `e_mail_2_address`.
fn unnumbered(folded: &str) -> Option<String> {
    let is_number = |word: &&str| matches!(word.as_bytes(), [b'2'..=b'9']);
    let words: Vec<&str> = folded.split('_').collect();
    let rest: Vec<&str> = words.iter().copied().filter(|word| !is_number(word)).collect();
    let value = |rest: &[&str]| rest.strip_suffix(&["value"]).unwrap_or(rest).join("_");
    (rest.len() + 1 == words.len()).then(|| value(&rest))
}

/// Where the other columns are that stand for a canonical one: those whose cells count where its own is empty
/// (outsend 8.3, 12.2).
pub(super) fn others(columns: &[String], canonical: &str) -> Vec<usize> {
    let Some(entry) = ALIASES.iter().find(|entry| entry.0 == canonical) else { return Vec::new() };
    let other = |column: &String| {
        let folded = folded_name(column);
        let stands = |name: &str| stands_for(name, entry) && !WEAK.contains(&name) && !is_result(columns, name);
        column != canonical && (stands(&folded) || unnumbered(&folded).is_some_and(|name| stands(&name)))
    };
    (0..).zip(columns).filter(|(_, column)| other(column)).map(|(index, _)| index).collect()
}

/// Where a column is, by its own name or one of its aliases; nothing is renamed (outsend 11.2). `rating` and `note`
/// find each other, and so do `reviews_count` and `nb_avis`.
#[must_use]
pub fn find(columns: &[String], wanted: &str) -> Option<usize> {
    if let Some(exact) = columns.iter().position(|column| column == wanted) {
        return Some(exact);
    }
    let name = match wanted {
        "note" => "rating",
        "nb_avis" => "reviews_count",
        other => other,
    };
    let entry = ALIASES.iter().find(|entry| entry.0 == name)?;
    let folded: Vec<String> = columns.iter().map(|column| folded_name(column)).collect();
    index(columns, &folded, entry)
}

/// Where a column is that was asked for: by its name as it stands or folded, or by any name that stands for it (outsend
/// 11.2), which may be the one that it had before an import renamed it.
///
/// # Errors
/// When there is none: what is asked of no column is refused (outsend 12.17, 12.18).
pub(crate) fn asked(columns: &[String], wanted: &str) -> Result<usize, Fault> {
    let short = |name: &String| name.chars().filter(|letter| !letter.is_control()).take(40).collect::<String>();
    let folded = folded_name(wanted);
    let alike = || columns.iter().position(|column| !folded.is_empty() && folded_name(column) == folded);
    let found = find(columns, wanted).or_else(alike).or_else(|| find(columns, canonical(wanted)?));
    found.ok_or_else(|| {
        let shown: Vec<String> = columns.iter().take(10).map(short).collect();
        let end = if columns.len() > shown.len() { ", ..." } else { "." };
        Fault::Failed(format!("Unknown column: {}. Columns: {}{end}", short(&wanted.to_owned()), shown.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_exact_name_wins_and_else_the_first_alias() {
        let resolved = resolve(&names(&["Website", "Entreprise", "nom", "URL", "Téléphone", "Note", "x"]));
        assert_eq!(resolved, names(&["site_web", "Entreprise", "nom", "URL", "telephone", "rating", "x"]));
        assert_eq!(resolve(&names(&["E-Mail", "Courriel"])), names(&["email", "Courriel"]));
        assert_eq!(resolve(&[]), names(&[]));
        for (given, expected) in [
            // Outlook's, Google's and programs' headers
            (
                ["First Name", "E-mail Address", "Business Phone", "Web Page"],
                ["First Name", "email", "telephone", "site_web"],
            ),
            (
                ["Name", "E-mail 1 - Value", "Phone 1 - Value", "Organization 1 - Name"],
                ["Name", "email", "telephone", "nom"],
            ),
            (["companyName", "emailAddress", "phoneNumber", "websiteUrl"], ["nom", "email", "telephone", "site_web"]),
            (["Adresse e-mail", "email_2", "ID", "URLs"], ["email", "email_2", "ID", "URLs"]),
            (["Work Email", "Mail", "email_1", "x"], ["email", "Mail", "email_1", "x"]),
            // what as often means something else stays where a better column is
            (["Title", "Company", "Type", "Category"], ["Title", "nom", "Type", "category"]),
            (["Note", "Stars", "long", "Longitude"], ["Note", "rating", "long", "lon"]),
            (["Title", "Type", "Note", "long"], ["nom", "category", "rating", "lon"]),
            (["Adresse de messagerie", "Portable", "Fax", "x"], ["email", "telephone", "Fax", "x"]),
            (["Email (Work)", "Email (Home)", "Mobile", "x"], ["email", "Email (Home)", "telephone", "x"]),
            (
                ["M\u{e9}l", "N\u{b0} de t\u{e9}l\u{e9}phone", "T\u{e9}l. mobile", "x"],
                ["email", "telephone", "Tél. mobile", "x"],
            ),
            (
                ["Firma", "E-Mail-Adresse", "Telefon gesch\u{e4}ftlich", "PLZ"],
                ["nom", "email", "telephone", "code_postal"],
            ),
            (
                ["Nom complet", "Adresse e-mail principale", "Portable", "Téléphone principal"],
                ["Nom complet", "email", "Portable", "telephone"],
            ),
            (["Nombre d'avis", "Note Google", "Email perso", "Ort"], ["reviews_count", "rating", "email", "ville"]),
            // a mobile number is a second one, and the one that phones_extra found stays what it is
            (["Mobile", "Téléphone (bureau)", "Email Address 1", "x"], ["Mobile", "telephone", "email", "x"]),
            (["Email (Home)", "Email", "Tel pro", "Phone"], ["Email (Home)", "email", "Tel pro", "telephone"]),
            (["Portable", "Tél. fixe", "E-mail", "x"], ["Portable", "telephone", "email", "x"]),
            (["mobile", "phone_secondary", "fax", "x"], ["mobile", "phone_secondary", "fax", "x"]),
        ] {
            assert_eq!(resolve(&names(&given)), names(&expected));
        }
    }

    #[test]
    fn columns_of_later_values_stand_in_for_the_first() {
        for (columns, canonical, expected) in [
            (["email", "E-mail 2 - Value", "E-mail 3 - Type", "Email"], "email", vec![1, 3]),
            (["email", "E-mail 2 Address", "email_2", "emails"], "email", vec![1, 2]),
            (["telephone", "Phone 2 - Value", "Mobile", "telephone_2"], "telephone", vec![1, 2, 3]),
            (["telephone", "mobile", "phone_secondary", "Phone"], "telephone", vec![3]),
            (["site_web", "Website 2 - Value", "Note", "2"], "site_web", vec![1]),
        ] {
            assert_eq!(others(&names(&columns), canonical), expected, "{columns:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_found_by_any_of_its_names() {
        let columns = names(&["telephone", "email", "Mon Champ", "rating"]);
        for (wanted, expected) in
            [("Phone", 0), ("telephone", 0), ("E-mail", 1), ("mon champ", 2), ("Note", 3), ("Étoiles", 3)]
        {
            assert_eq!(asked(&columns, wanted).ok(), Some(expected), "{wanted}");
        }
        for wanted in ["", "x", "ville", "\u{2605}"] {
            assert!(asked(&columns, wanted).is_err(), "{wanted}");
        }
    }

    #[test]
    fn no_alias_is_in_two_lists_and_all_are_folded() {
        for (position, (name, aliases)) in ALIASES.iter().enumerate() {
            for alias in *aliases {
                assert_eq!(fold(alias), *alias);
                assert_eq!(canonical(alias), Some(*name));
                let others = ALIASES.iter().enumerate().filter(|(other, _)| *other != position);
                assert!(others.into_iter().all(|(_, entry)| !stands_for(alias, entry)), "{alias}");
            }
        }
        // each has one rank, and what is ranked is an alias
        let ranked = [&QUALIFIED[..], &SECOND, &WEAK].concat();
        for (position, name) in ranked.iter().enumerate() {
            assert!(canonical(name).is_some() && !ranked[..position].contains(name), "{name}");
        }
        assert!(VALUES.iter().all(|name| canonical(name).is_some()));
    }

    #[test]
    fn lookups_find_either_name_of_a_pair() {
        assert_eq!(find(&names(&["a", "note"]), "rating"), Some(1));
        assert_eq!(find(&names(&["a", "rating"]), "note"), Some(1));
        assert_eq!(find(&names(&["rating", "note"]), "note"), Some(1));
        assert_eq!(find(&names(&["Nb avis"]), "nb_avis"), Some(0));
        assert_eq!(find(&names(&["reviews_count"]), "nb_avis"), Some(0));
        assert_eq!(find(&names(&["Website"]), "site_web"), Some(0));
        assert_eq!(find(&names(&["Website"]), "mobile"), None);
        assert_eq!(find(&names(&["site_alive"]), "site_alive"), Some(0));
    }
}
