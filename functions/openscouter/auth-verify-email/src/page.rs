//! The page `/verify-email` (openscouter 7.3).

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
        text: Words { en: "You can sign in now.", fr: "Vous pouvez maintenant vous connecter." },
        on: Some(words::SIGN_IN),
    },
    sign_in: SignIn::Stays,
    links: &[("/resend-verification", Words { en: "Send me another link", fr: "Envoyez-moi un autre lien" })],
    shut: None,
};
