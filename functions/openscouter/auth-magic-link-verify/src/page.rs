//! The page `/magic-link` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/magic-link",
    title: words::SIGN_IN.1,
    intro: Words { en: "", fr: "" },
    inputs: &[words::TOKEN],
    button: words::SIGN_IN.1,
    done: Done::Go("/home"),
    sign_in: SignIn::Begins,
    links: &[("/sign-in-link", Words { en: "Send me another link", fr: "Envoyez-moi un autre lien" }), words::SIGN_IN],
    shut: None,
};
