//! The page `/resend-verification` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/resend-verification",
    title: Words { en: "Confirm your e-mail address", fr: "Confirmez votre adresse e-mail" },
    intro: Words {
        en: "We mail you a new link, if the address is not confirmed yet.",
        fr: "Nous vous envoyons un nouveau lien, si l'adresse n'est pas encore confirmée.",
    },
    inputs: &[words::EMAIL_INPUT],
    button: words::SEND,
    done: Done::Say { title: words::LOOK_INTO_MAIL, text: words::SENT_IF_KNOWN, on: Some(words::SIGN_IN) },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
