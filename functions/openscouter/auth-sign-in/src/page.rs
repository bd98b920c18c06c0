//! The page `/sign-in` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/sign-in",
    title: words::SIGN_IN.1,
    intro: Words { en: "", fr: "" },
    inputs: &[words::EMAIL_INPUT, words::PASSWORD_INPUT],
    button: words::SIGN_IN.1,
    done: Done::Go("/home"),
    sign_in: SignIn::Begins,
    links: &[
        words::FORGOT_PASSWORD,
        ("/sign-in-link", Words { en: "Sign in by a mailed link", fr: "Se connecter par un lien" }),
        ("/resend-verification", Words { en: "Confirm my address", fr: "Confirmer mon adresse" }),
        words::SIGN_UP,
    ],
    shut: None,
};
