//! The page `/forgot-password` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/forgot-password",
    title: Words { en: "Choose a new password", fr: "Choisir un nouveau mot de passe" },
    intro: Words {
        en: "We mail you a link; it works for an hour.",
        fr: "Nous vous envoyons un lien, valable une heure.",
    },
    inputs: &[words::EMAIL_INPUT],
    button: words::SEND,
    done: Done::Say { title: words::LOOK_INTO_MAIL, text: words::SENT_IF_KNOWN, on: Some(words::SIGN_IN) },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
