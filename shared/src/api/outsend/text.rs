//! Texts in English and French (outsend 2.5, 3.3).

use crate::model::Locale;

/// The language of a request's texts: French only when the header prefers it (outsend 2.5).
#[must_use]
pub(super) fn language(accept_language: Option<&str>) -> Locale {
    let (mut french, mut english) = ((0.0_f32, usize::MAX), (0.0_f32, usize::MAX));
    for (position, range) in accept_language.unwrap_or_default().split(',').enumerate() {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()).unwrap_or(1.0);
        let primary = tag.split('-').next().unwrap_or_default();
        let best = match primary {
            "fr" => &mut french,
            "en" | "*" => &mut english,
            _ => continue,
        };
        if weight > best.0 {
            *best = (weight, position);
        }
    }
    let prefers = french.0 > english.0 || (french.0 > 0.0 && french.0 >= english.0 && french.1 < english.1);
    if prefers { Locale::Fr } else { Locale::En }
}

/// A failure's text (outsend 3.3); each variant is a row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// bad_json
    BadJson,
    /// bad_content_type
    BadContentType,
    /// captcha
    Captcha,
    /// signup_refused
    SignUpRefused,
    /// token_invalid
    TokenInvalid,
    /// wrong_password
    WrongPassword,
    /// already_verified
    AlreadyVerified,
    /// cap_reached, for API keys
    KeyCapReached(usize),
    /// auth_required
    AuthRequired,
    /// bad_credentials
    BadCredentials,
    /// deactivated
    Deactivated,
    /// cross_site
    CrossSite,
    /// session_only
    SessionOnly,
    /// scope
    Scope(&'static str),
    /// route
    Route,
    /// no_key
    NoKey,
    /// method, with the methods that the path has
    Method(String),
    /// too_large
    TooLarge,
    /// rate, with the seconds to wait
    Rate(u32),
    /// server
    Server,
}

impl Detail {
    /// The status.
    #[must_use]
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::BadJson
            | Self::BadContentType
            | Self::Captcha
            | Self::SignUpRefused
            | Self::TokenInvalid
            | Self::AlreadyVerified
            | Self::WrongPassword
            | Self::KeyCapReached(_) => 400,
            Self::AuthRequired | Self::BadCredentials => 401,
            Self::Deactivated | Self::CrossSite | Self::SessionOnly | Self::Scope(_) => 403,
            Self::Route | Self::NoKey => 404,
            Self::Method(_) => 405,
            Self::TooLarge => 413,
            Self::Rate(_) => 429,
            Self::Server => 500,
        }
    }

    /// The text.
    #[must_use]
    pub(super) fn text(&self, language: Locale) -> String {
        let (english, french) = match self {
            Self::BadJson => ("Request body is not valid JSON.", "Le corps de la requête n'est pas un JSON valide."),
            Self::BadContentType => {
                ("Content-Type must be application/json.", "Content-Type doit être application/json.")
            }
            Self::Captcha => ("Captcha verification failed.", "La vérification du captcha a échoué."),
            Self::SignUpRefused => {
                ("Sign-up is not possible with these details.", "Inscription impossible avec ces informations.")
            }
            Self::TokenInvalid => ("This link is invalid or has expired.", "Ce lien est invalide ou a expiré."),
            Self::AlreadyVerified => ("E-mail address is already verified.", "L'adresse e-mail est déjà vérifiée."),
            Self::WrongPassword => ("Current password is incorrect.", "Le mot de passe actuel est incorrect."),
            Self::KeyCapReached(n) => {
                return pick(
                    language,
                    format!("Limit reached: {n} API keys."),
                    format!("Limite atteinte : {n} clés API."),
                );
            }
            Self::AuthRequired => ("Authentication required.", "Authentification requise."),
            Self::BadCredentials => ("Incorrect e-mail or password.", "E-mail ou mot de passe incorrect."),
            Self::Deactivated => ("Account is deactivated.", "Compte désactivé."),
            Self::CrossSite => ("Cross-site request refused.", "Requête intersite refusée."),
            Self::SessionOnly => {
                ("This endpoint requires a browser session.", "Cette route exige une session navigateur.")
            }
            Self::Scope(scope) => {
                return pick(
                    language,
                    format!("API key lacks the {scope} scope."),
                    format!("La clé API n'a pas la portée {scope}."),
                );
            }
            Self::Route => ("Not found.", "Introuvable."),
            Self::NoKey => ("API key not found.", "Clé API introuvable."),
            Self::Method(_) => ("Method not allowed.", "Méthode non autorisée."),
            Self::TooLarge => ("Request body is too large.", "Le corps de la requête est trop volumineux."),
            Self::Rate(n) => {
                return pick(
                    language,
                    format!("Too many requests. Try again in {n} s."),
                    format!("Trop de requêtes. Réessayez dans {n} s."),
                );
            }
            Self::Server => ("Internal server error.", "Erreur interne du serveur."),
        };
        pick(language, english, french).to_owned()
    }
}

/// What is wrong with a field (outsend 3.3, below the table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The field is needed and not there.
    Required,
    /// The value has not the form.
    Format,
    /// The value has another JSON type than this one.
    Type(&'static str),
    /// A number is outside its range.
    Between(i64, i64),
    /// A text has too few or too many characters.
    Characters(usize, usize),
    /// A list has too few or too many entries.
    Entries(usize, usize),
    /// The value is none of these.
    OneOf(&'static str),
    /// The value must be `true`.
    NotTrue,
    /// A password without a letter, or without a digit or symbol.
    WeakPassword,
}

impl Fault {
    /// The message.
    #[must_use]
    pub(super) fn text(&self, language: Locale) -> String {
        let (english, french) = match self {
            Self::Required => ("Field is required.".to_owned(), "Champ obligatoire.".to_owned()),
            Self::Format => ("Invalid format.".to_owned(), "Format invalide.".to_owned()),
            Self::Type(kind) => (format!("Must be a {kind}."), format!("Doit être de type {kind}.")),
            Self::Between(a, b) => {
                (format!("Must be between {a} and {b}."), format!("Doit être compris entre {a} et {b}."))
            }
            Self::Characters(a, b) => {
                (format!("Must have {a} to {b} characters."), format!("Doit contenir de {a} à {b} caractères."))
            }
            Self::Entries(a, b) => {
                (format!("Must have {a} to {b} entries."), format!("Doit contenir de {a} à {b} éléments."))
            }
            Self::OneOf(list) => (format!("Must be one of: {list}."), format!("Doit être l'une des valeurs : {list}.")),
            Self::NotTrue => ("Must be true.".to_owned(), "Doit être vrai.".to_owned()),
            Self::WeakPassword => (
                "Must contain a letter and a digit or symbol.".to_owned(),
                "Doit contenir une lettre et un chiffre ou un symbole.".to_owned(),
            ),
        };
        pick(language, english, french)
    }
}

fn pick<T>(language: Locale, english: T, french: T) -> T {
    match language {
        Locale::En => english,
        Locale::Fr => french,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_only_when_it_is_preferred() {
        for french in ["fr", "fr-CA", "fr, en", "en;q=0.8, fr;q=0.9", "de, fr;q=0.2", "fr;q=0.5, *;q=0.5", "FR"] {
            assert_eq!(language(Some(french)), Locale::Fr, "{french}");
        }
        for english in ["en", "", "de", "en, fr", "*, fr", "fr;q=0.8, en", "fr;q=0", "fr;q=0.5, en-GB;q=0.6", "frx"] {
            assert_eq!(language(Some(english)), Locale::En, "{english}");
        }
        assert_eq!(language(None), Locale::En);
    }
}
