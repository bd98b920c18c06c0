//! The page `/resend-verification` (outsend 6.7).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/resend-verification",
    title: Words { en: "Confirm your e-mail address", fr: "Confirmez votre adresse e-mail" },
    intro: Words { en: "We mail you a new link.", fr: "Nous vous envoyons un nouveau lien." },
    inputs: &[],
    button: words::SEND,
    done: Done::Say {
        title: words::LOOK_INTO_MAIL,
        text: Words {
            en: "A mail with a new link is on its way.",
            fr: "Un message contenant un nouveau lien est en route.",
        },
        on: Some(("/home", Words { en: "Back", fr: "Retour" })),
    },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
