//! The words of the mails, in both languages (outsend 6.2, openscouter 7).

use maud::{DOCTYPE, html};
use shared::model::Locale;

use crate::mailer::Mail;

/// What a mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Welcome, with the link that verifies the address.
    Welcome,
    /// The link that verifies the address, again.
    Verify,
    /// The link that sets a new password.
    Reset,
    /// The password was changed.
    PasswordChanged,
    /// Somebody tried to sign up with the address of an account.
    AddressTaken,
    /// The link that verifies the address, of OpenScouter.
    ScouterVerify,
    /// The link that sets a new password, of OpenScouter.
    ScouterReset,
    /// The link that signs in.
    MagicLink,
}

/// The words of a mail: subject, sentence, and what its link is called.
const fn words(message: Message, locale: Locale) -> (&'static str, &'static str, &'static str) {
    match (message, locale) {
        (Message::Welcome, Locale::En) => (
            "Welcome to Outsend",
            "Your account is ready. Please confirm your e-mail address, if you signed up yourself just now; else ignore this mail. \
             The link is valid for 48 hours.",
            "Confirm my address",
        ),
        (Message::Welcome, Locale::Fr) => (
            "Bienvenue sur Outsend",
            "Votre compte est prêt. Merci de confirmer votre adresse e-mail, si vous venez de vous inscrire vous-même ; \
             sinon ignorez ce message. Le lien est valable 48 heures.",
            "Confirmer mon adresse",
        ),
        (Message::Verify, Locale::En) => (
            "Confirm your e-mail address",
            "Please confirm your e-mail address; the link is valid for 48 hours.",
            "Confirm my address",
        ),
        (Message::Verify, Locale::Fr) => (
            "Confirmez votre adresse e-mail",
            "Merci de confirmer votre adresse e-mail ; le lien est valable 48 heures.",
            "Confirmer mon adresse",
        ),
        (Message::Reset | Message::ScouterReset, Locale::En) => (
            "Set a new password",
            "Somebody asked for a new password for your account. If it was you, follow the link; it is valid for 1 hour. \
             A new password ends every session and every other link; if you choose so, also API keys, tokens and connections.",
            "Set a new password",
        ),
        (Message::Reset | Message::ScouterReset, Locale::Fr) => (
            "Choisissez un nouveau mot de passe",
            "Un nouveau mot de passe a été demandé pour votre compte. Si c'était vous, suivez le lien, valable 1 heure. \
             Un nouveau mot de passe ferme toutes les sessions et annule tous les autres liens ; si vous le choisissez, \
             aussi les clés d'API, les jetons et les connexions.",
            "Choisir un nouveau mot de passe",
        ),
        (Message::PasswordChanged, Locale::En) => (
            "Your password was changed",
            "The password of your account was changed and every other session was ended. If it was not you, set a new one.",
            "",
        ),
        (Message::PasswordChanged, Locale::Fr) => (
            "Votre mot de passe a été modifié",
            "Le mot de passe de votre compte a été modifié et les autres sessions ont été fermées. \
             Si ce n'était pas vous, choisissez-en un nouveau.",
            "",
        ),
        (Message::ScouterVerify, Locale::En) => (
            "Confirm your e-mail address",
            "Please confirm your e-mail address, if you signed up yourself just now; else ignore this mail. \
             The link is valid for 24 hours.",
            "Confirm my address",
        ),
        (Message::ScouterVerify, Locale::Fr) => (
            "Confirmez votre adresse e-mail",
            "Merci de confirmer votre adresse e-mail, si vous venez de vous inscrire vous-même ; sinon ignorez ce message. \
             Le lien est valable 24 heures.",
            "Confirmer mon adresse",
        ),
        (Message::MagicLink, Locale::En) => (
            "Your sign-in link",
            "Follow the link to sign in; it works once, within 15 minutes. If you did not ask for it, ignore this mail.",
            "Sign in",
        ),
        (Message::MagicLink, Locale::Fr) => (
            "Votre lien de connexion",
            "Suivez le lien pour vous connecter ; il sert une fois, pendant 15 minutes. \
             Si vous ne l'avez pas demandé, ignorez ce message.",
            "Me connecter",
        ),
        (Message::AddressTaken, Locale::En) => (
            "You already have an account",
            "Somebody tried to sign up with your e-mail address. You have an account already. \
             If you do not know its password, ask for a new one: your account is yours alone from then on.",
            "",
        ),
        (Message::AddressTaken, Locale::Fr) => (
            "Vous avez déjà un compte",
            "Une inscription a été tentée avec votre adresse e-mail. Vous avez déjà un compte. \
             Si vous n'en connaissez pas le mot de passe, demandez-en un nouveau : le compte ne sera alors qu'à vous.",
            "",
        ),
    }
}

/// Composes a mail to a person called `name`, or whose name is not to be told; `link` only where the message has one.
pub(super) fn compose(message: Message, locale: Locale, name: Option<&str>, link: Option<&str>) -> Mail {
    let (subject, sentence, called) = words(message, locale);
    let hello = match locale {
        Locale::En => "Hello",
        Locale::Fr => "Bonjour",
    };
    let greeting = name.map_or_else(|| format!("{hello},"), |name| format!("{hello} {name},"));
    let text_link = link.map_or_else(String::new, |link| format!("\n{called}: {link}\n"));
    let page = html! {
        (DOCTYPE)
        html lang=(locale.as_str()) {
            body {
                p { (greeting) }
                p { (sentence) }
                @if let Some(link) = link {
                    p { a href=(link) { (called) } }
                }
            }
        }
    };
    Mail { subject: subject.into(), text: format!("{greeting}\n\n{sentence}\n{text_link}"), html: page.into_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_not_markup() {
        let mail =
            compose(Message::Reset, Locale::Fr, Some("<b>Zoé</b>"), Some("https://a.test/reset-password?token=x"));
        assert!(mail.html.contains("&lt;b&gt;Zoé") && mail.html.contains("href=\"https://a.test/reset"));
        assert!(mail.text.starts_with("Bonjour <b>Zoé</b>,\n") && mail.text.contains("token=x"));
        let mail = compose(Message::Welcome, Locale::En, None, None);
        assert!(mail.text.starts_with("Hello,\n") && mail.html.contains("<p>Hello,</p>"));
    }
}
