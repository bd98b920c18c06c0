//! The page `/verify-email` (outsend 6.7).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/verify-email",
    title: Words { en: "Confirm your e-mail address", fr: "Confirmez votre adresse e-mail" },
    intro: Words {
        en: "If you signed up yourself, confirm that this address is yours.",
        fr: "Si vous vous êtes inscrit vous-même, confirmez que cette adresse est la vôtre.",
    },
    inputs: &[words::TOKEN],
    button: Words { en: "Confirm my address", fr: "Confirmer mon adresse" },
    done: Done::Say {
        title: Words { en: "Your address is confirmed", fr: "Votre adresse est confirmée" },
        text: Words { en: "You can go on now.", fr: "Vous pouvez continuer." },
        on: Some(("/home", Words { en: "Go on", fr: "Continuer" })),
    },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
